//! A dense block: one buffer of pixels into which each layer writes its channels beside those before.

use super::kernels::{InstructionSet, add, norm_gradient, norm_sums, normalize, scatter, settle, spread_add};
use super::memory::{Gradients, Memory, ThreadMemory, add_weight_gradients, sized, thread_memory, tile_pixels, tiles};
use super::pointwise::convolve;
use super::statistics::{Affine, Moments, NormSums, Statistics, Taken};
use crate::error::Result;
use crate::model::DenseLayer;
use crate::runtime::matrix::{Factor, Matrix, MatrixMut};
use crate::runtime::parallel::{
    Shape, Window, convolution, convolution_backward, floats, floats_mut, for_each_job, parts, split_rows,
};
use std::ops::Range;
use tch::Tensor;

/// Of the 3x3 convolutions.
const WINDOW: Window = Window { stride: 1, padding: 1 };

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
        set: InstructionSet,
        (index, channels): (usize, usize),
        layer: &DenseLayer,
        parameters: &mut [Tensor],
        memory: &mut Memory,
    ) -> Result<()> {
        let shape = self.shape;
        let rows = shape.rows();
        self.statistics.update_running(parameters, &layer.norm1)?;
        let affine = self.statistics.affine(parameters, &layer.norm1)?;
        let inner = &mut self.layers[index];
        inner.forward(set, &self.values[..shape.len()], shape.channels, &affine, &parameters[layer.conv1], memory)?;
        inner.statistics.update_running(parameters, &layer.norm2)?;
        let affine = inner.statistics.affine(parameters, &layer.norm2)?;
        let inner_shape = Shape { channels: affine.scale.len(), ..shape };
        let outer = sized(&mut memory.outer, inner_shape.len())?;
        inner.activate(set, inner_shape, &affine, outer)?;
        let added = convolution(outer, inner_shape, &parameters[layer.conv2], WINDOW)?;
        let added = floats(&added)?;
        let growth = added.len() / rows;

        let parts = parts(rows);
        let outputs = split_rows(&mut self.values[..shape.len()], shape.channels, &parts);
        let mut jobs: Vec<_> =
            parts.into_iter().zip(outputs).map(|(part, output)| (part, output, Moments::new(growth))).collect();
        for_each_job(&mut jobs, |(part, output, moments)| {
            let first = part.start;
            for tile in tiles(part.clone(), tile_pixels(growth)) {
                let added = &added[tile.start * growth..tile.end * growth];
                let output = &mut output[(tile.start - first) * shape.channels..(tile.end - first) * shape.channels];
                scatter(set, added, growth, &mut output[channels..], shape.channels);
                moments.add(set, added, growth);
            }
            Ok(())
        })?;
        self.statistics.set(channels, jobs.into_iter().map(|(_, _, moments)| moments));
        Ok(())
    }

    /// From the gradient of `channels + growth` channels to that of `channels`, and of the layer's parameters.
    pub fn backward(
        &self,
        set: InstructionSet,
        (index, channels): (usize, usize),
        layer: &DenseLayer,
        parameters: &[Tensor],
        gradient: &mut BlockGradient,
        (gradients, memory): (&mut Gradients, &mut Memory),
    ) -> Result<()> {
        let (shape, inner) = (self.shape, &self.layers[index]);
        let weight = &parameters[layer.conv2];
        let growth = weight.size()[0] as usize;
        let affine = inner.statistics.affine(parameters, &layer.norm2)?;
        let inner_shape = Shape { channels: affine.scale.len(), ..shape };
        let outer_shape = Shape { channels: growth, ..shape };
        let outer = sized(&mut memory.outer, inner_shape.len())?;
        inner.activate(set, inner_shape, &affine, outer)?;
        let outer_gradient = sized(&mut memory.outer_gradient, outer_shape.len())?;
        self.settled(set, channels..channels + growth, gradient, outer_gradient)?;
        let (inner_gradient, weight_gradient) =
            convolution_backward((outer_gradient, outer_shape), (outer, inner_shape), weight, WINDOW, true)?;
        add(set, floats(&weight_gradient)?, gradients.of(layer.conv2));
        let mut inner_gradient = inner_gradient.expect("the input's gradient was asked for");
        let inner_gradient = floats_mut(&mut inner_gradient)?;

        let sums = inner.norm_sums(set, inner_shape, &affine, inner_gradient)?;
        let mut taken = Taken::new(affine.scale.len());
        let (norm_weight, norm_bias) = gradients.of_norm(&layer.norm2);
        taken.add(&inner.statistics, &affine, &sums, norm_weight, norm_bias);
        let norm2 = (&affine, &taken);

        let outer_affine = self.statistics.affine(parameters, &layer.norm1)?;
        let weight = floats(&parameters[layer.conv1])?;
        let sums = self.spread(
            set,
            (inner, norm2, inner_gradient),
            &outer_affine,
            weight,
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
        set: InstructionSet,
        channels: Range<usize>,
        gradient: &BlockGradient,
        output: &mut [f32],
    ) -> Result<()> {
        let (step, count) = (self.shape.channels, channels.len());
        let parts = parts(self.shape.rows());
        let outputs = split_rows(output, count, &parts);
        let (constant, slope) = (&gradient.taken.constant[channels.clone()], &gradient.taken.slope[channels.clone()]);
        for_each_job(&mut parts.into_iter().zip(outputs).collect::<Vec<_>>(), |(part, output)| {
            let place = part.start * step + channels.start..part.end * step;
            let (total, input) = (&gradient.values[place.clone()], &self.values[place]);
            settle(set, total, input, step, self.statistics.mean(channels.clone()), constant, slope, output);
            Ok(())
        })
    }

    /// From the gradient of the first convolution's normalised output to the first norm's input and the convolution's
    /// weight, tile by tile: neither the convolution's input nor its gradient is ever whole in memory.
    fn spread(
        &self,
        set: InstructionSet,
        (inner, (norm2, taken), inner_gradient): (&Inner, (&Affine, &Taken), &mut [f32]),
        affine: &Affine,
        weight: &[f32],
        total: &mut [f32],
        (weight_gradient, memory): (&mut [f32], &mut Memory),
    ) -> Result<Vec<NormSums>> {
        let (step, channels, count) = (self.shape.channels, affine.scale.len(), norm2.scale.len());
        let pixels = tile_pixels(channels);
        let parts = parts(self.shape.rows());
        let Memory { threads, panels, .. } = memory;
        let weight_count = weight.len();
        let weight = Factor::of(Matrix::new(weight, count, channels, channels), panels)?;
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
            .zip(split_rows(inner_gradient, count, &parts))
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
        for_each_job(&mut jobs, |job| {
            let ThreadMemory { tile: tile_memory, tile_gradient, weight_gradient, panels } = &mut *job.memory;
            let weight_gradient = sized(weight_gradient, weight_count)?;
            let tile_memory = sized(tile_memory, pixels * channels)?;
            let tile_gradient = sized(tile_gradient, pixels * channels)?;
            for tile in tiles(job.part.clone(), pixels) {
                let (local, size) = (tile.start - job.part.start, tile.len());
                let inner_gradient = &mut job.inner_gradient[local * count..(local + size) * count];
                let inner_values = &inner.values[tile.start * count..tile.end * count];
                norm_gradient(
                    set,
                    inner_gradient,
                    inner_values,
                    &norm2.scale,
                    &norm2.shift,
                    inner.statistics.mean(0..count),
                    &taken.constant,
                    &taken.slope,
                );
                let input = &self.values[tile.start * step..tile.end * step];
                let tile_input = &mut tile_memory[..size * channels];
                normalize(set, input, step, &affine.scale, &affine.shift, tile_input);
                let inner_gradient = Matrix::new(inner_gradient, size, count, count);
                MatrixMut::new(weight_gradient, count, channels, channels).multiply(
                    inner_gradient.transposed(),
                    &Factor::of(Matrix::new(tile_input, size, channels, channels), panels)?,
                    local > 0,
                )?;
                let tile_gradient = &mut tile_gradient[..size * channels];
                MatrixMut::new(tile_gradient, size, channels, channels).multiply(inner_gradient, &weight, false)?;
                spread_add(
                    set,
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
        add_weight_gradients(set, &memories, weight_gradient)?;
        Ok(sums)
    }
}

impl Inner {
    /// Norm, ReLU and 1x1 convolution.
    fn forward(
        &mut self,
        set: InstructionSet,
        input: &[f32],
        step: usize,
        affine: &Affine,
        weight: &Tensor,
        memory: &mut Memory,
    ) -> Result<()> {
        let (rows, count) = (input.len() / step, weight.size()[0] as usize);
        let output = sized(&mut self.values, rows * count)?;
        let moments = convolve(set, weight, (output, count), memory, |tile, normalized| {
            let input = &input[tile.start * step..tile.end * step];
            normalize(set, input, step, &affine.scale, &affine.shift, normalized);
        })?;
        self.statistics = Statistics::new(count);
        self.statistics.set(0, moments.into_iter());
        Ok(())
    }

    /// Norm and ReLU of the whole.
    fn activate(&self, set: InstructionSet, shape: Shape, affine: &Affine, output: &mut [f32]) -> Result<()> {
        let parts = parts(shape.rows());
        let outputs = split_rows(output, shape.channels, &parts);
        for_each_job(&mut parts.into_iter().zip(outputs).collect::<Vec<_>>(), |(part, output)| {
            let input = &self.values[part.start * shape.channels..part.end * shape.channels];
            normalize(set, input, shape.channels, &affine.scale, &affine.shift, output);
            Ok(())
        })
    }

    fn norm_sums(&self, set: InstructionSet, shape: Shape, affine: &Affine, gradient: &[f32]) -> Result<Vec<NormSums>> {
        let channels = shape.channels;
        let mut jobs: Vec<_> = parts(shape.rows()).into_iter().map(|part| (part, NormSums::new(channels))).collect();
        for_each_job(&mut jobs, |(part, sums)| {
            for tile in tiles(part.clone(), tile_pixels(channels)) {
                let place = tile.start * channels..tile.end * channels;
                norm_sums(
                    set,
                    &gradient[place.clone()],
                    &self.values[place],
                    &affine.scale,
                    &affine.shift,
                    self.statistics.mean(0..channels),
                    &mut sums.first,
                    &mut sums.second,
                );
                sums.flush();
            }
            Ok(())
        })?;
        Ok(jobs.into_iter().map(|(_, sums)| sums).collect())
    }
}
