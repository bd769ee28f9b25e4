//! Buffers that a step needs for a while, kept from step to step.

use super::Cpu;
use super::kernels::{add, add_transposed};
pub use crate::buffer::sized;
use crate::parallel::{for_each_job, parts, split_rows};
use lens_base::Result;

/// Numbers of a tile of pixels that a thread works on while they are in its cache.
const TILE: usize = 64 * 1024;

/// Pixels of a tile of so many channels.
pub fn tile_pixels(channels: usize) -> usize {
    (TILE / channels).clamp(64, 256)
}

/// One thread's.
#[derive(Default)]
pub struct ThreadMemory {
    /// Lines of images with zeros around them.
    pub padded: Vec<f32>,
    pub padded_gradient: Vec<f32>,
    /// Transformed tiles, one kind of which has as many channels as a layer adds.
    pub transformed: Vec<f32>,
    pub transformed_added: Vec<f32>,
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
pub fn add_weight_gradients(cpu: Cpu, threads: &[&mut ThreadMemory], output: &mut [f32]) -> Result<()> {
    let parts = parts(cpu.pool, output.len());
    let outputs = split_rows(output, 1, &parts);
    for_each_job(cpu.pool, &mut parts.into_iter().zip(outputs).collect::<Vec<_>>(), |(part, output)| {
        for memory in threads {
            add(cpu.instructions, &memory.weight_gradient[part.clone()], output);
        }
        Ok(())
    })
}

/// The same for weight gradients whose rows are numbers of a window and whose columns are output channels: `output` has
/// them the other way round.
pub fn add_window_gradients(cpu: Cpu, threads: &[&mut ThreadMemory], count: usize, output: &mut [f32]) -> Result<()> {
    let depth = output.len() / count;
    let parts = parts(cpu.pool, count);
    let outputs = split_rows(output, depth, &parts);
    for_each_job(cpu.pool, &mut parts.into_iter().zip(outputs).collect::<Vec<_>>(), |(part, output)| {
        for memory in threads {
            add_transposed(cpu.instructions, &memory.weight_gradient[..depth * count], part.start, count, output);
        }
        Ok(())
    })
}

/// The whole step's.
#[derive(Default)]
pub struct Memory {
    /// Gradient of a layer's inner pixels, or of a pooled image.
    pub inner_gradient: Vec<f32>,
    /// Gradient of a convolution's output.
    pub outer_gradient: Vec<f32>,
    /// Each thread's.
    pub threads: Vec<ThreadMemory>,
}
