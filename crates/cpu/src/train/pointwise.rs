//! 1x1 convolutions whose input is made as it is packed, tile by tile, and is never whole in memory.

use super::Cpu;
use super::memory::tile_pixels;
use super::statistics::Moments;
use crate::cut::steps;
use crate::kernels::product::{Panels, Rows, Target, multiply};
use crate::parallel::{for_each_job, parts, split_rows};
use lens_base::Result;

/// Writes the first channels of `output`, whose pixels lie `step` apart, and returns moments of `observed` of them. `rows`
/// gives the input from a pixel on.
pub fn convolve<R: Rows>(
    cpu: Cpu,
    weights: Panels,
    (output, step): (&mut [f32], usize),
    observed: usize,
    rows: impl Fn(usize) -> R + Sync,
) -> Result<Vec<Moments>> {
    let pixels = tile_pixels(weights.rows());
    let parts = parts(cpu.pool, output.len() / step);
    let outputs = split_rows(output, step, &parts);
    let mut jobs: Vec<_> =
        parts.into_iter().zip(outputs).map(|(part, output)| (part, output, Moments::new(observed))).collect();
    for_each_job(cpu.pool, &mut jobs, |(part, output, moments)| {
        for (tile, output) in steps(part.clone(), pixels).zip(output.chunks_mut(pixels * step)) {
            let target = Target { values: &mut *output, step, accumulate: false };
            multiply(rows(tile.start), tile.len(), weights, target);
            moments.add(cpu.instructions, output, step);
        }
        Ok(())
    })?;
    Ok(jobs.into_iter().map(|(_, _, moments)| moments).collect())
}
