//! Buffers that a step needs for a while, kept from step to step.

use super::kernels::{InstructionSet, add};
use crate::error::Result;
use crate::model::Norm;
pub use crate::runtime::buffer::sized;
use crate::runtime::parallel::{for_each_job, parts, split_rows};
use std::ops::Range;

/// Numbers of a tile of pixels that a thread works on while they are in its cache.
const TILE: usize = 64 * 1024;

/// Pixels of a tile of so many channels.
pub fn tile_pixels(channels: usize) -> usize {
    (TILE / channels).clamp(64, 256)
}

/// A range in tiles.
pub fn tiles(range: Range<usize>, pixels: usize) -> impl Iterator<Item = Range<usize>> {
    let end = range.end;
    range.step_by(pixels).map(move |start| start..(start + pixels).min(end))
}

/// One thread's.
#[derive(Default)]
pub struct ThreadMemory {
    pub tile: Vec<f32>,
    pub tile_gradient: Vec<f32>,
    pub weight_gradient: Vec<f32>,
    /// A tile as the right factor of a product.
    pub panels: Vec<f32>,
}

/// One for each of so many threads.
pub fn thread_memory(threads: &mut Vec<ThreadMemory>, count: usize) -> &mut [ThreadMemory] {
    if threads.len() < count {
        threads.resize_with(count, ThreadMemory::default);
    }
    &mut threads[..count]
}

/// Adds the weight gradients of those threads.
pub fn add_weight_gradients(set: InstructionSet, threads: &[&mut ThreadMemory], output: &mut [f32]) -> Result<()> {
    let parts = parts(output.len());
    let outputs = split_rows(output, 1, &parts);
    for_each_job(&mut parts.into_iter().zip(outputs).collect::<Vec<_>>(), |(part, output)| {
        for memory in threads {
            add(set, &memory.weight_gradient[part.clone()], output);
        }
        Ok(())
    })
}

/// The whole step's.
#[derive(Default)]
pub struct Memory {
    /// A 3x3 convolution's input.
    pub outer: Vec<f32>,
    /// Gradient of its output.
    pub outer_gradient: Vec<f32>,
    /// A weight as the right factor of a product.
    pub panels: Vec<f32>,
    /// Each thread's.
    pub threads: Vec<ThreadMemory>,
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

    /// A norm's, of weight and bias.
    pub fn of_norm(&mut self, norm: &Norm) -> (&mut [f32], &mut [f32]) {
        let (weight, bias) = (self.places[norm.weight].clone(), self.places[norm.bias].clone());
        let (before, after) = self.values.split_at_mut(bias.start);
        (&mut before[weight], &mut after[..bias.len()])
    }
}
