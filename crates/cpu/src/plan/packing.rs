//! Weights as the kernels read them: matrices in panels, batch normalisations as a factor and an addend.

use super::memory::Buffer;
use super::vector::Instructions;
use lens_base::Result;
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

/// Is filled while weights are packed; every place begins at a cache line.
pub struct Packer {
    values: Buffer,
    used: usize,
}

impl Packer {
    /// With room for so many floats; what is not needed of it takes no memory.
    pub fn new(count: usize) -> Result<Self> {
        Ok(Packer { values: Buffer::zeroed(count)?, used: 0 })
    }

    /// What was packed.
    pub fn finish(mut self) -> Buffer {
        self.values.truncate(self.used);
        self.values
    }

    /// Values as they are.
    pub fn add(&mut self, values: impl IntoIterator<Item = f64>) -> Place {
        let start = self.used;
        for value in values {
            self.values.values_mut()[self.used] = value as f32;
            self.used += 1;
        }
        let place = start..self.used;
        self.used = self.used.next_multiple_of(16);
        place
    }

    /// A batch normalisation: its factors, then its addends.
    pub fn add_norm(&mut self, norm: Norm, parameters: &Parameters) -> [Place; 2] {
        let Affine { scale, shift } = Affine::of(norm, parameters);
        [self.add(scale), self.add(shift)]
    }

    /// So many zeros, to be filled.
    pub fn room(&mut self, count: usize) -> &mut [f32] {
        let start = self.used;
        self.used += count;
        &mut self.values.values_mut()[start..self.used]
    }

    /// A matrix of `columns` columns as panels, `[panel][depth][column]`; `value` gives the weight of a column at a depth.
    pub fn add_panels(
        &mut self,
        instructions: Instructions,
        (columns, depth): (usize, usize),
        value: impl Fn(usize, usize) -> f64,
    ) -> Place {
        let width = 2 * instructions.lanes();
        let start = self.used;
        for (panel, target) in self.room(columns * depth).chunks_exact_mut(width * depth).enumerate() {
            for (k, row) in target.chunks_exact_mut(width).enumerate() {
                row.iter_mut().zip(panel * width..).for_each(|(target, column)| *target = value(column, k) as f32);
            }
        }
        start..self.used
    }
}
