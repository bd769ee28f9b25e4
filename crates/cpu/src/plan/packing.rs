//! Weights as the kernels read them: matrices in panels, batch normalisations as a factor and an addend.

use super::vector::Instructions;
use lens_model::{EPSILON, Norm, Parameters};
use std::ops::Range;

/// Where values lie in the packed weights.
pub type Place = Range<usize>;

/// Factor and addend of each channel.
pub struct Affine {
    pub scale: Vec<f64>,
    pub shift: Vec<f64>,
}

impl Affine {
    /// What a batch normalisation computes with its running statistics.
    pub fn of(norm: Norm, parameters: &Parameters) -> Self {
        let (weight, bias) = (parameters.of(norm.weight), parameters.of(norm.bias));
        let (mean, variance) = (parameters.of(norm.mean), parameters.of(norm.variance));
        let scale: Vec<f64> = weight
            .iter()
            .zip(variance)
            .map(|(weight, variance)| f64::from(*weight) / (f64::from(*variance) + EPSILON).sqrt())
            .collect();
        let shift = bias.iter().zip(mean).zip(&scale).map(|((b, m), s)| f64::from(*b) - f64::from(*m) * s).collect();
        Affine { scale, shift }
    }
}

/// Grows while weights are packed; every place begins at a cache line.
pub struct Packer {
    values: Vec<f32>,
}

impl Packer {
    /// With room for about so many floats.
    pub fn new(count: usize) -> Self {
        Packer { values: Vec::with_capacity(count) }
    }

    /// What was packed.
    pub fn finish(self) -> Vec<f32> {
        self.values
    }

    /// Values as they are.
    pub fn add(&mut self, values: impl IntoIterator<Item = f64>) -> Place {
        let start = self.values.len();
        self.values.extend(values.into_iter().map(|value| value as f32));
        let place = start..self.values.len();
        self.values.resize(place.end.next_multiple_of(16), 0.0);
        place
    }

    /// A batch normalisation: its factors, then its addends.
    pub fn add_norm(&mut self, norm: Norm, parameters: &Parameters) -> [Place; 2] {
        let Affine { scale, shift } = Affine::of(norm, parameters);
        [self.add(scale), self.add(shift)]
    }

    /// So many zeros, to be filled.
    pub fn room(&mut self, count: usize) -> &mut [f32] {
        let start = self.values.len();
        self.values.resize(start + count, 0.0);
        &mut self.values[start..]
    }

    /// A matrix of `columns` columns as panels, `[panel][depth][column]`; `value` gives the weight of a column at a depth.
    pub fn add_panels(
        &mut self,
        instructions: Instructions,
        (columns, depth): (usize, usize),
        value: impl Fn(usize, usize) -> f64,
    ) -> Place {
        let width = 2 * instructions.lanes();
        let start = self.values.len();
        for first in (0..columns).step_by(width) {
            for k in 0..depth {
                self.values.extend((first..first + width).map(|column| value(column, k) as f32));
            }
        }
        start..self.values.len()
    }
}
