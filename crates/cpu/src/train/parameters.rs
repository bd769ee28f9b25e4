//! The network's parameters as a pass reads them, and their gradients.

use lens_model::{LAYOUT, Norm};
use std::ops::Range;

/// The running statistics of all norms.
pub enum RunningStatistics<'a> {
    /// Norms use the batch's statistics, and the running statistics are updated.
    Updated(&'a mut [f32]),
    /// Norms use the running statistics.
    Fixed(&'a [f32]),
}

/// All parameters, by their index in the layout.
pub struct Parameters<'a> {
    pub values: &'a [f32],
    pub running: RunningStatistics<'a>,
    /// Range of each parameter.
    pub ranges: &'a [Range<usize>],
}

impl<'a> Parameters<'a> {
    /// A trained parameter.
    pub fn of(&self, index: usize) -> &'a [f32] {
        &self.values[self.ranges[index].clone()]
    }

    /// Whether norms use the batch's statistics.
    pub fn uses_batch_statistics(&self) -> bool {
        matches!(self.running, RunningStatistics::Updated(_))
    }

    /// `channels` if batch statistics are needed, otherwise 0.
    pub fn observed(&self, channels: usize) -> usize {
        if self.uses_batch_statistics() { channels } else { 0 }
    }
}

/// Output and input channels of a convolution.
pub fn channels(convolution: usize) -> (usize, usize) {
    let shape = &LAYOUT.parameters()[convolution].shape;
    (shape[0], shape[1])
}

/// The gradients of all trained parameters, one after the other, convolutions channels last.
pub struct Gradients<'a> {
    pub values: &'a mut [f32],
    /// Range of each parameter.
    pub ranges: &'a [Range<usize>],
}

impl Gradients<'_> {
    /// The gradient of one parameter.
    pub fn of(&mut self, index: usize) -> &mut [f32] {
        &mut self.values[self.ranges[index].clone()]
    }

    /// The gradients of two parameters, the first of which comes before the second.
    pub fn of_two(&mut self, first: usize, second: usize) -> (&mut [f32], &mut [f32]) {
        let (first, second) = (self.ranges[first].clone(), self.ranges[second].clone());
        let (before, after) = self.values.split_at_mut(second.start);
        (&mut before[first], &mut after[..second.len()])
    }

    /// The gradients of a norm's weight and bias.
    pub fn of_norm(&mut self, norm: &Norm) -> (&mut [f32], &mut [f32]) {
        self.of_two(norm.weight, norm.bias)
    }
}
