//! Between two blocks: norm, ReLU, 1x1 convolution and the mean of 2x2 pixels. The mean comes first here, which changes
//! nothing but the convolution's work, a quarter.

use super::block::{Block, BlockGradient};
use super::kernels::{InstructionSet, normalize_pooled, spread_set};
use super::memory::{Gradients, Memory, ThreadMemory, add_weight_gradients, sized, thread_memory, tile_pixels, tiles};
use super::pointwise::convolve;
use super::statistics::{Affine, NormSums, Taken};
use crate::error::Result;
use crate::model::Transition;
use crate::runtime::matrix::{Factor, Matrix, MatrixMut};
use crate::runtime::parallel::{Shape, floats, for_each_job, parts, split_rows};
use std::ops::Range;
use tch::Tensor;

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
    set: InstructionSet,
    from: &Block,
    to: &mut Block,
    transition: &Transition,
    parameters: &mut [Tensor],
    memory: &mut Memory,
) -> Result<()> {
    from.statistics.update_running(parameters, &transition.norm)?;
    let affine = from.statistics.affine(parameters, &transition.norm)?;
    let (rows, step) = (to.shape.rows(), to.shape.channels);
    let output = &mut to.values[..rows * step];
    let moments = convolve(set, &parameters[transition.conv], (output, step), memory, |tile, pooled| {
        pool(set, from, &affine, tile, pooled);
    })?;
    to.statistics.set(0, moments.into_iter());
    Ok(())
}

/// Norm, ReLU and mean for a range of pooled pixels.
fn pool(set: InstructionSet, from: &Block, affine: &Affine, tile: Range<usize>, output: &mut [f32]) {
    for (row, pooled) in tile.zip(output.chunks_exact_mut(from.shape.channels)) {
        let starts = quad(from.shape, row);
        normalize_pooled(set, &from.values, starts, &affine.scale, &affine.shift, pooled);
    }
}

/// Where the numbers of the 2x2 pixels begin.
fn quad(shape: Shape, row: usize) -> [usize; 4] {
    let corner = corner(shape, row);
    [corner, corner + 1, corner + shape.width, corner + shape.width + 1].map(|pixel| pixel * shape.channels)
}

/// From the gradient of the next block's pixels to that of the block before, whose place it takes.
pub fn backward(
    set: InstructionSet,
    (from, to): (&Block, &Block),
    transition: &Transition,
    parameters: &[Tensor],
    gradient: &mut BlockGradient,
    (gradients, memory): (&mut Gradients, &mut Memory),
) -> Result<()> {
    let affine = from.statistics.affine(parameters, &transition.norm)?;
    let (shape, channels) = (from.shape, from.shape.channels);
    let count = parameters[transition.conv].size()[0] as usize;
    let weight = floats(&parameters[transition.conv])?;
    let output_gradient = sized(&mut memory.outer_gradient, to.shape.rows() * count)?;
    to.settled(set, 0..count, gradient, output_gradient)?;

    let (pooled, pixels) = (pooled(shape), tile_pixels(channels));
    let total = sized(&mut gradient.values, shape.len())?;
    // A part is whole images, whose pixels nobody else writes.
    let parts = parts(shape.images);
    let totals = split_rows(total, shape.pixels() * channels, &parts);
    let Memory { threads, panels, .. } = memory;
    let weight_count = weight.len();
    let weight = Factor::of(Matrix::new(weight, count, channels, channels), panels)?;
    let threads = thread_memory(threads, parts.len());
    let mut jobs: Vec<_> = parts
        .into_iter()
        .zip(totals)
        .zip(threads)
        .map(|((part, total), memory)| (part, total, memory, NormSums::new(channels)))
        .collect();
    let mean = from.statistics.mean(0..channels);
    for_each_job(&mut jobs, |(part, total, memory, sums)| {
        if shape.height % 2 + shape.width % 2 > 0 {
            total.fill(0.0);
        }
        let first = part.start * shape.pixels() * channels;
        let ThreadMemory { tile: tile_memory, tile_gradient, weight_gradient, panels } = &mut **memory;
        let weight_gradient = sized(weight_gradient, weight_count)?;
        let tile_memory = sized(tile_memory, pixels * channels)?;
        let tile_gradient = sized(tile_gradient, pixels * channels)?;
        let rows = part.start * pooled.pixels()..part.end * pooled.pixels();
        for tile in tiles(rows.clone(), pixels) {
            pool(set, from, &affine, tile.clone(), tile_memory);
            let size = tile.len();
            let output_gradient =
                Matrix::new(&output_gradient[tile.start * count..tile.end * count], size, count, count);
            MatrixMut::new(weight_gradient, count, channels, channels).multiply(
                output_gradient.transposed(),
                &Factor::of(Matrix::new(tile_memory, size, channels, channels), panels)?,
                tile.start > rows.start,
            )?;
            MatrixMut::new(tile_gradient, size, channels, channels).multiply(output_gradient, &weight, false)?;
            for (row, pixel_gradient) in tile.zip(tile_gradient.chunks_exact_mut(channels)) {
                pixel_gradient.iter_mut().for_each(|value| *value *= 0.25);
                let [upper, _, lower, _] = quad(shape, row);
                for start in [upper, lower] {
                    spread_set(
                        set,
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
    add_weight_gradients(set, &memories, gradients.of(transition.conv))?;
    gradient.taken = Taken::new(channels);
    let (norm_weight, norm_bias) = gradients.of_norm(&transition.norm);
    gradient.taken.add(&from.statistics, &affine, &sums, norm_weight, norm_bias);
    Ok(())
}
