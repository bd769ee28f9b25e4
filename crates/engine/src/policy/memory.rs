//! Memory limits and batch sizes.

use super::decision::{Decision, DecisionInputs};
use super::precision::Precision;
use crate::footprint::Footprint;
use lens_system::probe::Vendor;
use serde::Serialize;

/// Batch sizes for images of 128 x 128, at most 128.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct StartBatch {
    /// Images of a batch in training.
    pub training: usize,
    /// Images of a batch in inference.
    pub inference: usize,
}

/// Batch size and image side of the reference pipeline.
const REFERENCE_BATCH: usize = 128;

pub(super) fn cache_bytes(inputs: &DecisionInputs) -> Decision<u64> {
    if inputs.request.memory_cap > 0 {
        return Decision::new(inputs.request.memory_cap, "as asked for");
    }
    match inputs.probe.memory.usable() {
        Some(usable) => Decision::new(usable / 4, "a quarter of the memory that was free at init"),
        None => Decision::new(256 << 20, "free memory is unknown; 256 MiB"),
    }
}

/// Bytes reserved for workspaces of the GPU's convolution libraries, and the usable fraction of the rest, as blocks of
/// unequal size leave gaps. Both are estimates: if memory runs out nevertheless, batches are halved.
/// blocks of unequal size leave gaps. Both are estimates: when memory runs out all the same, batches are halved.
const GPU_WORKSPACE_BYTES: u64 = 256 << 20;
const USABLE_FRACTION: f64 = 0.9;

pub(super) fn memory_bytes(inputs: &DecisionInputs, fraction: f64) -> Decision<Option<u64>> {
    let cap = Some(inputs.request.memory_cap).filter(|cap| *cap > 0);
    if let Some(gpu) = inputs.reported {
        let (free, total) = (gpu.free_bytes, gpu.total_bytes);
        let share = free.min((total as f64 * fraction) as u64);
        let usable = ((share as f64 * USABLE_FRACTION) as u64).saturating_sub(GPU_WORKSPACE_BYTES);
        return match cap {
            Some(cap) if cap < usable => Decision::new(Some(cap), "as asked for"),
            _ => Decision::new(
                Some(usable),
                format!(
                    "{} of {} MiB of the GPU are free, {:.0} % for this, less 10 % for gaps and {} MiB for workspaces",
                    free >> 20,
                    total >> 20,
                    fraction * 100.0,
                    GPU_WORKSPACE_BYTES >> 20
                ),
            ),
        };
    }
    if cap.is_some() {
        return Decision::new(cap, "as asked for");
    }
    match inputs.probe.memory.usable() {
        Some(usable) => Decision::new(Some(usable), "free at init"),
        None => Decision::new(None, "free memory is unknown"),
    }
}

pub(super) fn memory_fraction(inputs: &DecisionInputs) -> Decision<f64> {
    Decision::asked_or(inputs.request.memory_fraction, || match inputs.vendor {
        Some(vendor) => automatic_fraction(vendor),
        None => Decision::new(1.0, "for GPUs"),
    })
}

/// The fraction of a GPU's memory if none was requested.
pub fn automatic_fraction(vendor: Vendor) -> Decision<f64> {
    match vendor {
        Vendor::Amd => Decision::new(0.85, "as in the reference pipeline: the desktop may use the same GPU"),
        Vendor::Nvidia => Decision::new(1.0, "as in the reference pipeline"),
    }
}

/// Epochs between calls of empty_cache, if it is called at all.
pub const EMPTY_CACHE_EPOCHS: u32 = 5;

pub(super) fn empty_cache_every(inputs: &DecisionInputs) -> Decision<u32> {
    Decision::asked_or(inputs.request.empty_cache_every, || match inputs.vendor {
        Some(Vendor::Amd) => Decision::new(100, "as in the reference pipeline: batches, and every 5 epochs"),
        Some(Vendor::Nvidia) => Decision::new(0, "as in the reference pipeline: only when memory runs out"),
        None => Decision::new(0, "for GPUs"),
    })
}

/// On an H200, any batch of up to 1024 tiles of 64 x 64, which have so many pixels, took 10 milliseconds: smaller
/// batches are limited by the machine's memory.
const GPU_BATCH_PIXELS: usize = 1 << 22;

pub(super) fn batch_pixels(inputs: &DecisionInputs) -> Decision<Option<usize>> {
    match inputs.vendor {
        Some(_) => Decision::new(Some(GPU_BATCH_PIXELS), "a GPU takes little longer for so many than for one image"),
        None => Decision::new(None, "32 images or 64 tiles keep a CPU busy"),
    }
}

pub(super) fn start_batch(inputs: &DecisionInputs, memory: Option<u64>, precision: Precision) -> Decision<StartBatch> {
    let batch = |footprint: Footprint| footprint.batch(memory, REFERENCE_BATCH, REFERENCE_BATCH, REFERENCE_BATCH);
    let explicit_backward = inputs.vendor.is_none() && precision == Precision::F32;
    let training = Footprint::training(precision, explicit_backward);
    let inference = Footprint::inference(precision);
    Decision::new(
        StartBatch { training: batch(training), inference: batch(inference) },
        format!(
            "of 128 images of 128 x 128; an image takes about {} MiB in training and {} MiB in classifying",
            training.image(REFERENCE_BATCH, REFERENCE_BATCH) >> 20,
            inference.image(REFERENCE_BATCH, REFERENCE_BATCH) >> 20
        ),
    )
}
