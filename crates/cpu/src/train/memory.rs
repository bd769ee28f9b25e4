//! Scratch buffers of a training step, kept from step to step.

use super::CpuContext;
use super::kernels::{add, add_transposed};
pub use crate::buffer::sized;
use crate::parallel::{for_each_job, split_rows, thread_parts};
use lens_base::Result;

/// Floats of a tile of pixels that a thread works on while they are in its cache.
const TILE_FLOATS: usize = 64 * 1024;

/// Pixels of a tile with `channels` channels.
pub fn tile_pixels(channels: usize) -> usize {
    (TILE_FLOATS / channels).clamp(64, 256)
}

/// Buffers of one thread.
#[derive(Default)]
pub struct ThreadWorkspace {
    /// Image lines with zero padding.
    pub padded: Vec<f32>,
    pub padded_gradient: Vec<f32>,
    /// Winograd-transformed tiles of bottleneck and of output channels.
    pub transformed: Vec<f32>,
    pub transformed_output: Vec<f32>,
    pub tile_gradient: Vec<f32>,
    pub weight_gradient: Vec<f32>,
    /// A tile as packed B.
    pub panels: Vec<f32>,
}

/// Workspaces of `count` threads.
pub fn thread_workspaces(threads: &mut Vec<ThreadWorkspace>, count: usize) -> &mut [ThreadWorkspace] {
    if threads.len() < count {
        threads.resize_with(count, ThreadWorkspace::default);
    }
    &mut threads[..count]
}

/// Adds the weight gradients of all threads to `output`.
pub fn add_weight_gradients(cpu: CpuContext, threads: &[&mut ThreadWorkspace], output: &mut [f32]) -> Result<()> {
    let parts = thread_parts(cpu.pool, output.len());
    let outputs = split_rows(output, 1, &parts);
    for_each_job(cpu.pool, &mut parts.into_iter().zip(outputs).collect::<Vec<_>>(), |(part, output)| {
        for memory in threads {
            add(cpu.instructions, &memory.weight_gradient[part.clone()], output);
        }
        Ok(())
    })
}

/// The same for weight gradients in the order `[tap and input channel][output channel]`, which are transposed into
/// `output`.
pub fn add_window_gradients(
    cpu: CpuContext,
    threads: &[&mut ThreadWorkspace],
    count: usize,
    output: &mut [f32],
) -> Result<()> {
    let depth = output.len() / count;
    let parts = thread_parts(cpu.pool, count);
    let outputs = split_rows(output, depth, &parts);
    for_each_job(cpu.pool, &mut parts.into_iter().zip(outputs).collect::<Vec<_>>(), |(part, output)| {
        for memory in threads {
            add_transposed(cpu.instructions, &memory.weight_gradient[..depth * count], part.start, count, output);
        }
        Ok(())
    })
}

/// Buffers of a training step.
#[derive(Default)]
pub struct StepWorkspace {
    /// Gradient of a layer's bottleneck features, or of a pooled image.
    pub bottleneck_gradient: Vec<f32>,
    /// Gradient of a convolution's output.
    pub output_gradient: Vec<f32>,
    /// One for each thread.
    pub threads: Vec<ThreadWorkspace>,
}
