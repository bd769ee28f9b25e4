//! The last norm, ReLU, the mean over an image's pixels, and the linear layer.

use super::Cpu;
use super::block::{Block, BlockGradient};
use super::kernels::{normalize_summed, spread_set};
use super::memory::{sized, tile_pixels};
use super::parameters::{Gradients, Parameters};
use super::statistics::{NormSums, Taken};
use crate::cut::steps;
use crate::parallel::{for_each_job, parts, split_rows};
use lens_base::Result;
use lens_model::LAYOUT;

/// What the backward pass needs of the forward pass.
#[derive(Default)]
pub struct Head {
    /// Images x channels.
    means: Vec<f32>,
}

impl Head {
    /// Logits.
    pub fn forward(&mut self, cpu: Cpu, block: &Block, parameters: &mut Parameters) -> Result<Vec<f32>> {
        let set = cpu.instructions;
        block.statistics.update_running(parameters, &LAYOUT.last_norm);
        let affine = block.statistics.affine(parameters, &LAYOUT.last_norm);
        let (shape, channels) = (block.shape, block.shape.channels);
        let parts = parts(cpu.pool, shape.images);
        let means = sized(&mut self.means, shape.images * channels)?;
        let outputs = split_rows(means, channels, &parts);
        for_each_job(cpu.pool, &mut parts.into_iter().zip(outputs).collect::<Vec<_>>(), |(part, means)| {
            let share = 1.0 / shape.pixels() as f32;
            for (image, mean) in part.clone().zip(means.chunks_exact_mut(channels)) {
                mean.fill(0.0);
                let pixels = &block.values[image * shape.pixels() * channels..][..shape.pixels() * channels];
                normalize_summed(set, pixels, channels, &affine.scale, &affine.shift, mean);
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

    /// From the gradients of the logits to those of the linear layer.
    pub fn linear_backward(&self, of_logits: &[f64], gradients: &mut Gradients) {
        let head_weight = gradients.of(LAYOUT.head_weight);
        for (of_logit, mean) in of_logits.iter().zip(self.means.chunks_exact(head_weight.len())) {
            for (output, mean) in head_weight.iter_mut().zip(mean) {
                *output += *of_logit as f32 * mean;
            }
        }
        gradients.of(LAYOUT.head_bias)[0] += of_logits.iter().sum::<f64>() as f32;
    }

    /// From the gradients of the logits to that of the last block's pixels.
    pub fn backward(
        &self,
        cpu: Cpu,
        block: &Block,
        of_logits: &[f64],
        parameters: &Parameters,
        gradient: &mut BlockGradient,
        gradients: &mut Gradients,
    ) -> Result<()> {
        let set = cpu.instructions;
        let affine = block.statistics.affine(parameters, &LAYOUT.last_norm);
        let (shape, channels) = (block.shape, block.shape.channels);
        let weight = parameters.of(LAYOUT.head_weight);
        self.linear_backward(of_logits, gradients);

        let parts = parts(cpu.pool, shape.images);
        let totals = split_rows(sized(&mut gradient.values, shape.len())?, shape.pixels() * channels, &parts);
        let mut jobs: Vec<_> =
            parts.into_iter().zip(totals).map(|(part, total)| (part, total, NormSums::new(channels))).collect();
        for_each_job(cpu.pool, &mut jobs, |(part, total, sums)| {
            let first = part.start * shape.pixels() * channels;
            for image in part.clone() {
                let share = of_logits[image] / shape.pixels() as f64;
                let pixel_gradient: Vec<f32> =
                    weight.iter().map(|weight| (share * f64::from(*weight)) as f32).collect();
                for tile in steps(image * shape.pixels()..(image + 1) * shape.pixels(), tile_pixels(channels)) {
                    let place = tile.start * channels..tile.end * channels;
                    spread_set(
                        set,
                        &pixel_gradient,
                        &block.values[place.clone()],
                        channels,
                        &affine.scale,
                        &affine.shift,
                        block.statistics.mean(0..channels),
                        &mut total[place.start - first..place.end - first],
                        &mut sums.first,
                        &mut sums.second,
                    );
                    sums.flush();
                }
            }
            Ok(())
        })?;
        let sums: Vec<_> = jobs.into_iter().map(|(_, _, sums)| sums).collect();
        gradient.taken = Taken::new(channels);
        let (norm_weight, norm_bias) = gradients.of_norm(&LAYOUT.last_norm);
        gradient.taken.add(&block.statistics, &affine, &sums, norm_weight, norm_bias);
        Ok(())
    }
}
