//! Settings of libtorch and its convolution libraries.

use super::decision::{Decision, DecisionInputs};
use super::request::{EngineRequest, PrecisionRequest};
use lens_system::probe::Vendor;

pub(super) fn channels_last(inputs: &DecisionInputs) -> Decision<bool> {
    Decision::asked_or(inputs.request.channels_last, || match inputs.vendor {
        None => Decision::new(true, "faster than NCHW in libtorch's CPU convolutions for this network"),
        Some(Vendor::Nvidia) => {
            Decision::new(true, "the layout of NVIDIA's matrix units; as in the reference pipeline")
        }
        Some(Vendor::Amd) => Decision::new(
            true,
            "as in the reference pipeline; takes effect where PYTORCH_MIOPEN_SUGGEST_NHWC is 1 in the environment",
        ),
    })
}

pub(super) fn tf32(inputs: &DecisionInputs) -> Decision<bool> {
    Decision::asked_or(inputs.request.tf32, || match inputs.vendor {
        Some(Vendor::Nvidia) if inputs.request.precision == PrecisionRequest::F32 => {
            Decision::new(false, "f32 was asked for, and TF32 keeps 10 of its 23 bits")
        }
        Some(Vendor::Nvidia) => match inputs.is_ampere_or_later() {
            Some(true) => Decision::new(true, "as in the reference pipeline: for what mixed precision leaves in f32"),
            Some(false) => Decision::new(false, "NVIDIA before Ampere has none"),
            None => Decision::new(true, "as in the reference pipeline; before Ampere it does nothing"),
        },
        Some(Vendor::Amd) => Decision::new(false, "NVIDIA's"),
        None => Decision::new(false, "NVIDIA's; the CPU computes in f32"),
    })
}

pub(super) fn benchmark(inputs: &DecisionInputs) -> Decision<bool> {
    Decision::asked_or(inputs.request.benchmark, || match inputs.vendor {
        None => Decision::new(false, "for GPUs"),
        Some(_) if inputs.request.deterministic => {
            Decision::new(false, "timing may pick another algorithm in the next run, and the same bits were asked for")
        }
        Some(Vendor::Amd) => Decision::new(true, "MIOpen's search, as in the reference pipeline"),
        Some(Vendor::Nvidia) => Decision::new(
            false,
            "on an H200 it took 2 to 4 seconds for each new size of batch, and what it found was no faster",
        ),
    })
}

pub(super) fn compiled_graph(inputs: &DecisionInputs) -> Decision<bool> {
    Decision::asked_or(inputs.request.compiled_graph, || match inputs.vendor {
        _ if inputs.request.engine != EngineRequest::Auto => Decision::new(false, "an engine was asked for"),
        Some(Vendor::Nvidia) => Decision::new(
            true,
            "the reference pipeline compiles on NVIDIA; here a model's file may bring the network compiled beforehand",
        ),
        Some(Vendor::Amd) => Decision::new(false, "the reference pipeline does not compile on AMD"),
        None => Decision::new(true, "a model's file that brings the network compiled was named for that"),
    })
}

pub(super) fn deterministic(inputs: &DecisionInputs) -> Decision<bool> {
    match (inputs.vendor, inputs.request.deterministic) {
        (None, true) => Decision::new(true, "as asked for"),
        (None, false) => Decision::new(true, "on CPU it costs nothing"),
        (Some(_), true) => Decision::new(
            true,
            "as asked for: convolutions use algorithms that give the same bits; on an H200 training twice then gave the \
             same weights, elsewhere that was not tried",
        ),
        (Some(_), false) => Decision::new(false, "not asked for; the fastest algorithms may be used"),
    }
}
