//! 1x1 convolutions whose input is made on the way, tile by tile, and is never whole in memory.

use super::kernels::InstructionSet;
use super::memory::{Memory, sized, thread_memory, tile_pixels, tiles};
use super::statistics::Moments;
use crate::error::Result;
use crate::runtime::matrix::{Factor, Matrix, MatrixMut};
use crate::runtime::parallel::{floats, for_each_job, parts, split_rows};
use std::ops::Range;
use tch::Tensor;

/// Writes the first channels of `output`, whose pixels lie `step` apart, and returns their moments. `prepare` writes the
/// dense input of a range of pixels.
pub fn convolve(
    set: InstructionSet,
    weight: &Tensor,
    (output, step): (&mut [f32], usize),
    memory: &mut Memory,
    prepare: impl Fn(Range<usize>, &mut [f32]) + Sync,
) -> Result<Vec<Moments>> {
    let (count, channels) = (weight.size()[0] as usize, weight.size()[1] as usize);
    let Memory { threads, panels, .. } = memory;
    let weight = Factor::of(Matrix::new(floats(weight)?, count, channels, channels).transposed(), panels)?;
    let pixels = tile_pixels(channels);
    let parts = parts(output.len() / step);
    let outputs = split_rows(output, step, &parts);
    let threads = thread_memory(threads, parts.len());
    let mut jobs: Vec<_> = parts
        .into_iter()
        .zip(outputs)
        .zip(threads)
        .map(|((part, output), memory)| (part, output, memory, Moments::new(count)))
        .collect();
    for_each_job(&mut jobs, |(part, output, memory, moments)| {
        let tile_memory = sized(&mut memory.tile, pixels * channels)?;
        for (tile, output) in tiles(part.clone(), pixels).zip(output.chunks_mut(pixels * step)) {
            let input = &mut tile_memory[..tile.len() * channels];
            prepare(tile.clone(), input);
            let input = Matrix::new(input, tile.len(), channels, channels);
            MatrixMut::new(output, tile.len(), count, step).multiply(input, &weight, false)?;
            moments.add(set, output, step);
        }
        Ok(())
    })?;
    Ok(jobs.into_iter().map(|(_, _, _, moments)| moments).collect())
}
