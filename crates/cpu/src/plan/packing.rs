//! Packing of weights for the kernels: matrices in panels, batch norms as scale and shift.

use super::memory::Buffer;
use super::vector::Instructions;
use lens_base::Result;
use lens_model::{EPSILON, Norm, Parameters};
use std::ops::Range;

/// Position of a tensor in the packed weights.
pub type PackedRange = Range<usize>;

/// A batch norm as scale and shift of each channel.
pub struct FoldedNorm {
    pub scale: Vec<f64>,
    pub shift: Vec<f64>,
}

impl FoldedNorm {
    /// Folds a norm with its running statistics.
    pub fn of(norm: Norm, parameters: &Parameters) -> Self {
        let (weight, bias) = (parameters.of(norm.weight), parameters.of(norm.bias));
        let (mean, variance) = (parameters.of(norm.mean), parameters.of(norm.variance));
        let scale: Vec<f64> = weight
            .iter()
            .zip(variance)
            .map(|(weight, variance)| f64::from(*weight) / (f64::from(*variance) + EPSILON).sqrt())
            .collect();
        let shift = bias.iter().zip(mean).zip(&scale).map(|((b, m), s)| f64::from(*b) - f64::from(*m) * s).collect();
        FoldedNorm { scale, shift }
    }
}

/// Buffer that weights are packed into, one tensor after the other, each aligned to a cache line.
pub struct Packer {
    values: Buffer,
    used: usize,
}

impl Packer {
    /// With room for `count` floats; what remains unused is freed by `finish`.
    pub fn new(count: usize) -> Result<Self> {
        Ok(Packer { values: Buffer::zeroed(count)?, used: 0 })
    }

    /// The packed weights.
    pub fn finish(mut self) -> Buffer {
        self.values.truncate(self.used);
        self.values
    }

    /// Appends values as they are.
    pub fn add(&mut self, values: impl IntoIterator<Item = f64>) -> PackedRange {
        let start = self.used;
        for value in values {
            self.values.values_mut()[self.used] = value as f32;
            self.used += 1;
        }
        let range = start..self.used;
        self.used = self.used.next_multiple_of(16);
        range
    }

    /// Appends a batch norm: scale, then shift.
    pub fn add_norm(&mut self, norm: Norm, parameters: &Parameters) -> [PackedRange; 2] {
        let FoldedNorm { scale, shift } = FoldedNorm::of(norm, parameters);
        [self.add(scale), self.add(shift)]
    }

    /// Appends `count` zeros, to be overwritten.
    pub fn reserve(&mut self, count: usize) -> &mut [f32] {
        let start = self.used;
        self.used += count;
        &mut self.values.values_mut()[start..self.used]
    }

    /// Appends a matrix in panels, `[panel][k][column]`; `value` gives the weight of a column at a k.
    pub fn add_panels(
        &mut self,
        instructions: Instructions,
        (columns, depth): (usize, usize),
        value: impl Fn(usize, usize) -> f64,
    ) -> PackedRange {
        let width = instructions.nr();
        let start = self.used;
        for (panel, target) in self.reserve(columns * depth).chunks_exact_mut(width * depth).enumerate() {
            for (k, row) in target.chunks_exact_mut(width).enumerate() {
                row.iter_mut().zip(panel * width..).for_each(|(target, column)| *target = value(column, k) as f32);
            }
        }
        start..self.used
    }
}
