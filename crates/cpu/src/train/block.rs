//! A dense block: one buffer of pixels into which each layer writes its channels beside those of the layers before.

use super::CpuContext;
use super::conv1x1::conv1x1;
use super::kernels::{
    norm_backward_sums, norm_relu, norm_relu_backward, norm_relu_backward_add, subtract_batch_norm_terms,
};
use super::memory::{
    StepWorkspace, ThreadWorkspace, add_weight_gradients, add_window_gradients, sized, thread_workspaces, tile_pixels,
};
use super::packing::PassWeights;
use super::parameters::{Gradients, Parameters};
use super::row_sources::NormRelu;
use super::shape::TensorShape;
use super::statistics::{BatchNormTerms, Moments, NormBackwardSums, ScaleShift, Statistics};
use super::winograd::{POINTS, TileGrid, WinogradFilters, transform_filter_gradient};
use crate::kernels::gemm::{DenseRows, GemmOutput, PackedB, gemm, gemm_transposed_a};
use crate::parallel::{for_each_job, split_rows, thread_parts};
use crate::partition::chunk_ranges;
use crate::plan::winograd_transform::{BOTTLENECK, GROWTH_RATE};
use lens_base::Result;
use lens_model::DenseLayer;
use std::ops::Range;

/// A dense block's features and what its backward pass needs.
#[derive(Default)]
pub struct Block {
    pub shape: TensorShape,
    pub values: Vec<f32>,
    pub statistics: Statistics,
    layers: Vec<Bottleneck>,
}

/// Output of a layer's 1x1 convolution.
#[derive(Default)]
struct Bottleneck {
    values: Vec<f32>,
    statistics: Statistics,
}

/// The gradient of a block's features while the backward pass adds to it.
pub struct BlockGradient {
    pub values: Vec<f32>,
    pub norm_terms: BatchNormTerms,
}

impl Block {
    /// Makes room for a batch; the values are lost.
    pub fn reset(&mut self, shape: TensorShape, layers: usize) -> Result<()> {
        self.shape = shape;
        self.statistics = Statistics::new(shape.channels);
        self.layers.resize_with(layers, Bottleneck::default);
        sized(&mut self.values, shape.len())?;
        Ok(())
    }

    /// A layer: reads channels `..channels` of the block and writes the next `GROWTH_RATE`.
    pub fn forward(
        &mut self,
        cpu: CpuContext,
        (index, channels): (usize, usize),
        layer: &DenseLayer,
        parameters: &mut Parameters,
        (weights, memory): (&PassWeights, &mut StepWorkspace),
    ) -> Result<()> {
        let shape = self.shape;
        self.statistics.update_running(parameters, &layer.norm1);
        let affine = self.statistics.scale_shift(parameters, &layer.norm1);
        let bottleneck = &mut self.layers[index];
        let conv1 = weights.forward(cpu, layer.conv1);
        bottleneck.forward(cpu, &self.values[..shape.len()], shape, &affine, conv1, parameters.observed(BOTTLENECK))?;
        bottleneck.statistics.update_running(parameters, &layer.norm2);
        let affine = bottleneck.statistics.scale_shift(parameters, &layer.norm2);

        let (grid, conv2) = (TileGrid::new(shape), weights.filters(cpu, layer.conv2));
        let parts = thread_parts(cpu.pool, grid.rows());
        let pixels: Vec<_> = parts.iter().map(|part| grid.pixels(part)).collect();
        let outputs = split_rows(&mut self.values[..shape.len()], shape.channels, &pixels);
        let threads = thread_workspaces(&mut memory.threads, parts.len());
        let observed = parameters.observed(GROWTH_RATE);
        let mut jobs: Vec<_> = parts
            .into_iter()
            .zip(outputs)
            .zip(threads)
            .map(|((part, output), memory)| (part, output, memory, Moments::new(observed)))
            .collect();
        let values = &bottleneck.values;
        for_each_job(cpu.pool, &mut jobs, |(part, output, memory, moments)| {
            let ThreadWorkspace { padded, transformed, transformed_output, .. } = &mut **memory;
            let transformed = sized(transformed, TileGrid::transformed(BOTTLENECK))?;
            let products = sized(transformed_output, TileGrid::transformed(GROWTH_RATE))?;
            let first = grid.pixels(part).start;
            for band in grid.bands(part.clone()) {
                let padded = grid.pad(&band, BOTTLENECK, padded, |pixel, line| {
                    let input = &values[pixel * BOTTLENECK..][..line.len()];
                    norm_relu(cpu.instructions, input, BOTTLENECK, &affine.scale, &affine.shift, line);
                })?;
                let range =
                    (band.pixels.start - first) * shape.channels + channels..(band.pixels.end - first) * shape.channels;
                let target = &mut output[range];
                grid.convolve::<BOTTLENECK>(&band, padded, conv2, (target, shape.channels), (transformed, products));
                moments.add(cpu.instructions, target, shape.channels);
            }
            Ok(())
        })?;
        self.statistics.set(channels, jobs.into_iter().map(|(_, _, _, moments)| moments));
        Ok(())
    }

    /// Backward pass of a layer: reads the gradient of the channels it wrote, adds to that of the channels it read, and
    /// to those of its parameters.
    pub fn backward(
        &self,
        cpu: CpuContext,
        (index, channels): (usize, usize),
        layer: &DenseLayer,
        (parameters, weights): (&Parameters, &PassWeights),
        gradient: &mut BlockGradient,
        (gradients, memory): (&mut Gradients, &mut StepWorkspace),
    ) -> Result<()> {
        let (shape, bottleneck) = (self.shape, &self.layers[index]);
        let affine = bottleneck.statistics.scale_shift(parameters, &layer.norm2);
        let added = channels..channels + GROWTH_RATE;
        let sums = self.conv3x3_backward(
            cpu,
            (bottleneck, &affine),
            (added, gradient),
            weights.filters(cpu, layer.conv2),
            (gradients.of(layer.conv2), memory),
        )?;
        let mut norm_terms = BatchNormTerms::new(BOTTLENECK);
        let (norm_weight, norm_bias) = gradients.of_norm(&layer.norm2);
        norm_terms.add(&bottleneck.statistics, &affine, &sums, norm_weight, norm_bias);

        let norm1 = self.statistics.scale_shift(parameters, &layer.norm1);
        let sums = self.conv1x1_backward(
            cpu,
            (bottleneck, (&affine, &norm_terms)),
            &norm1,
            weights.backward(cpu, layer.conv1),
            &mut gradient.values[..shape.len()],
            (gradients.of(layer.conv1), memory),
        )?;
        let (norm_weight, norm_bias) = gradients.of_norm(&layer.norm1);
        gradient.norm_terms.add(&self.statistics, &norm1, &sums, norm_weight, norm_bias);
        Ok(())
    }

    /// The complete gradient of some channels.
    pub fn finished_gradient(
        &self,
        cpu: CpuContext,
        channels: Range<usize>,
        gradient: &BlockGradient,
        output: &mut [f32],
    ) -> Result<()> {
        let parts = thread_parts(cpu.pool, self.shape.rows());
        let outputs = split_rows(output, channels.len(), &parts);
        for_each_job(cpu.pool, &mut parts.into_iter().zip(outputs).collect::<Vec<_>>(), |(part, output)| {
            self.finish_gradient(cpu, channels.clone(), gradient, part.start, output);
            Ok(())
        })
    }

    /// The complete gradient of some channels of pixels from `first` on, densely.
    fn finish_gradient(
        &self,
        cpu: CpuContext,
        channels: Range<usize>,
        gradient: &BlockGradient,
        first: usize,
        output: &mut [f32],
    ) {
        let (pixel_stride, pixels) = (self.shape.channels, output.len() / channels.len());
        if pixels == 0 {
            return;
        }
        let range = first * pixel_stride + channels.start..(first + pixels - 1) * pixel_stride + channels.end;
        let (total, input) = (&gradient.values[range.clone()], &self.values[range]);
        let (constant, slope) =
            (&gradient.norm_terms.constant[channels.clone()], &gradient.norm_terms.slope[channels.clone()]);
        subtract_batch_norm_terms(
            cpu.instructions,
            total,
            input,
            pixel_stride,
            self.statistics.mean(channels),
            constant,
            slope,
            output,
        );
    }

    /// Backward pass of a layer's 3x3 convolution: the gradient of its input goes to `memory.bottleneck_gradient`, that
    /// of its weight to `weight_gradient`; returns the sums that the backward pass of the norm before it needs.
    fn conv3x3_backward(
        &self,
        cpu: CpuContext,
        (bottleneck, affine): (&Bottleneck, &ScaleShift),
        (added, gradient): (Range<usize>, &BlockGradient),
        flipped: WinogradFilters,
        (weight_gradient, memory): (&mut [f32], &mut StepWorkspace),
    ) -> Result<Vec<NormBackwardSums>> {
        let shape = self.shape;
        let grid = TileGrid::new(shape);
        let parts = thread_parts(cpu.pool, grid.rows());
        let pixels: Vec<_> = parts.iter().map(|part| grid.pixels(part)).collect();
        let StepWorkspace { bottleneck_gradient, threads, .. } = memory;
        let bottleneck_gradient = sized(bottleneck_gradient, shape.rows() * BOTTLENECK)?;
        let outputs = split_rows(bottleneck_gradient, BOTTLENECK, &pixels);
        let threads = thread_workspaces(threads, parts.len());
        let mut jobs: Vec<_> = parts
            .into_iter()
            .zip(outputs)
            .zip(threads)
            .map(|((part, output), memory)| (part, output, memory, NormBackwardSums::new(BOTTLENECK)))
            .collect();
        let mean = bottleneck.statistics.mean(0..BOTTLENECK);
        for_each_job(cpu.pool, &mut jobs, |(part, output, memory, sums)| {
            let ThreadWorkspace { padded, padded_gradient, weight_gradient, transformed, transformed_output, .. } =
                &mut **memory;
            let transformed = sized(transformed, TileGrid::transformed(BOTTLENECK))?;
            let transformed_output = sized(transformed_output, TileGrid::transformed(GROWTH_RATE))?;
            let weight_gradient = sized(weight_gradient, POINTS * BOTTLENECK * GROWTH_RATE)?;
            weight_gradient.fill(0.0);
            let first = grid.pixels(part).start;
            for band in grid.bands(part.clone()) {
                let padded = grid.pad(&band, BOTTLENECK, padded, |pixel, line| {
                    let input = &bottleneck.values[pixel * BOTTLENECK..][..line.len()];
                    norm_relu(cpu.instructions, input, BOTTLENECK, &affine.scale, &affine.shift, line);
                })?;
                let padded_gradient = grid.pad(&band, GROWTH_RATE, padded_gradient, |pixel, line| {
                    self.finish_gradient(cpu, added.clone(), gradient, pixel, line);
                })?;
                grid.add_filter_gradient(
                    cpu.instructions,
                    &band,
                    (padded, BOTTLENECK),
                    (padded_gradient, GROWTH_RATE),
                    weight_gradient,
                    (transformed, transformed_output),
                );
                let local = (band.pixels.start - first) * BOTTLENECK..(band.pixels.end - first) * BOTTLENECK;
                let target = &mut output[local];
                grid.convolve::<GROWTH_RATE>(
                    &band,
                    padded_gradient,
                    flipped,
                    (target, BOTTLENECK),
                    (transformed_output, transformed),
                );
                let values = &bottleneck.values[band.pixels.start * BOTTLENECK..band.pixels.end * BOTTLENECK];
                let pixels = tile_pixels(BOTTLENECK) * BOTTLENECK;
                for (target, values) in target.chunks(pixels).zip(values.chunks(pixels)) {
                    let (sum_dy, sum_dy_xmu) = (&mut sums.sum_dy, &mut sums.sum_dy_xmu);
                    norm_backward_sums(
                        cpu.instructions,
                        target,
                        values,
                        &affine.scale,
                        &affine.shift,
                        mean,
                        sum_dy,
                        sum_dy_xmu,
                    );
                    sums.flush();
                }
            }
            transform_filter_gradient(cpu.instructions, weight_gradient, BOTTLENECK * GROWTH_RATE);
            Ok(())
        })?;
        let (memories, sums): (Vec<_>, Vec<_>) = jobs.into_iter().map(|(_, _, memory, sums)| (memory, sums)).unzip();
        add_window_gradients(cpu, &memories, GROWTH_RATE, weight_gradient)?;
        Ok(sums)
    }

    /// Backward pass of a layer's 1x1 convolution, from the gradient of the second norm's output, in
    /// `memory.bottleneck_gradient`, tile by tile: neither the convolution's input nor its gradient is ever whole in
    /// memory.
    fn conv1x1_backward(
        &self,
        cpu: CpuContext,
        (bottleneck, (norm2, norm_terms)): (&Bottleneck, (&ScaleShift, &BatchNormTerms)),
        affine: &ScaleShift,
        weights: PackedB,
        total: &mut [f32],
        (weight_gradient, memory): (&mut [f32], &mut StepWorkspace),
    ) -> Result<Vec<NormBackwardSums>> {
        let (pixel_stride, channels) = (self.shape.channels, affine.scale.len());
        let pixels = tile_pixels(channels);
        let parts = thread_parts(cpu.pool, self.shape.rows());
        let StepWorkspace { bottleneck_gradient, threads, .. } = memory;
        let bottleneck_gradient = &mut bottleneck_gradient[..self.shape.rows() * BOTTLENECK];
        let weight_count = weight_gradient.len();
        let threads = thread_workspaces(threads, parts.len());
        struct Job<'a> {
            part: Range<usize>,
            bottleneck_gradient: &'a mut [f32],
            total: &'a mut [f32],
            memory: &'a mut ThreadWorkspace,
            sums: NormBackwardSums,
        }
        let mut jobs: Vec<Job> = parts
            .iter()
            .zip(split_rows(bottleneck_gradient, BOTTLENECK, &parts))
            .zip(split_rows(total, pixel_stride, &parts))
            .zip(threads)
            .map(|(((part, bottleneck_gradient), total), memory)| Job {
                part: part.clone(),
                bottleneck_gradient,
                total,
                memory,
                sums: NormBackwardSums::new(channels),
            })
            .collect();
        let mean = self.statistics.mean(0..channels);
        for_each_job(cpu.pool, &mut jobs, |job| {
            let ThreadWorkspace { tile_gradient, weight_gradient, panels, .. } = &mut *job.memory;
            let weight_gradient = sized(weight_gradient, weight_count)?;
            let tile_gradient = sized(tile_gradient, pixels * channels)?;
            for tile in chunk_ranges(job.part.clone(), pixels) {
                let (local, size) = (tile.start - job.part.start, tile.len());
                let bottleneck_gradient = &mut job.bottleneck_gradient[local * BOTTLENECK..(local + size) * BOTTLENECK];
                let bottleneck_values = &bottleneck.values[tile.start * BOTTLENECK..tile.end * BOTTLENECK];
                norm_relu_backward(
                    cpu.instructions,
                    bottleneck_gradient,
                    bottleneck_values,
                    &norm2.scale,
                    &norm2.shift,
                    bottleneck.statistics.mean(0..BOTTLENECK),
                    &norm_terms.constant,
                    &norm_terms.slope,
                );
                let input = &self.values[tile.start * pixel_stride..tile.end * pixel_stride];
                let normalized = NormRelu { values: input, pixel_stride, affine };
                let right = PackedB::of_rows(cpu.instructions, normalized, 0..size, panels)?;
                let accumulate = local > 0;
                let target = GemmOutput { values: &mut *weight_gradient, row_stride: channels, accumulate };
                gemm_transposed_a(bottleneck_gradient, BOTTLENECK, BOTTLENECK, right, target);
                let tile_gradient = &mut tile_gradient[..size * channels];
                let target = GemmOutput { values: &mut *tile_gradient, row_stride: channels, accumulate: false };
                gemm(DenseRows::new(bottleneck_gradient, BOTTLENECK, BOTTLENECK), size, weights, target);
                norm_relu_backward_add(
                    cpu.instructions,
                    tile_gradient,
                    input,
                    pixel_stride,
                    &affine.scale,
                    &affine.shift,
                    mean,
                    &mut job.total[local * pixel_stride..(local + size) * pixel_stride],
                    &mut job.sums.sum_dy,
                    &mut job.sums.sum_dy_xmu,
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

impl Bottleneck {
    /// Norm, ReLU and 1x1 convolution.
    fn forward(
        &mut self,
        cpu: CpuContext,
        input: &[f32],
        shape: TensorShape,
        affine: &ScaleShift,
        weights: PackedB,
        observed: usize,
    ) -> Result<()> {
        let pixel_stride = shape.channels;
        let output = sized(&mut self.values, shape.rows() * BOTTLENECK)?;
        let rows = |first: usize| NormRelu { values: &input[first * pixel_stride..], pixel_stride, affine };
        let moments = conv1x1(cpu, weights, (output, BOTTLENECK), observed, rows)?;
        self.statistics = Statistics::new(BOTTLENECK);
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
    fn constants_match_layout() {
        for layer in LAYOUT.blocks.iter().flatten() {
            assert_eq!(channels_of(layer.conv2), (GROWTH_RATE, BOTTLENECK));
            assert_eq!(channels_of(layer.conv1).0, BOTTLENECK);
        }
    }
}
