//! A dense block: one buffer of pixels into which each layer writes its channels beside those before.

use super::Cpu;
use super::kernels::{norm_gradient, norm_sums, normalize, settle, spread_add};
use super::memory::{
    Memory, ThreadMemory, add_weight_gradients, add_window_gradients, sized, thread_memory, tile_pixels,
};
use super::packing::Weights;
use super::parameters::{Gradients, Parameters};
use super::pointwise::convolve;
use super::shape::Shape;
use super::sources::Normalized;
use super::statistics::{Affine, Moments, NormSums, Statistics, Taken};
use super::winograd::{Filters, Grid, POINTS, gradient_of_filters};
use crate::cut::steps;
use crate::kernels::product::{Dense, Panels, Target, multiply, multiply_transposed};
use crate::parallel::{for_each_job, parts, split_rows};
use lens_base::Result;
use lens_model::DenseLayer;
use std::ops::Range;

/// Channels that a layer's 1x1 convolution makes and its 3x3 convolution reads.
const INNER: usize = 128;
/// Channels that a layer adds.
const GROWTH: usize = 32;

/// A dense block's pixels and what its backward pass needs.
#[derive(Default)]
pub struct Block {
    pub shape: Shape,
    pub values: Vec<f32>,
    pub statistics: Statistics,
    layers: Vec<Inner>,
}

/// Output of a layer's 1x1 convolution.
#[derive(Default)]
struct Inner {
    values: Vec<f32>,
    statistics: Statistics,
}

/// The gradient of a block's pixels while it grows.
pub struct BlockGradient {
    pub values: Vec<f32>,
    pub taken: Taken,
}

impl Block {
    /// Makes room for a batch; what the block held is lost.
    pub fn reset(&mut self, shape: Shape, layers: usize) -> Result<()> {
        self.shape = shape;
        self.statistics = Statistics::new(shape.channels);
        self.layers.resize_with(layers, Inner::default);
        sized(&mut self.values, shape.len())?;
        Ok(())
    }

    /// The block's pixels from channels `..channels` of them to one layer more.
    pub fn forward(
        &mut self,
        cpu: Cpu,
        (index, channels): (usize, usize),
        layer: &DenseLayer,
        parameters: &mut Parameters,
        (weights, memory): (&Weights, &mut Memory),
    ) -> Result<()> {
        let shape = self.shape;
        self.statistics.update_running(parameters, &layer.norm1);
        let affine = self.statistics.affine(parameters, &layer.norm1);
        let inner = &mut self.layers[index];
        let conv1 = weights.forward(cpu, layer.conv1);
        inner.forward(cpu, &self.values[..shape.len()], shape, &affine, conv1, parameters.observed(INNER))?;
        inner.statistics.update_running(parameters, &layer.norm2);
        let affine = inner.statistics.affine(parameters, &layer.norm2);

        let (grid, conv2) = (Grid::new(shape), weights.filters(cpu, layer.conv2));
        let parts = parts(cpu.pool, grid.rows());
        let pixels: Vec<_> = parts.iter().map(|part| grid.pixels(part)).collect();
        let outputs = split_rows(&mut self.values[..shape.len()], shape.channels, &pixels);
        let threads = thread_memory(&mut memory.threads, parts.len());
        let observed = parameters.observed(GROWTH);
        let mut jobs: Vec<_> = parts
            .into_iter()
            .zip(outputs)
            .zip(threads)
            .map(|((part, output), memory)| (part, output, memory, Moments::new(observed)))
            .collect();
        let values = &inner.values;
        for_each_job(cpu.pool, &mut jobs, |(part, output, memory, moments)| {
            let ThreadMemory { padded, transformed, transformed_added, .. } = &mut **memory;
            let transformed = sized(transformed, Grid::transformed(INNER))?;
            let products = sized(transformed_added, Grid::transformed(GROWTH))?;
            let first = grid.pixels(part).start;
            for band in grid.bands(part.clone()) {
                let padded = grid.pad(&band, INNER, padded, |pixel, line| {
                    let input = &values[pixel * INNER..][..line.len()];
                    normalize(cpu.instructions, input, INNER, &affine.scale, &affine.shift, line);
                })?;
                let place =
                    (band.pixels.start - first) * shape.channels + channels..(band.pixels.end - first) * shape.channels;
                let target = &mut output[place];
                grid.convolve::<INNER>(&band, padded, conv2, (target, shape.channels), (transformed, products));
                moments.add(cpu.instructions, target, shape.channels);
            }
            Ok(())
        })?;
        self.statistics.set(channels, jobs.into_iter().map(|(_, _, _, moments)| moments));
        Ok(())
    }

    /// From the gradient of `channels + growth` channels to that of `channels`, and of the layer's parameters.
    pub fn backward(
        &self,
        cpu: Cpu,
        (index, channels): (usize, usize),
        layer: &DenseLayer,
        (parameters, weights): (&Parameters, &Weights),
        gradient: &mut BlockGradient,
        (gradients, memory): (&mut Gradients, &mut Memory),
    ) -> Result<()> {
        let (shape, inner) = (self.shape, &self.layers[index]);
        let affine = inner.statistics.affine(parameters, &layer.norm2);
        let added = channels..channels + GROWTH;
        let sums = self.expand_backward(
            cpu,
            (inner, &affine),
            (added, gradient),
            weights.filters(cpu, layer.conv2),
            (gradients.of(layer.conv2), memory),
        )?;
        let mut taken = Taken::new(INNER);
        let (norm_weight, norm_bias) = gradients.of_norm(&layer.norm2);
        taken.add(&inner.statistics, &affine, &sums, norm_weight, norm_bias);

        let outer_affine = self.statistics.affine(parameters, &layer.norm1);
        let sums = self.reduce_backward(
            cpu,
            (inner, (&affine, &taken)),
            &outer_affine,
            weights.backward(cpu, layer.conv1),
            &mut gradient.values[..shape.len()],
            (gradients.of(layer.conv1), memory),
        )?;
        let (norm_weight, norm_bias) = gradients.of_norm(&layer.norm1);
        gradient.taken.add(&self.statistics, &outer_affine, &sums, norm_weight, norm_bias);
        Ok(())
    }

    /// The finished gradient of some channels.
    pub fn settled(
        &self,
        cpu: Cpu,
        channels: Range<usize>,
        gradient: &BlockGradient,
        output: &mut [f32],
    ) -> Result<()> {
        let parts = parts(cpu.pool, self.shape.rows());
        let outputs = split_rows(output, channels.len(), &parts);
        for_each_job(cpu.pool, &mut parts.into_iter().zip(outputs).collect::<Vec<_>>(), |(part, output)| {
            self.settle(cpu, channels.clone(), gradient, part.start, output);
            Ok(())
        })
    }

    /// The finished gradient of some channels of pixels from `first` on, densely.
    fn settle(&self, cpu: Cpu, channels: Range<usize>, gradient: &BlockGradient, first: usize, output: &mut [f32]) {
        let (step, pixels) = (self.shape.channels, output.len() / channels.len());
        if pixels == 0 {
            return;
        }
        let place = first * step + channels.start..(first + pixels - 1) * step + channels.end;
        let (total, input) = (&gradient.values[place.clone()], &self.values[place]);
        let (constant, slope) = (&gradient.taken.constant[channels.clone()], &gradient.taken.slope[channels.clone()]);
        settle(cpu.instructions, total, input, step, self.statistics.mean(channels), constant, slope, output);
    }

    /// From the gradient of a layer's added channels to that of its 3x3 convolution's input, which goes to
    /// `memory.inner_gradient`, and of its weight; returns the sums that the norm before it needs.
    fn expand_backward(
        &self,
        cpu: Cpu,
        (inner, affine): (&Inner, &Affine),
        (added, gradient): (Range<usize>, &BlockGradient),
        mirrored: Filters,
        (weight_gradient, memory): (&mut [f32], &mut Memory),
    ) -> Result<Vec<NormSums>> {
        let shape = self.shape;
        let grid = Grid::new(shape);
        let parts = parts(cpu.pool, grid.rows());
        let pixels: Vec<_> = parts.iter().map(|part| grid.pixels(part)).collect();
        let Memory { inner_gradient, threads, .. } = memory;
        let inner_gradient = sized(inner_gradient, shape.rows() * INNER)?;
        let outputs = split_rows(inner_gradient, INNER, &pixels);
        let threads = thread_memory(threads, parts.len());
        let mut jobs: Vec<_> = parts
            .into_iter()
            .zip(outputs)
            .zip(threads)
            .map(|((part, output), memory)| (part, output, memory, NormSums::new(INNER)))
            .collect();
        let mean = inner.statistics.mean(0..INNER);
        for_each_job(cpu.pool, &mut jobs, |(part, output, memory, sums)| {
            let ThreadMemory { padded, padded_gradient, weight_gradient, transformed, transformed_added, .. } =
                &mut **memory;
            let transformed = sized(transformed, Grid::transformed(INNER))?;
            let transformed_added = sized(transformed_added, Grid::transformed(GROWTH))?;
            let weight_gradient = sized(weight_gradient, POINTS * INNER * GROWTH)?;
            weight_gradient.fill(0.0);
            let first = grid.pixels(part).start;
            for band in grid.bands(part.clone()) {
                let padded = grid.pad(&band, INNER, padded, |pixel, line| {
                    let input = &inner.values[pixel * INNER..][..line.len()];
                    normalize(cpu.instructions, input, INNER, &affine.scale, &affine.shift, line);
                })?;
                let padded_gradient = grid.pad(&band, GROWTH, padded_gradient, |pixel, line| {
                    self.settle(cpu, added.clone(), gradient, pixel, line);
                })?;
                grid.correlate(
                    cpu.instructions,
                    &band,
                    (padded, INNER),
                    (padded_gradient, GROWTH),
                    weight_gradient,
                    (transformed, transformed_added),
                );
                let local = (band.pixels.start - first) * INNER..(band.pixels.end - first) * INNER;
                let target = &mut output[local];
                grid.convolve::<GROWTH>(
                    &band,
                    padded_gradient,
                    mirrored,
                    (target, INNER),
                    (transformed_added, transformed),
                );
                let values = &inner.values[band.pixels.start * INNER..band.pixels.end * INNER];
                let pixels = tile_pixels(INNER) * INNER;
                for (target, values) in target.chunks(pixels).zip(values.chunks(pixels)) {
                    let (first, second) = (&mut sums.first, &mut sums.second);
                    norm_sums(cpu.instructions, target, values, &affine.scale, &affine.shift, mean, first, second);
                    sums.flush();
                }
            }
            gradient_of_filters(cpu.instructions, weight_gradient, INNER * GROWTH);
            Ok(())
        })?;
        let (memories, sums): (Vec<_>, Vec<_>) = jobs.into_iter().map(|(_, _, memory, sums)| (memory, sums)).unzip();
        add_window_gradients(cpu, &memories, GROWTH, weight_gradient)?;
        Ok(sums)
    }

    /// From the gradient of the first convolution's normalised output, in `memory.inner_gradient`, to the first norm's input
    /// and the convolution's weight, tile by tile: neither the convolution's input nor its gradient is ever whole in memory.
    fn reduce_backward(
        &self,
        cpu: Cpu,
        (inner, (norm2, taken)): (&Inner, (&Affine, &Taken)),
        affine: &Affine,
        weights: Panels,
        total: &mut [f32],
        (weight_gradient, memory): (&mut [f32], &mut Memory),
    ) -> Result<Vec<NormSums>> {
        let (step, channels) = (self.shape.channels, affine.scale.len());
        let pixels = tile_pixels(channels);
        let parts = parts(cpu.pool, self.shape.rows());
        let Memory { inner_gradient, threads, .. } = memory;
        let inner_gradient = &mut inner_gradient[..self.shape.rows() * INNER];
        let weight_count = weight_gradient.len();
        let threads = thread_memory(threads, parts.len());
        struct Job<'a> {
            part: Range<usize>,
            inner_gradient: &'a mut [f32],
            total: &'a mut [f32],
            memory: &'a mut ThreadMemory,
            sums: NormSums,
        }
        let mut jobs: Vec<Job> = parts
            .iter()
            .zip(split_rows(inner_gradient, INNER, &parts))
            .zip(split_rows(total, step, &parts))
            .zip(threads)
            .map(|(((part, inner_gradient), total), memory)| Job {
                part: part.clone(),
                inner_gradient,
                total,
                memory,
                sums: NormSums::new(channels),
            })
            .collect();
        let mean = self.statistics.mean(0..channels);
        for_each_job(cpu.pool, &mut jobs, |job| {
            let ThreadMemory { tile_gradient, weight_gradient, panels, .. } = &mut *job.memory;
            let weight_gradient = sized(weight_gradient, weight_count)?;
            let tile_gradient = sized(tile_gradient, pixels * channels)?;
            for tile in steps(job.part.clone(), pixels) {
                let (local, size) = (tile.start - job.part.start, tile.len());
                let inner_gradient = &mut job.inner_gradient[local * INNER..(local + size) * INNER];
                let inner_values = &inner.values[tile.start * INNER..tile.end * INNER];
                norm_gradient(
                    cpu.instructions,
                    inner_gradient,
                    inner_values,
                    &norm2.scale,
                    &norm2.shift,
                    inner.statistics.mean(0..INNER),
                    &taken.constant,
                    &taken.slope,
                );
                let input = &self.values[tile.start * step..tile.end * step];
                let normalized = Normalized { values: input, step, affine };
                let right = Panels::of_rows(cpu.instructions, normalized, 0..size, panels)?;
                let accumulate = local > 0;
                let target = Target { values: &mut *weight_gradient, step: channels, accumulate };
                multiply_transposed(inner_gradient, INNER, INNER, right, target);
                let tile_gradient = &mut tile_gradient[..size * channels];
                let target = Target { values: &mut *tile_gradient, step: channels, accumulate: false };
                multiply(Dense::new(inner_gradient, INNER, INNER), size, weights, target);
                spread_add(
                    cpu.instructions,
                    tile_gradient,
                    input,
                    step,
                    &affine.scale,
                    &affine.shift,
                    mean,
                    &mut job.total[local * step..(local + size) * step],
                    &mut job.sums.first,
                    &mut job.sums.second,
                );
                job.sums.flush();
            }
            Ok(())
        })?;
        let (memories, sums): (Vec<_>, Vec<_>) = jobs.into_iter().map(|job| (job.memory, job.sums)).unzip();
        add_weight_gradients(cpu, &memories, weight_gradient)?;
        Ok(sums)
    }
}

impl Inner {
    /// Norm, ReLU and 1x1 convolution.
    fn forward(
        &mut self,
        cpu: Cpu,
        input: &[f32],
        shape: Shape,
        affine: &Affine,
        weights: Panels,
        observed: usize,
    ) -> Result<()> {
        let step = shape.channels;
        let output = sized(&mut self.values, shape.rows() * INNER)?;
        let rows = |first: usize| Normalized { values: &input[first * step..], step, affine };
        let moments = convolve(cpu, weights, (output, INNER), observed, rows)?;
        self.statistics = Statistics::new(INNER);
        self.statistics.set(0, moments.into_iter());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::parameters::channels as channels_of;
    use super::*;
    use lens_model::LAYOUT;

    #[test]
    fn every_layer_has_these_channels() {
        for layer in LAYOUT.blocks.iter().flatten() {
            assert_eq!(channels_of(layer.conv2), (GROWTH, INNER));
            assert_eq!(channels_of(layer.conv1).0, INNER);
        }
    }
}
