//! Memory: how much, for what, and what fits.

use super::choice::{Choice, Deciding};
use super::precision::Precision;
use crate::footprint::Footprint;
use lens_system::probe::Vendor;
use serde::Serialize;

/// How many images of 128 x 128 go through the network at once, of 128.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct StartBatch {
    /// In training.
    pub training: usize,
    /// In classifying.
    pub inference: usize,
}

/// The reference pipeline's batch and image size.
const REFERENCE: usize = 128;

pub(super) fn cache_bytes(deciding: &Deciding) -> Choice<u64> {
    if deciding.request.memory_cap > 0 {
        return Choice::new(deciding.request.memory_cap, "as asked for");
    }
    match deciding.probe.memory.usable() {
        Some(usable) => Choice::new(usable / 4, "a quarter of the memory that was free at init"),
        None => Choice::new(256 << 20, "free memory is unknown; 256 MiB"),
    }
}

/// Left for the workspaces of the convolution libraries on a GPU, in bytes; and the share of the rest that fits before
/// blocks of unequal size leave gaps. Both are estimates: when memory runs out all the same, batches are halved.
const WORKSPACES: u64 = 256 << 20;
const PACKING: f64 = 0.9;

pub(super) fn memory_bytes(deciding: &Deciding, fraction: f64) -> Choice<Option<u64>> {
    let cap = Some(deciding.request.memory_cap).filter(|cap| *cap > 0);
    if let Some(gpu) = deciding.reported {
        let (free, total) = (gpu.free_bytes, gpu.total_bytes);
        let share = free.min((total as f64 * fraction) as u64);
        let usable = ((share as f64 * PACKING) as u64).saturating_sub(WORKSPACES);
        return match cap {
            Some(cap) if cap < usable => Choice::new(Some(cap), "as asked for"),
            _ => Choice::new(
                Some(usable),
                format!(
                    "{} of {} MiB of the GPU are free, {:.0} % for this, less 10 % for gaps and {} MiB for workspaces",
                    free >> 20,
                    total >> 20,
                    fraction * 100.0,
                    WORKSPACES >> 20
                ),
            ),
        };
    }
    if cap.is_some() {
        return Choice::new(cap, "as asked for");
    }
    match deciding.probe.memory.usable() {
        Some(usable) => Choice::new(Some(usable), "free at init"),
        None => Choice::new(None, "free memory is unknown"),
    }
}

pub(super) fn memory_fraction(deciding: &Deciding) -> Choice<f64> {
    Choice::asked_or(deciding.request.memory_fraction, || match deciding.vendor {
        Some(vendor) => automatic_fraction(vendor),
        None => Choice::new(1.0, "for GPUs"),
    })
}

/// The share of a GPU's memory when none was asked for.
pub fn automatic_fraction(vendor: Vendor) -> Choice<f64> {
    match vendor {
        Vendor::Amd => Choice::new(0.85, "as in the reference pipeline: the desktop may use the same GPU"),
        Vendor::Nvidia => Choice::new(1.0, "as in the reference pipeline"),
    }
}

/// Epochs of training between giving GPU memory back, where that is done at all.
pub const EMPTY_CACHE_EPOCHS: u32 = 5;

pub(super) fn empty_cache_every(deciding: &Deciding) -> Choice<u32> {
    Choice::asked_or(deciding.request.empty_cache_every, || match deciding.vendor {
        Some(Vendor::Amd) => Choice::new(100, "as in the reference pipeline: batches, and every 5 epochs"),
        Some(Vendor::Nvidia) => Choice::new(0, "as in the reference pipeline: only when memory runs out"),
        None => Choice::new(0, "for GPUs"),
    })
}

/// On an H200, the network took 10 milliseconds for any number of 64 x 64 tiles up to 1024, which have so many pixels:
/// a GPU waits for its host until then.
const GPU_BATCH_PIXELS: usize = 1 << 22;

pub(super) fn batch_pixels(deciding: &Deciding) -> Choice<Option<usize>> {
    match deciding.vendor {
        Some(_) => Choice::new(Some(GPU_BATCH_PIXELS), "a GPU takes little longer for so many than for one image"),
        None => Choice::new(None, "32 images or 64 tiles keep a CPU busy"),
    }
}

pub(super) fn start_batch(deciding: &Deciding, memory: Option<u64>, precision: Precision) -> Choice<StartBatch> {
    let batch = |footprint: Footprint| footprint.batch(memory, REFERENCE, REFERENCE, REFERENCE);
    let written_out = deciding.vendor.is_none() && precision == Precision::F32;
    let training = Footprint::training(precision, written_out);
    let inference = Footprint::inference(precision);
    Choice::new(
        StartBatch { training: batch(training), inference: batch(inference) },
        format!(
            "of 128 images of 128 x 128; an image takes about {} MiB in training and {} MiB in classifying",
            training.image(REFERENCE, REFERENCE) >> 20,
            inference.image(REFERENCE, REFERENCE) >> 20
        ),
    )
}
