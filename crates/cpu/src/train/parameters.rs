//! The network's numbers as a pass reads them, and its gradients.

use lens_model::{LAYOUT, Norm};
use std::ops::Range;

/// The running statistics of all norms.
pub enum Running<'a> {
    /// Norms use their batch's statistics, and these move towards them.
    Followed(&'a mut [f32]),
    /// Norms use these.
    Used(&'a [f32]),
}

/// All parameters, by their index in the layout.
pub struct Parameters<'a> {
    pub values: &'a [f32],
    pub running: Running<'a>,
    /// The layout's.
    pub places: &'a [Range<usize>],
}

impl<'a> Parameters<'a> {
    /// One that is trained.
    pub fn of(&self, index: usize) -> &'a [f32] {
        &self.values[self.places[index].clone()]
    }

    /// Whether norms use their batch's statistics.
    pub fn uses_batches(&self) -> bool {
        matches!(self.running, Running::Followed(_))
    }

    /// Channels that statistics of a batch are wanted for, when there are so many.
    pub fn observed(&self, channels: usize) -> usize {
        if self.uses_batches() { channels } else { 0 }
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
    /// The layout's.
    pub places: &'a [Range<usize>],
}

impl Gradients<'_> {
    /// One parameter's.
    pub fn of(&mut self, index: usize) -> &mut [f32] {
        &mut self.values[self.places[index].clone()]
    }

    /// Those of two parameters, the first of which lies before the second.
    pub fn of_two(&mut self, first: usize, second: usize) -> (&mut [f32], &mut [f32]) {
        let (first, second) = (self.places[first].clone(), self.places[second].clone());
        let (before, after) = self.values.split_at_mut(second.start);
        (&mut before[first], &mut after[..second.len()])
    }

    /// A norm's, of weight and bias.
    pub fn of_norm(&mut self, norm: &Norm) -> (&mut [f32], &mut [f32]) {
        self.of_two(norm.weight, norm.bias)
    }
}
