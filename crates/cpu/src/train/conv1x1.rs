//! 1x1 convolutions whose input is computed while it is packed, tile by tile, and is never whole in memory.

use super::CpuContext;
use super::memory::tile_pixels;
use super::statistics::Moments;
use crate::kernels::gemm::{GemmOutput, PackedB, RowSource, gemm};
use crate::parallel::{for_each_job, split_rows, thread_parts};
use crate::partition::chunk_ranges;
use lens_base::Result;

/// Writes the first channels of `output`, whose pixels are `pixel_stride` floats apart, and returns the moments of
/// `observed` of them. `rows` gives the input from a pixel on.
pub fn conv1x1<R: RowSource>(
    cpu: CpuContext,
    weights: PackedB,
    (output, pixel_stride): (&mut [f32], usize),
    observed: usize,
    rows: impl Fn(usize) -> R + Sync,
) -> Result<Vec<Moments>> {
    let pixels = tile_pixels(weights.rows());
    let parts = thread_parts(cpu.pool, output.len() / pixel_stride);
    let outputs = split_rows(output, pixel_stride, &parts);
    let mut jobs: Vec<_> =
        parts.into_iter().zip(outputs).map(|(part, output)| (part, output, Moments::new(observed))).collect();
    for_each_job(cpu.pool, &mut jobs, |(part, output, moments)| {
        for (tile, output) in chunk_ranges(part.clone(), pixels).zip(output.chunks_mut(pixels * pixel_stride)) {
            let target = GemmOutput { values: &mut *output, row_stride: pixel_stride, accumulate: false };
            gemm(rows(tile.start), tile.len(), weights, target);
            moments.add(cpu.instructions, output, pixel_stride);
        }
        Ok(())
    })?;
    Ok(jobs.into_iter().map(|(_, _, moments)| moments).collect())
}
