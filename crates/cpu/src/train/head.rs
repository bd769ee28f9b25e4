//! The head: last norm, ReLU, global average pooling and the linear layer.

use super::CpuContext;
use super::block::{Block, BlockGradient};
use super::kernels::{norm_relu_backward_set, norm_relu_sum};
use super::memory::{sized, tile_pixels};
use super::parameters::{Gradients, Parameters};
use super::statistics::{BatchNormTerms, NormBackwardSums};
use crate::parallel::{for_each_job, split_rows, thread_parts};
use crate::partition::chunk_ranges;
use lens_base::Result;
use lens_model::LAYOUT;

/// What the backward pass needs of the forward pass.
#[derive(Default)]
pub struct Head {
    /// Pooled features: images x channels.
    means: Vec<f32>,
}

impl Head {
    /// Logits.
    pub fn forward(&mut self, cpu: CpuContext, block: &Block, parameters: &mut Parameters) -> Result<Vec<f32>> {
        let instructions = cpu.instructions;
        block.statistics.update_running(parameters, &LAYOUT.last_norm);
        let affine = block.statistics.scale_shift(parameters, &LAYOUT.last_norm);
        let (shape, channels) = (block.shape, block.shape.channels);
        let parts = thread_parts(cpu.pool, shape.images);
        let means = sized(&mut self.means, shape.images * channels)?;
        let outputs = split_rows(means, channels, &parts);
        for_each_job(cpu.pool, &mut parts.into_iter().zip(outputs).collect::<Vec<_>>(), |(part, means)| {
            let share = 1.0 / shape.pixels() as f32;
            for (image, mean) in part.clone().zip(means.chunks_exact_mut(channels)) {
                mean.fill(0.0);
                let pixels = &block.values[image * shape.pixels() * channels..][..shape.pixels() * channels];
                norm_relu_sum(instructions, pixels, channels, &affine.scale, &affine.shift, mean);
                mean.iter_mut().for_each(|sum| *sum *= share);
            }
            Ok(())
        })?;
        let (weight, bias) = (parameters.of(LAYOUT.head_weight), parameters.of(LAYOUT.head_bias)[0]);
        let logit = |mean: &[f32]| {
            let products = mean.iter().zip(weight).map(|(mean, weight)| f64::from(*mean) * f64::from(*weight));
            (products.sum::<f64>() + f64::from(bias)) as f32
        };
        Ok(self.means[..shape.images * channels].chunks_exact(channels).map(logit).collect())
    }

    /// From the gradients of the logits to those of the linear layer's parameters.
    pub fn linear_backward(&self, logit_gradients: &[f64], gradients: &mut Gradients) {
        let head_weight = gradients.of(LAYOUT.head_weight);
        for (logit_gradient, mean) in logit_gradients.iter().zip(self.means.chunks_exact(head_weight.len())) {
            for (output, mean) in head_weight.iter_mut().zip(mean) {
                *output += *logit_gradient as f32 * mean;
            }
        }
        gradients.of(LAYOUT.head_bias)[0] += logit_gradients.iter().sum::<f64>() as f32;
    }

    /// From the gradients of the logits to the gradient of the last block's features.
    pub fn backward(
        &self,
        cpu: CpuContext,
        block: &Block,
        logit_gradients: &[f64],
        parameters: &Parameters,
        gradient: &mut BlockGradient,
        gradients: &mut Gradients,
    ) -> Result<()> {
        let instructions = cpu.instructions;
        let affine = block.statistics.scale_shift(parameters, &LAYOUT.last_norm);
        let (shape, channels) = (block.shape, block.shape.channels);
        let weight = parameters.of(LAYOUT.head_weight);
        self.linear_backward(logit_gradients, gradients);

        let parts = thread_parts(cpu.pool, shape.images);
        let totals = split_rows(sized(&mut gradient.values, shape.len())?, shape.pixels() * channels, &parts);
        let mut jobs: Vec<_> =
            parts.into_iter().zip(totals).map(|(part, total)| (part, total, NormBackwardSums::new(channels))).collect();
        for_each_job(cpu.pool, &mut jobs, |(part, total, sums)| {
            let first = part.start * shape.pixels() * channels;
            for image in part.clone() {
                let share = logit_gradients[image] / shape.pixels() as f64;
                let pixel_gradient: Vec<f32> =
                    weight.iter().map(|weight| (share * f64::from(*weight)) as f32).collect();
                for tile in chunk_ranges(image * shape.pixels()..(image + 1) * shape.pixels(), tile_pixels(channels)) {
                    let range = tile.start * channels..tile.end * channels;
                    norm_relu_backward_set(
                        instructions,
                        &pixel_gradient,
                        &block.values[range.clone()],
                        channels,
                        &affine.scale,
                        &affine.shift,
                        block.statistics.mean(0..channels),
                        &mut total[range.start - first..range.end - first],
                        &mut sums.sum_dy,
                        &mut sums.sum_dy_xmu,
                    );
                    sums.flush();
                }
            }
            Ok(())
        })?;
        let sums: Vec<_> = jobs.into_iter().map(|(_, _, sums)| sums).collect();
        gradient.norm_terms = BatchNormTerms::new(channels);
        let (norm_weight, norm_bias) = gradients.of_norm(&LAYOUT.last_norm);
        gradient.norm_terms.add(&block.statistics, &affine, &sums, norm_weight, norm_bias);
        Ok(())
    }
}
