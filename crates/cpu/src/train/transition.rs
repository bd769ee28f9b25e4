//! Between two blocks: norm, ReLU, 1x1 convolution and the mean of 2x2 pixels. The mean comes first here, which changes
//! nothing but the convolution's work, a quarter.

use super::Cpu;
use super::block::{Block, BlockGradient};
use super::kernels::spread_set;
use super::memory::{Memory, ThreadMemory, add_weight_gradients, sized, thread_memory, tile_pixels};
use super::packing::Weights;
use super::parameters::{Gradients, Parameters, channels as channels_of};
use super::pointwise::convolve;
use super::shape::Shape;
use super::sources::Pooled;
use super::statistics::{NormSums, Taken};
use crate::cut::steps;
use crate::kernels::product::{Dense, Panels, Target, multiply, multiply_transposed};
use crate::parallel::{for_each_job, parts, split_rows};
use lens_base::Result;
use lens_model::Transition;

/// Height and width after pooling; an odd last row or column is left out.
fn pooled(shape: Shape) -> Shape {
    Shape { height: shape.height / 2, width: shape.width / 2, ..shape }
}

/// The first of the 2x2 pixels that pooled pixel `row` is the mean of.
fn corner(shape: Shape, row: usize) -> usize {
    let pooled = pooled(shape);
    let (image, pixel) = (row / pooled.pixels(), row % pooled.pixels());
    image * shape.pixels() + pixel / pooled.width * 2 * shape.width + pixel % pooled.width * 2
}

/// The first channels of the next block.
pub fn forward(
    cpu: Cpu,
    from: &Block,
    to: &mut Block,
    transition: &Transition,
    parameters: &mut Parameters,
    weights: &Weights,
) -> Result<()> {
    from.statistics.update_running(parameters, &transition.norm);
    let affine = from.statistics.affine(parameters, &transition.norm);
    let (rows, step) = (to.shape.rows(), to.shape.channels);
    let output = &mut to.values[..rows * step];
    let (count, _) = channels_of(transition.conv);
    let weights = weights.forward(cpu, transition.conv);
    let shape = from.shape;
    let pooled = |first: usize| Pooled {
        values: &from.values,
        affine: &affine,
        quad: move |row: usize| quad(shape, first + row),
    };
    let moments = convolve(cpu, weights, (output, step), parameters.observed(count), pooled)?;
    to.statistics.set(0, moments.into_iter());
    Ok(())
}

/// Where the numbers of the 2x2 pixels begin.
fn quad(shape: Shape, row: usize) -> [usize; 4] {
    let corner = corner(shape, row);
    [corner, corner + 1, corner + shape.width, corner + shape.width + 1].map(|pixel| pixel * shape.channels)
}

/// From the gradient of the next block's pixels to that of the block before, whose place it takes.
pub fn backward(
    cpu: Cpu,
    (from, to): (&Block, &Block),
    transition: &Transition,
    (parameters, weights): (&Parameters, &Weights),
    gradient: &mut BlockGradient,
    (gradients, memory): (&mut Gradients, &mut Memory),
) -> Result<()> {
    let affine = from.statistics.affine(parameters, &transition.norm);
    let (shape, channels) = (from.shape, from.shape.channels);
    let (count, _) = channels_of(transition.conv);
    let weights = weights.backward(cpu, transition.conv);
    let Memory { outer_gradient, threads, .. } = memory;
    let output_gradient = sized(outer_gradient, to.shape.rows() * count)?;
    to.settled(cpu, 0..count, gradient, output_gradient)?;

    let (pooled, pixels) = (pooled(shape), tile_pixels(channels));
    let total = sized(&mut gradient.values, shape.len())?;
    // A part is whole images, whose pixels nobody else writes.
    let parts = parts(cpu.pool, shape.images);
    let totals = split_rows(total, shape.pixels() * channels, &parts);
    let weight_count = count * channels;
    let threads = thread_memory(threads, parts.len());
    let mut jobs: Vec<_> = parts
        .into_iter()
        .zip(totals)
        .zip(threads)
        .map(|((part, total), memory)| (part, total, memory, NormSums::new(channels)))
        .collect();
    let mean = from.statistics.mean(0..channels);
    for_each_job(cpu.pool, &mut jobs, |(part, total, memory, sums)| {
        if shape.height % 2 + shape.width % 2 > 0 {
            total.fill(0.0);
        }
        let first = part.start * shape.pixels() * channels;
        let ThreadMemory { tile_gradient, weight_gradient, panels, .. } = &mut **memory;
        let weight_gradient = sized(weight_gradient, weight_count)?;
        let tile_gradient = sized(tile_gradient, pixels * channels)?;
        let rows = part.start * pooled.pixels()..part.end * pooled.pixels();
        for tile in steps(rows.clone(), pixels) {
            let size = tile.len();
            let output_gradient = &output_gradient[tile.start * count..tile.end * count];
            let input = Pooled { values: &from.values, affine: &affine, quad: |row: usize| quad(shape, row) };
            let right = Panels::of_rows(cpu.instructions, input, tile.clone(), panels)?;
            let accumulate = tile.start > rows.start;
            let target = Target { values: &mut *weight_gradient, step: channels, accumulate };
            multiply_transposed(output_gradient, count, count, right, target);
            let target = Target { values: &mut *tile_gradient, step: channels, accumulate: false };
            multiply(Dense::new(output_gradient, count, count), size, weights, target);
            for (row, pixel_gradient) in tile.zip(tile_gradient.chunks_exact_mut(channels)) {
                pixel_gradient.iter_mut().for_each(|value| *value *= 0.25);
                let [upper, _, lower, _] = quad(shape, row);
                for start in [upper, lower] {
                    spread_set(
                        cpu.instructions,
                        pixel_gradient,
                        &from.values[start..start + 2 * channels],
                        channels,
                        &affine.scale,
                        &affine.shift,
                        mean,
                        &mut total[start - first..][..2 * channels],
                        &mut sums.first,
                        &mut sums.second,
                    );
                }
            }
            sums.flush();
        }
        Ok(())
    })?;
    let (memories, sums): (Vec<_>, Vec<_>) = jobs.into_iter().map(|(_, _, memory, sums)| (memory, sums)).unzip();
    add_weight_gradients(cpu, &memories, gradients.of(transition.conv))?;
    gradient.taken = Taken::new(channels);
    let (norm_weight, norm_bias) = gradients.of_norm(&transition.norm);
    gradient.taken.add(&from.statistics, &affine, &sums, norm_weight, norm_bias);
    Ok(())
}
