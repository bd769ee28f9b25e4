//! Transitions: norm, ReLU, 1x1 convolution and 2x2 average pooling. The pooling is computed first, which gives the
//! same result with a quarter of the convolution's products.

use super::CpuContext;
use super::block::{Block, BlockGradient};
use super::conv1x1::conv1x1;
use super::kernels::norm_relu_backward_set;
use super::memory::{StepWorkspace, ThreadWorkspace, add_weight_gradients, sized, thread_workspaces, tile_pixels};
use super::packing::PassWeights;
use super::parameters::{Gradients, Parameters, channels as channels_of};
use super::row_sources::NormReluAveragePool;
use super::shape::TensorShape;
use super::statistics::{BatchNormTerms, NormBackwardSums};
use crate::kernels::gemm::{DenseRows, GemmOutput, PackedB, gemm, gemm_transposed_a};
use crate::parallel::{for_each_job, split_rows, thread_parts};
use crate::partition::chunk_ranges;
use lens_base::Result;
use lens_model::Transition;

/// The shape after pooling; an odd last row or column is ignored.
fn pooled(shape: TensorShape) -> TensorShape {
    TensorShape { height: shape.height / 2, width: shape.width / 2, ..shape }
}

/// The first of the 2x2 pixels of pooled pixel `row`.
fn corner(shape: TensorShape, row: usize) -> usize {
    let pooled = pooled(shape);
    let (image, pixel) = (row / pooled.pixels(), row % pooled.pixels());
    image * shape.pixels() + pixel / pooled.width * 2 * shape.width + pixel % pooled.width * 2
}

/// Writes the first channels of the next block.
pub fn forward(
    cpu: CpuContext,
    from: &Block,
    to: &mut Block,
    transition: &Transition,
    parameters: &mut Parameters,
    weights: &PassWeights,
) -> Result<()> {
    from.statistics.update_running(parameters, &transition.norm);
    let affine = from.statistics.scale_shift(parameters, &transition.norm);
    let (rows, pixel_stride) = (to.shape.rows(), to.shape.channels);
    let output = &mut to.values[..rows * pixel_stride];
    let (count, _) = channels_of(transition.conv);
    let weights = weights.forward(cpu, transition.conv);
    let shape = from.shape;
    let pooled = |first: usize| NormReluAveragePool {
        values: &from.values,
        affine: &affine,
        window: move |row: usize| pool_window(shape, first + row),
    };
    let moments = conv1x1(cpu, weights, (output, pixel_stride), parameters.observed(count), pooled)?;
    to.statistics.set(0, moments.into_iter());
    Ok(())
}

/// Offsets of the 2x2 pixels of pooled pixel `row`.
fn pool_window(shape: TensorShape, row: usize) -> [usize; 4] {
    let corner = corner(shape, row);
    [corner, corner + 1, corner + shape.width, corner + shape.width + 1].map(|pixel| pixel * shape.channels)
}

/// From the gradient of the next block to that of the block before, which replaces it.
pub fn backward(
    cpu: CpuContext,
    (from, to): (&Block, &Block),
    transition: &Transition,
    (parameters, weights): (&Parameters, &PassWeights),
    gradient: &mut BlockGradient,
    (gradients, memory): (&mut Gradients, &mut StepWorkspace),
) -> Result<()> {
    let affine = from.statistics.scale_shift(parameters, &transition.norm);
    let (shape, channels) = (from.shape, from.shape.channels);
    let (count, _) = channels_of(transition.conv);
    let weights = weights.backward(cpu, transition.conv);
    let StepWorkspace { output_gradient, threads, .. } = memory;
    let output_gradient = sized(output_gradient, to.shape.rows() * count)?;
    to.finished_gradient(cpu, 0..count, gradient, output_gradient)?;

    let (pooled, pixels) = (pooled(shape), tile_pixels(channels));
    let total = sized(&mut gradient.values, shape.len())?;
    // A part is whole images, whose pixels no other part writes.
    let parts = thread_parts(cpu.pool, shape.images);
    let totals = split_rows(total, shape.pixels() * channels, &parts);
    let weight_count = count * channels;
    let threads = thread_workspaces(threads, parts.len());
    let mut jobs: Vec<_> = parts
        .into_iter()
        .zip(totals)
        .zip(threads)
        .map(|((part, total), memory)| (part, total, memory, NormBackwardSums::new(channels)))
        .collect();
    let mean = from.statistics.mean(0..channels);
    for_each_job(cpu.pool, &mut jobs, |(part, total, memory, sums)| {
        if shape.height % 2 + shape.width % 2 > 0 {
            total.fill(0.0);
        }
        let first = part.start * shape.pixels() * channels;
        let ThreadWorkspace { tile_gradient, weight_gradient, panels, .. } = &mut **memory;
        let weight_gradient = sized(weight_gradient, weight_count)?;
        let tile_gradient = sized(tile_gradient, pixels * channels)?;
        let rows = part.start * pooled.pixels()..part.end * pooled.pixels();
        for tile in chunk_ranges(rows.clone(), pixels) {
            let size = tile.len();
            let output_gradient = &output_gradient[tile.start * count..tile.end * count];
            let input = NormReluAveragePool {
                values: &from.values,
                affine: &affine,
                window: |row: usize| pool_window(shape, row),
            };
            let right = PackedB::of_rows(cpu.instructions, input, tile.clone(), panels)?;
            let accumulate = tile.start > rows.start;
            let target = GemmOutput { values: &mut *weight_gradient, row_stride: channels, accumulate };
            gemm_transposed_a(output_gradient, count, count, right, target);
            let target = GemmOutput { values: &mut *tile_gradient, row_stride: channels, accumulate: false };
            gemm(DenseRows::new(output_gradient, count, count), size, weights, target);
            for (row, pixel_gradient) in tile.zip(tile_gradient.chunks_exact_mut(channels)) {
                pixel_gradient.iter_mut().for_each(|value| *value *= 0.25);
                let [upper, _, lower, _] = pool_window(shape, row);
                for start in [upper, lower] {
                    norm_relu_backward_set(
                        cpu.instructions,
                        pixel_gradient,
                        &from.values[start..start + 2 * channels],
                        channels,
                        &affine.scale,
                        &affine.shift,
                        mean,
                        &mut total[start - first..][..2 * channels],
                        &mut sums.sum_dy,
                        &mut sums.sum_dy_xmu,
                    );
                }
            }
            sums.flush();
        }
        Ok(())
    })?;
    let (memories, sums): (Vec<_>, Vec<_>) = jobs.into_iter().map(|(_, _, memory, sums)| (memory, sums)).unzip();
    add_weight_gradients(cpu, &memories, gradients.of(transition.conv))?;
    gradient.norm_terms = BatchNormTerms::new(channels);
    let (norm_weight, norm_bias) = gradients.of_norm(&transition.norm);
    gradient.norm_terms.add(&from.statistics, &affine, &sums, norm_weight, norm_bias);
    Ok(())
}
