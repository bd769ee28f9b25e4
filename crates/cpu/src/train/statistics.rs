//! Batch statistics, batch norms by them, and their gradients.

use super::kernels::moments;
use super::parameters::{Parameters, RunningStatistics};
use crate::kernels::vector::Instructions;
use lens_model::{EPSILON, MOMENTUM, Norm};
use std::ops::Range;

/// Mean and sum of squared distances from it of the pixels added so far, for each channel.
pub struct Moments {
    count: f64,
    mean: Vec<f64>,
    squares: Vec<f64>,
    part_mean: Vec<f32>,
    part_squares: Vec<f32>,
}

impl Moments {
    pub fn new(channels: usize) -> Self {
        Moments {
            count: 0.0,
            mean: vec![0.0; channels],
            squares: vec![0.0; channels],
            part_mean: vec![0.0; channels],
            part_squares: vec![0.0; channels],
        }
    }

    /// Adds a few hundred pixels, `pixel_stride` floats apart: few enough for sums in single precision.
    pub fn add(&mut self, instructions: Instructions, input: &[f32], pixel_stride: usize) {
        if self.mean.is_empty() {
            return;
        }
        moments(instructions, input, pixel_stride, &mut self.part_mean, &mut self.part_squares);
        let count = input.len().div_ceil(pixel_stride) as f64;
        let part = self.part_mean.iter().zip(&self.part_squares).map(|(mean, squares)| (*mean as f64, *squares as f64));
        merge(&mut self.count, &mut self.mean, &mut self.squares, count, part);
    }
}

/// The parallel algorithm of Chan et al. (1979).
fn merge(
    count: &mut f64,
    mean: &mut [f64],
    squares: &mut [f64],
    part_count: f64,
    part: impl Iterator<Item = (f64, f64)>,
) {
    let total = *count + part_count;
    if part_count == 0.0 {
        return;
    }
    for ((mean, squares), (part_mean, part_squares)) in mean.iter_mut().zip(squares).zip(part) {
        let distance = part_mean - *mean;
        *squares += part_squares + distance * distance * (*count * part_count / total);
        *mean += distance * (part_count / total);
    }
    *count = total;
}

/// Mean and variance of each channel over a batch.
#[derive(Default)]
pub struct Statistics {
    count: f64,
    mean: Vec<f32>,
    variance: Vec<f64>,
    /// 1 / standard deviation.
    inverse_deviation: Vec<f32>,
}

impl Statistics {
    /// Statistics of `channels` channels, to be set.
    pub fn new(channels: usize) -> Self {
        Statistics {
            count: 0.0,
            mean: vec![0.0; channels],
            variance: vec![0.0; channels],
            inverse_deviation: vec![0.0; channels],
        }
    }

    /// Sets the channels from `first` on.
    pub fn set(&mut self, first: usize, parts: impl Iterator<Item = Moments>) {
        let parts: Vec<Moments> = parts.collect();
        let channels = parts[0].mean.len();
        if channels == 0 {
            return;
        }
        let (mut count, mut mean, mut squares) = (0.0, vec![0.0; channels], vec![0.0; channels]);
        for part in parts {
            let values = part.mean.iter().copied().zip(part.squares.iter().copied());
            merge(&mut count, &mut mean, &mut squares, part.count, values);
        }
        self.count = count;
        for channel in 0..channels {
            let variance = squares[channel] / count;
            self.mean[first + channel] = mean[channel] as f32;
            self.variance[first + channel] = variance;
            self.inverse_deviation[first + channel] = (variance + EPSILON).sqrt().recip() as f32;
        }
    }

    /// Means of some channels.
    pub fn mean(&self, channels: Range<usize>) -> &[f32] {
        &self.mean[channels]
    }

    /// The norm of the first channels as scale and shift: by these statistics, or by the running ones if those are
    /// fixed.
    pub fn scale_shift(&self, parameters: &Parameters, norm: &Norm) -> ScaleShift {
        let (weight, bias) = (parameters.of(norm.weight), parameters.of(norm.bias));
        let of = |mean: &[f32], inverse_deviation: &[f32]| {
            let scale: Vec<f32> = weight
                .iter()
                .zip(inverse_deviation)
                .map(|(weight, inverse_deviation)| weight * inverse_deviation)
                .collect();
            let shift = bias.iter().zip(&scale).zip(mean).map(|((bias, scale), mean)| bias - mean * scale).collect();
            ScaleShift { scale, shift }
        };
        match &parameters.running {
            RunningStatistics::Updated(_) => of(&self.mean, &self.inverse_deviation),
            RunningStatistics::Fixed(running) => {
                let variance = running[parameters.ranges[norm.variance].clone()].iter();
                let inverse_deviation: Vec<f32> =
                    variance.map(|variance| (f64::from(*variance) + EPSILON).sqrt().recip() as f32).collect();
                of(&running[parameters.ranges[norm.mean].clone()], &inverse_deviation)
            }
        }
    }

    /// Updates the running statistics of a norm of the first channels, unless they are fixed.
    pub fn update_running(&self, parameters: &mut Parameters, norm: &Norm) {
        let ranges = parameters.ranges;
        let RunningStatistics::Updated(running) = &mut parameters.running else {
            return;
        };
        let unbiased = self.count / (self.count - 1.0);
        let update =
            |running: &mut f32, new: f64| *running = (MOMENTUM * new + (1.0 - MOMENTUM) * *running as f64) as f32;
        for (running, mean) in running[ranges[norm.mean].clone()].iter_mut().zip(&self.mean) {
            update(running, *mean as f64);
        }
        for (running, variance) in running[ranges[norm.variance].clone()].iter_mut().zip(&self.variance) {
            update(running, variance * unbiased);
        }
    }
}

/// A norm as scale and shift of each channel.
pub struct ScaleShift {
    pub scale: Vec<f32>,
    pub shift: Vec<f32>,
}

/// Sums over pixels for a norm's backward pass: of the gradient dy, and of dy (x - mean).
pub struct NormBackwardSums {
    /// Of the pixels since the last `flush`, in single precision.
    pub sum_dy: Vec<f32>,
    pub sum_dy_xmu: Vec<f32>,
    total_dy: Vec<f64>,
    total_dy_xmu: Vec<f64>,
}

impl NormBackwardSums {
    pub fn new(channels: usize) -> Self {
        NormBackwardSums {
            sum_dy: vec![0.0; channels],
            sum_dy_xmu: vec![0.0; channels],
            total_dy: vec![0.0; channels],
            total_dy_xmu: vec![0.0; channels],
        }
    }

    /// Adds the single precision sums to those in double precision; to be called every few hundred pixels.
    pub fn flush(&mut self) {
        for (part, total) in [(&mut self.sum_dy, &mut self.total_dy), (&mut self.sum_dy_xmu, &mut self.total_dy_xmu)] {
            for (part, total) in part.iter_mut().zip(total) {
                *total += f64::from(std::mem::take(part));
            }
        }
    }
}

/// The terms of the gradient of a norm's input that stem from the dependence of the batch statistics on it: `constant +
/// slope * (input - mean)`, to be subtracted.
pub struct BatchNormTerms {
    pub constant: Vec<f32>,
    pub slope: Vec<f32>,
}

impl BatchNormTerms {
    pub fn new(channels: usize) -> Self {
        BatchNormTerms { constant: vec![0.0; channels], slope: vec![0.0; channels] }
    }

    /// Adds the terms of a norm of the first channels, from the sums of all threads, and the gradients of the norm's
    /// weight and bias to `weight` and `bias`.
    pub fn add(
        &mut self,
        statistics: &Statistics,
        affine: &ScaleShift,
        parts: &[NormBackwardSums],
        weight: &mut [f32],
        bias: &mut [f32],
    ) {
        for channel in 0..affine.scale.len() {
            let sum_dy: f64 = parts.iter().map(|part| part.total_dy[channel]).sum();
            let sum_dy_xmu: f64 = parts.iter().map(|part| part.total_dy_xmu[channel]).sum();
            let inverse_deviation = f64::from(statistics.inverse_deviation[channel]);
            let factor = f64::from(affine.scale[channel]) / statistics.count;
            self.constant[channel] += (factor * sum_dy) as f32;
            self.slope[channel] += (factor * inverse_deviation * inverse_deviation * sum_dy_xmu) as f32;
            weight[channel] += (sum_dy_xmu * inverse_deviation) as f32;
            bias[channel] += sum_dy as f32;
        }
    }
}
