//! The stem: 7x7 convolution, norm, ReLU and 3x3 max pooling. For gray images the convolution takes a third of the
//! products: its weights are summed over the colours, which get equal gradients.

use super::CpuContext;
use super::block::{Block, BlockGradient};
use super::convolution::{ConvGeometry, Window};
use super::kernels::{max_unpool, norm_backward_sums, norm_relu_backward, norm_relu_max};
use super::memory::{StepWorkspace, add_window_gradients, sized, thread_workspaces, tile_pixels};
use super::parameters::{Gradients, Parameters};
use super::shape::TensorShape;
use super::statistics::{BatchNormTerms, Moments, NormBackwardSums, Statistics};
use crate::kernels::gemm::PackedB;
use crate::kernels::vector::Instructions;
use crate::parallel::{for_each_job, split_rows, thread_parts};
use crate::partition::chunk_ranges;
use lens_base::Result;
use lens_model::LAYOUT;

const WINDOW: Window = Window { side: 7, stride: 2, padding: 3 };
/// Channels of the convolution's output.
const CHANNELS: usize = 64;
/// Red, green and blue.
const COLOURS: usize = 3;

/// Output side of a padded window of stride 2.
fn halved(side: usize) -> usize {
    side.div_ceil(2)
}

/// Shapes of the convolution's output and of the pooled output for an input.
pub fn shapes(input: TensorShape) -> (TensorShape, TensorShape) {
    let convolved =
        TensorShape { height: halved(input.height), width: halved(input.width), channels: CHANNELS, ..input };
    (convolved, TensorShape { height: halved(convolved.height), width: halved(convolved.width), ..convolved })
}

/// What the backward pass needs of the forward pass.
#[derive(Default)]
pub struct Stem {
    convolved: Vec<f32>,
    statistics: Statistics,
    /// For each element of the pooled output, the tap of its window that is the maximum.
    argmax: Vec<u8>,
}

impl Stem {
    /// Writes the first channels of the first block.
    pub fn forward(
        &mut self,
        cpu: CpuContext,
        (input, input_shape): (&[f32], TensorShape),
        block: &mut Block,
        parameters: &mut Parameters,
        memory: &mut StepWorkspace,
    ) -> Result<()> {
        let (shape, pooled) = shapes(input_shape);
        let (channels, colours, instructions) = (CHANNELS, input_shape.channels, cpu.instructions);
        let geometry = ConvGeometry::new(WINDOW, input_shape, CHANNELS);
        let weights = pack_weights(instructions, parameters.of(LAYOUT.stem), colours);
        let weights = PackedB::new(instructions, &weights, (weights.len() / channels, channels));
        let line_parts = thread_parts(cpu.pool, geometry.lines());
        let values = sized(&mut self.convolved, shape.len())?;
        let outputs = split_rows(values, shape.width * channels, &line_parts);
        let threads = thread_workspaces(&mut memory.threads, line_parts.len());
        let observed = parameters.observed(channels);
        let mut jobs: Vec<_> = line_parts
            .into_iter()
            .zip(outputs)
            .zip(threads)
            .map(|((part, output), memory)| (part, output, memory, Moments::new(observed)))
            .collect();
        for_each_job(cpu.pool, &mut jobs, |(part, output, memory, moments)| {
            for band in geometry.bands(part.clone()) {
                let padded = geometry.pad(&band, &mut memory.padded, |pixel, line| {
                    line.copy_from_slice(&input[pixel * colours..][..line.len()]);
                })?;
                let line = shape.width * channels;
                let target = &mut output[(band.lines.start - part.start) * line..(band.lines.end - part.start) * line];
                match colours {
                    1 => geometry.convolve::<{ WINDOW.stride }>(&band, padded, weights, (target, channels)),
                    _ => geometry.convolve::<{ WINDOW.stride * COLOURS }>(&band, padded, weights, (target, channels)),
                }
                moments.add(instructions, target, channels);
            }
            Ok(())
        })?;
        self.statistics = Statistics::new(channels);
        self.statistics.set(0, jobs.into_iter().map(|(_, _, _, moments)| moments));
        self.statistics.update_running(parameters, &LAYOUT.stem_norm);
        let affine = self.statistics.scale_shift(parameters, &LAYOUT.stem_norm);
        let values = &self.convolved[..shape.len()];

        let pixel_stride = block.shape.channels;
        let argmax = sized(&mut self.argmax, pooled.len())?;
        let parts = thread_parts(cpu.pool, pooled.rows());
        let outputs = split_rows(&mut block.values[..block.shape.len()], pixel_stride, &parts);
        let argmax = split_rows(argmax, channels, &parts);
        let mut jobs: Vec<_> = parts
            .into_iter()
            .zip(outputs)
            .zip(argmax)
            .map(|((part, output), argmax)| (part, output, argmax, Moments::new(observed)))
            .collect();
        for_each_job(cpu.pool, &mut jobs, |(part, output, argmax, moments)| {
            let pixels = output.chunks_exact_mut(pixel_stride).zip(argmax.chunks_exact_mut(channels));
            let mut window = Vec::with_capacity(9);
            for (row, (output, argmax)) in part.clone().zip(pixels) {
                window_of(shape, pooled, row, &mut window);
                norm_relu_max(instructions, values, &window, &affine.scale, &affine.shift, output, argmax);
            }
            for tile in output.chunks(tile_pixels(channels) * pixel_stride) {
                moments.add(instructions, tile, pixel_stride);
            }
            Ok(())
        })?;
        block.statistics.set(0, jobs.into_iter().map(|(_, _, _, moments)| moments));
        Ok(())
    }

    /// From the gradient of the first block to that of the convolution's weight.
    pub fn backward(
        &self,
        cpu: CpuContext,
        (input, input_shape): (&[f32], TensorShape),
        (block, gradient): (&Block, &BlockGradient),
        parameters: &Parameters,
        (gradients, memory): (&mut Gradients, &mut StepWorkspace),
    ) -> Result<()> {
        let (shape, pooled) = shapes(input_shape);
        let (channels, colours, instructions) = (CHANNELS, input_shape.channels, cpu.instructions);
        let values = &self.convolved[..shape.len()];
        let affine = self.statistics.scale_shift(parameters, &LAYOUT.stem_norm);
        let mean = self.statistics.mean(0..channels);
        let pooled_gradient = sized(&mut memory.output_gradient, pooled.len())?;
        block.finished_gradient(cpu, 0..channels, gradient, pooled_gradient)?;

        let output = sized(&mut memory.bottleneck_gradient, shape.len())?;
        let row_parts = thread_parts(cpu.pool, shape.rows());
        let outputs = split_rows(output, channels, &row_parts);
        let mut jobs: Vec<_> = row_parts
            .into_iter()
            .zip(outputs)
            .map(|(part, output)| (part, output, NormBackwardSums::new(channels)))
            .collect();
        let argmax = &self.argmax;
        for_each_job(cpu.pool, &mut jobs, |(part, output, sums)| {
            let pixels = tile_pixels(channels);
            let mut windows = Vec::with_capacity(4);
            for (tile, output) in chunk_ranges(part.clone(), pixels).zip(output.chunks_mut(pixels * channels)) {
                for (row, output) in tile.clone().zip(output.chunks_exact_mut(channels)) {
                    windows_with(shape, pooled, row, &mut windows);
                    max_unpool(instructions, pooled_gradient, argmax, &windows, output);
                }
                let input = &values[tile.start * channels..tile.end * channels];
                let (sum_dy, sum_dy_xmu) = (&mut sums.sum_dy, &mut sums.sum_dy_xmu);
                norm_backward_sums(instructions, output, input, &affine.scale, &affine.shift, mean, sum_dy, sum_dy_xmu);
                sums.flush();
            }
            Ok(())
        })?;
        let (mut jobs, sums): (Vec<_>, Vec<_>) =
            jobs.into_iter().map(|(part, output, sums)| ((part, output), sums)).unzip();
        let mut norm_terms = BatchNormTerms::new(channels);
        let (norm_weight, norm_bias) = gradients.of_norm(&LAYOUT.stem_norm);
        norm_terms.add(&self.statistics, &affine, &sums, norm_weight, norm_bias);
        for_each_job(cpu.pool, &mut jobs, |(part, output)| {
            let input = &values[part.start * channels..part.end * channels];
            norm_relu_backward(
                instructions,
                output,
                input,
                &affine.scale,
                &affine.shift,
                mean,
                &norm_terms.constant,
                &norm_terms.slope,
            );
            Ok(())
        })?;
        let output = &memory.bottleneck_gradient[..shape.len()];
        let geometry = ConvGeometry::new(WINDOW, input_shape, CHANNELS);
        let line_parts = thread_parts(cpu.pool, geometry.lines());
        let threads = thread_workspaces(&mut memory.threads, line_parts.len());
        let weight_gradient = gradients.of(LAYOUT.stem);
        let mut merged = vec![0.0; weight_gradient.len() / COLOURS * colours];
        let weight_count = merged.len();
        let mut jobs: Vec<_> = line_parts.into_iter().zip(threads).collect();
        for_each_job(cpu.pool, &mut jobs, |(part, memory)| {
            let sums = sized(&mut memory.weight_gradient, weight_count)?;
            sums.fill(0.0);
            for band in geometry.bands(part.clone()) {
                let padded = geometry.pad(&band, &mut memory.padded, |pixel, line| {
                    line.copy_from_slice(&input[pixel * colours..][..line.len()]);
                })?;
                let line = shape.width * channels;
                let band_gradient = &output[band.lines.start * line..band.lines.end * line];
                geometry.add_weight_gradient(instructions, &band, padded, band_gradient, sums);
            }
            Ok(())
        })?;
        let memories: Vec<_> = jobs.into_iter().map(|(_, memory)| memory).collect();
        add_window_gradients(cpu, &memories, channels, &mut merged)?;
        for (weights, sum) in weight_gradient.chunks_exact_mut(COLOURS / colours).zip(merged) {
            weights.iter_mut().for_each(|gradient| *gradient += sum);
        }
        Ok(())
    }
}

/// The convolution's weights as packed B, for images of `colours` channels.
fn pack_weights(instructions: Instructions, weight: &[f32], colours: usize) -> Vec<f32> {
    let merged: Vec<f32> = weight.chunks_exact(COLOURS / colours).map(|weights| weights.iter().sum()).collect();
    let (depth, mut target) = (merged.len() / CHANNELS, vec![0.0; merged.len()]);
    PackedB::pack(instructions, &merged, (depth, CHANNELS), (1, depth), &mut target);
    target
}

/// The pixels in the window of pooled pixel `row`: their offsets, and their taps.
fn window_of(shape: TensorShape, pooled: TensorShape, row: usize, window: &mut Vec<(usize, u8)>) {
    let (image, pixel) = (row / pooled.pixels(), row % pooled.pixels());
    let (top, left) = (pixel / pooled.width * 2, pixel % pooled.width * 2);
    window.clear();
    for tap in 0..9 {
        // Padding of 1: one more than the pixel, which is not negative.
        let (y, x) = (top + tap / 3, left + tap % 3);
        if (1..=shape.height).contains(&y) && (1..=shape.width).contains(&x) {
            let start = (image * shape.pixels() + (y - 1) * shape.width + x - 1) * shape.channels;
            window.push((start, tap as u8));
        }
    }
}

/// The pooled pixels whose windows contain pixel `row`, and its taps in them.
fn windows_with(shape: TensorShape, pooled: TensorShape, row: usize, windows: &mut Vec<(usize, u8)>) {
    let (image, pixel) = (row / shape.pixels(), row % shape.pixels());
    let (y, x) = (pixel / shape.width, pixel % shape.width);
    windows.clear();
    for pooled_y in y / 2..=halved(y).min(pooled.height - 1) {
        for pooled_x in x / 2..=halved(x).min(pooled.width - 1) {
            let tap = (y + 1 - 2 * pooled_y) * 3 + x + 1 - 2 * pooled_x;
            windows.push((image * pooled.pixels() + pooled_y * pooled.width + pooled_x, tap as u8));
        }
    }
}
