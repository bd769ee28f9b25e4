//! How libtorch and the libraries under it compute.

use super::choice::{Choice, Deciding};
use super::request::{EngineRequest, PrecisionRequest};
use lens_system::probe::Vendor;

pub(super) fn channels_last(deciding: &Deciding) -> Choice<bool> {
    Choice::asked_or(deciding.request.channels_last, || match deciding.vendor {
        None => Choice::new(true, "faster than NCHW in libtorch's CPU convolutions for this network"),
        Some(Vendor::Nvidia) => Choice::new(true, "the layout of NVIDIA's matrix units; as in the reference pipeline"),
        Some(Vendor::Amd) => Choice::new(
            true,
            "as in the reference pipeline; takes effect where PYTORCH_MIOPEN_SUGGEST_NHWC is 1 in the environment",
        ),
    })
}

pub(super) fn tf32(deciding: &Deciding) -> Choice<bool> {
    Choice::asked_or(deciding.request.tf32, || match deciding.vendor {
        Some(Vendor::Nvidia) if deciding.request.precision == PrecisionRequest::F32 => {
            Choice::new(false, "f32 was asked for, and TF32 keeps 10 of its 23 bits")
        }
        Some(Vendor::Nvidia) => match deciding.is_ampere_or_later() {
            Some(true) => Choice::new(true, "as in the reference pipeline: for what mixed precision leaves in f32"),
            Some(false) => Choice::new(false, "NVIDIA before Ampere has none"),
            None => Choice::new(true, "as in the reference pipeline; before Ampere it does nothing"),
        },
        Some(Vendor::Amd) => Choice::new(false, "NVIDIA's"),
        None => Choice::new(false, "NVIDIA's; the CPU computes in f32"),
    })
}

pub(super) fn benchmark(deciding: &Deciding) -> Choice<bool> {
    Choice::asked_or(deciding.request.benchmark, || match deciding.vendor {
        None => Choice::new(false, "for GPUs"),
        Some(_) if deciding.request.deterministic => {
            Choice::new(false, "timing may pick another algorithm in the next run, and the same bits were asked for")
        }
        Some(Vendor::Amd) => Choice::new(true, "MIOpen's search, as in the reference pipeline"),
        Some(Vendor::Nvidia) => Choice::new(
            false,
            "on an H200 it took 2 to 4 seconds for each new size of batch, and what it found was no faster",
        ),
    })
}

pub(super) fn compiled_graph(deciding: &Deciding) -> Choice<bool> {
    Choice::asked_or(deciding.request.compiled_graph, || match deciding.vendor {
        _ if deciding.request.engine != EngineRequest::Auto => Choice::new(false, "an engine was asked for"),
        Some(Vendor::Nvidia) => Choice::new(
            true,
            "the reference pipeline compiles on NVIDIA; here a model's file may bring the network compiled beforehand",
        ),
        Some(Vendor::Amd) => Choice::new(false, "the reference pipeline does not compile on AMD"),
        None => Choice::new(true, "a model's file that brings the network compiled was named for that"),
    })
}

pub(super) fn deterministic(deciding: &Deciding) -> Choice<bool> {
    match (deciding.vendor, deciding.request.deterministic) {
        (None, true) => Choice::new(true, "as asked for"),
        (None, false) => Choice::new(true, "on CPU it costs nothing"),
        (Some(_), true) => Choice::new(
            true,
            "as asked for: convolutions use algorithms that give the same bits; on an H200 training twice then gave the \
             same weights, elsewhere that was not tried",
        ),
        (Some(_), false) => Choice::new(false, "not asked for; the fastest algorithms may be used"),
    }
}
