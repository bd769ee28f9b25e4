//! Before the first block: 7x7 convolution, norm, ReLU, and the largest of 3x3 pixels around every other one. Gray images
//! take a third of the convolution's products: colours that are equal meet the sum of their weights, and give them equal
//! gradients.

use super::Cpu;
use super::block::{Block, BlockGradient};
use super::convolution::{Geometry, Window};
use super::kernels::{norm_gradient, norm_sums, normalize_largest, unpool};
use super::memory::{Memory, add_window_gradients, sized, thread_memory, tile_pixels};
use super::parameters::{Gradients, Parameters};
use super::shape::Shape;
use super::statistics::{Moments, NormSums, Statistics, Taken};
use crate::cut::steps;
use crate::kernels::product::Panels;
use crate::kernels::vector::Instructions;
use crate::parallel::{for_each_job, parts, split_rows};
use lens_base::Result;
use lens_model::LAYOUT;

const WINDOW: Window = Window { side: 7, stride: 2, padding: 3 };
/// Channels that the convolution makes.
const CHANNELS: usize = 64;
/// Red, green and blue.
const COLOURS: usize = 3;

/// Side after a window of stride 2 that reaches the border's outside.
fn halved(side: usize) -> usize {
    side.div_ceil(2)
}

/// Shape of the first convolution's output for an input, and of the first block.
pub fn shapes(input: Shape) -> (Shape, Shape) {
    let convolved = Shape { height: halved(input.height), width: halved(input.width), channels: CHANNELS, ..input };
    (convolved, Shape { height: halved(convolved.height), width: halved(convolved.width), ..convolved })
}

/// What the backward pass needs of the forward pass.
#[derive(Default)]
pub struct Stem {
    convolved: Vec<f32>,
    statistics: Statistics,
    /// For each number of the pooled image, the place in its window that it came from.
    winners: Vec<u8>,
}

impl Stem {
    /// The first channels of the first block.
    pub fn forward(
        &mut self,
        cpu: Cpu,
        (input, input_shape): (&[f32], Shape),
        block: &mut Block,
        parameters: &mut Parameters,
        memory: &mut Memory,
    ) -> Result<()> {
        let (shape, pooled) = shapes(input_shape);
        let (channels, colours, set) = (CHANNELS, input_shape.channels, cpu.instructions);
        let geometry = Geometry::new(WINDOW, input_shape, CHANNELS);
        let weights = packed(set, parameters.of(LAYOUT.stem), colours);
        let weights = Panels::new(set, &weights, (weights.len() / channels, channels));
        let line_parts = parts(cpu.pool, geometry.lines());
        let values = sized(&mut self.convolved, shape.len())?;
        let outputs = split_rows(values, shape.width * channels, &line_parts);
        let threads = thread_memory(&mut memory.threads, line_parts.len());
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
                moments.add(set, target, channels);
            }
            Ok(())
        })?;
        self.statistics = Statistics::new(channels);
        self.statistics.set(0, jobs.into_iter().map(|(_, _, _, moments)| moments));
        self.statistics.update_running(parameters, &LAYOUT.stem_norm);
        let affine = self.statistics.affine(parameters, &LAYOUT.stem_norm);
        let values = &self.convolved[..shape.len()];

        let step = block.shape.channels;
        let winners = sized(&mut self.winners, pooled.len())?;
        let parts = parts(cpu.pool, pooled.rows());
        let outputs = split_rows(&mut block.values[..block.shape.len()], step, &parts);
        let winners = split_rows(winners, channels, &parts);
        let mut jobs: Vec<_> = parts
            .into_iter()
            .zip(outputs)
            .zip(winners)
            .map(|((part, output), winners)| (part, output, winners, Moments::new(observed)))
            .collect();
        for_each_job(cpu.pool, &mut jobs, |(part, output, winners, moments)| {
            let pixels = output.chunks_exact_mut(step).zip(winners.chunks_exact_mut(channels));
            let mut window = Vec::with_capacity(9);
            for (row, (output, winners)) in part.clone().zip(pixels) {
                window_of(shape, pooled, row, &mut window);
                normalize_largest(set, values, &window, &affine.scale, &affine.shift, output, winners);
            }
            for tile in output.chunks(tile_pixels(channels) * step) {
                moments.add(set, tile, step);
            }
            Ok(())
        })?;
        block.statistics.set(0, jobs.into_iter().map(|(_, _, _, moments)| moments));
        Ok(())
    }

    /// From the gradient of the first block's pixels to that of the convolution's weight.
    pub fn backward(
        &self,
        cpu: Cpu,
        (input, input_shape): (&[f32], Shape),
        (block, gradient): (&Block, &BlockGradient),
        parameters: &Parameters,
        (gradients, memory): (&mut Gradients, &mut Memory),
    ) -> Result<()> {
        let (shape, pooled) = shapes(input_shape);
        let (channels, colours, set) = (CHANNELS, input_shape.channels, cpu.instructions);
        let values = &self.convolved[..shape.len()];
        let affine = self.statistics.affine(parameters, &LAYOUT.stem_norm);
        let mean = self.statistics.mean(0..channels);
        let pooled_gradient = sized(&mut memory.outer_gradient, pooled.len())?;
        block.settled(cpu, 0..channels, gradient, pooled_gradient)?;

        let output = sized(&mut memory.inner_gradient, shape.len())?;
        let row_parts = parts(cpu.pool, shape.rows());
        let outputs = split_rows(output, channels, &row_parts);
        let mut jobs: Vec<_> =
            row_parts.into_iter().zip(outputs).map(|(part, output)| (part, output, NormSums::new(channels))).collect();
        let winners = &self.winners;
        for_each_job(cpu.pool, &mut jobs, |(part, output, sums)| {
            let pixels = tile_pixels(channels);
            let mut windows = Vec::with_capacity(4);
            for (tile, output) in steps(part.clone(), pixels).zip(output.chunks_mut(pixels * channels)) {
                for (row, output) in tile.clone().zip(output.chunks_exact_mut(channels)) {
                    windows_with(shape, pooled, row, &mut windows);
                    unpool(set, pooled_gradient, winners, &windows, output);
                }
                let input = &values[tile.start * channels..tile.end * channels];
                let (first, second) = (&mut sums.first, &mut sums.second);
                norm_sums(set, output, input, &affine.scale, &affine.shift, mean, first, second);
                sums.flush();
            }
            Ok(())
        })?;
        let (mut jobs, sums): (Vec<_>, Vec<_>) =
            jobs.into_iter().map(|(part, output, sums)| ((part, output), sums)).unzip();
        let mut taken = Taken::new(channels);
        let (norm_weight, norm_bias) = gradients.of_norm(&LAYOUT.stem_norm);
        taken.add(&self.statistics, &affine, &sums, norm_weight, norm_bias);
        for_each_job(cpu.pool, &mut jobs, |(part, output)| {
            let input = &values[part.start * channels..part.end * channels];
            norm_gradient(set, output, input, &affine.scale, &affine.shift, mean, &taken.constant, &taken.slope);
            Ok(())
        })?;
        let output = &memory.inner_gradient[..shape.len()];
        let geometry = Geometry::new(WINDOW, input_shape, CHANNELS);
        let line_parts = parts(cpu.pool, geometry.lines());
        let threads = thread_memory(&mut memory.threads, line_parts.len());
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
                let of_output = &output[band.lines.start * line..band.lines.end * line];
                geometry.correlate(set, &band, padded, of_output, sums);
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

/// The convolution's weights as a right factor for images of so many colours.
fn packed(instructions: Instructions, weight: &[f32], colours: usize) -> Vec<f32> {
    let merged: Vec<f32> = weight.chunks_exact(COLOURS / colours).map(|weights| weights.iter().sum()).collect();
    let (depth, mut target) = (merged.len() / CHANNELS, vec![0.0; merged.len()]);
    Panels::pack(instructions, &merged, (depth, CHANNELS), (1, depth), &mut target);
    target
}

/// The pixels of the window that pooled pixel `row` is the largest of: where their numbers begin, and their places.
fn window_of(shape: Shape, pooled: Shape, row: usize, window: &mut Vec<(usize, u8)>) {
    let (image, pixel) = (row / pooled.pixels(), row % pooled.pixels());
    let (top, left) = (pixel / pooled.width * 2, pixel % pooled.width * 2);
    window.clear();
    for place in 0..9 {
        // One further than the window begins, which keeps them from being negative.
        let (y, x) = (top + place / 3, left + place % 3);
        if (1..=shape.height).contains(&y) && (1..=shape.width).contains(&x) {
            let start = (image * shape.pixels() + (y - 1) * shape.width + x - 1) * shape.channels;
            window.push((start, place as u8));
        }
    }
}

/// The pooled pixels whose windows contain pixel `row`, and its places in them.
fn windows_with(shape: Shape, pooled: Shape, row: usize, windows: &mut Vec<(usize, u8)>) {
    let (image, pixel) = (row / shape.pixels(), row % shape.pixels());
    let (y, x) = (pixel / shape.width, pixel % shape.width);
    windows.clear();
    for pooled_y in y / 2..=halved(y).min(pooled.height - 1) {
        for pooled_x in x / 2..=halved(x).min(pooled.width - 1) {
            let place = (y + 1 - 2 * pooled_y) * 3 + x + 1 - 2 * pooled_x;
            windows.push((image * pooled.pixels() + pooled_y * pooled.width + pooled_x, place as u8));
        }
    }
}
