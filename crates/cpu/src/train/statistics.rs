//! Batch statistics, and norms made from them.

use super::kernels::moments;
use super::parameters::{Parameters, Running};
use crate::kernels::vector::Instructions;
use lens_model::{EPSILON, MOMENTUM, Norm};
use std::ops::Range;

/// Means and sums of squared distances of the pixels that were added so far.
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

    /// Adds a few hundred pixels, which lie `step` apart: few enough for sums in single precision.
    pub fn add(&mut self, set: Instructions, input: &[f32], step: usize) {
        if self.mean.is_empty() {
            return;
        }
        moments(set, input, step, &mut self.part_mean, &mut self.part_squares);
        let count = input.len().div_ceil(step) as f64;
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
    inverse: Vec<f32>,
}

impl Statistics {
    /// For so many channels, of which nothing is known yet.
    pub fn new(channels: usize) -> Self {
        Statistics {
            count: 0.0,
            mean: vec![0.0; channels],
            variance: vec![0.0; channels],
            inverse: vec![0.0; channels],
        }
    }

    /// Fills in the channels from `first` on.
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
            self.inverse[first + channel] = (variance + EPSILON).sqrt().recip() as f32;
        }
    }

    /// Means of some channels.
    pub fn mean(&self, channels: Range<usize>) -> &[f32] {
        &self.mean[channels]
    }

    /// The first channels' norm: by these statistics, or by the running ones where those are used.
    pub fn affine(&self, parameters: &Parameters, norm: &Norm) -> Affine {
        let (weight, bias) = (parameters.of(norm.weight), parameters.of(norm.bias));
        let of = |mean: &[f32], inverse: &[f32]| {
            let scale: Vec<f32> = weight.iter().zip(inverse).map(|(weight, inverse)| weight * inverse).collect();
            let shift = bias.iter().zip(&scale).zip(mean).map(|((bias, scale), mean)| bias - mean * scale).collect();
            Affine { scale, shift }
        };
        match &parameters.running {
            Running::Followed(_) => of(&self.mean, &self.inverse),
            Running::Used(running) => {
                let variance = running[parameters.places[norm.variance].clone()].iter();
                let inverse: Vec<f32> =
                    variance.map(|variance| (f64::from(*variance) + EPSILON).sqrt().recip() as f32).collect();
                of(&running[parameters.places[norm.mean].clone()], &inverse)
            }
        }
    }

    /// Moves the running statistics of a norm of the first channels towards these, where they follow.
    pub fn update_running(&self, parameters: &mut Parameters, norm: &Norm) {
        let places = parameters.places;
        let Running::Followed(running) = &mut parameters.running else {
            return;
        };
        let unbiased = self.count / (self.count - 1.0);
        let step =
            |running: &mut f32, new: f64| *running = (MOMENTUM * new + (1.0 - MOMENTUM) * *running as f64) as f32;
        for (running, mean) in running[places[norm.mean].clone()].iter_mut().zip(&self.mean) {
            step(running, *mean as f64);
        }
        for (running, variance) in running[places[norm.variance].clone()].iter_mut().zip(&self.variance) {
            step(running, variance * unbiased);
        }
    }
}

/// A norm as one factor and one addend for each channel.
pub struct Affine {
    pub scale: Vec<f32>,
    pub shift: Vec<f32>,
}

/// The sums of a norm's backward pass.
pub struct NormSums {
    /// Of the pixels since the last `flush`, in single precision.
    pub first: Vec<f32>,
    pub second: Vec<f32>,
    total_first: Vec<f64>,
    total_second: Vec<f64>,
}

impl NormSums {
    pub fn new(channels: usize) -> Self {
        NormSums {
            first: vec![0.0; channels],
            second: vec![0.0; channels],
            total_first: vec![0.0; channels],
            total_second: vec![0.0; channels],
        }
    }

    /// To be called every few hundred pixels.
    pub fn flush(&mut self) {
        for (part, total) in [(&mut self.first, &mut self.total_first), (&mut self.second, &mut self.total_second)] {
            for (part, total) in part.iter_mut().zip(total) {
                *total += f64::from(std::mem::take(part));
            }
        }
    }
}

/// What a norm's dependence on its batch takes from the gradient of its input: `constant + slope * (input - mean)`.
pub struct Taken {
    pub constant: Vec<f32>,
    pub slope: Vec<f32>,
}

impl Taken {
    pub fn new(channels: usize) -> Self {
        Taken { constant: vec![0.0; channels], slope: vec![0.0; channels] }
    }

    /// Adds a norm of the first channels, with the sums of all threads, and the norm's own gradients to `weight` and
    /// `bias`.
    pub fn add(
        &mut self,
        statistics: &Statistics,
        affine: &Affine,
        parts: &[NormSums],
        weight: &mut [f32],
        bias: &mut [f32],
    ) {
        for channel in 0..affine.scale.len() {
            let first: f64 = parts.iter().map(|part| part.total_first[channel]).sum();
            let second: f64 = parts.iter().map(|part| part.total_second[channel]).sum();
            let inverse = f64::from(statistics.inverse[channel]);
            let factor = f64::from(affine.scale[channel]) / statistics.count;
            self.constant[channel] += (factor * first) as f32;
            self.slope[channel] += (factor * inverse * inverse * second) as f32;
            weight[channel] += (second * inverse) as f32;
            bias[channel] += first as f32;
        }
    }
}
