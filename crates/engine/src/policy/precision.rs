//! Precision, and loss scaling with it.

use super::decision::{Decision, DecisionInputs};
use super::request::PrecisionRequest;
use lens_system::probe::Vendor;
use serde::{Deserialize, Serialize};

/// Precision of the network's layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 32-bit floats.
    F32,
    /// bfloat16, with weights and accumulation in f32.
    Bf16,
    /// IEEE half precision, with weights and accumulation in f32.
    F16,
}

/// Loss scaling when gradients are computed in half precision.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScalerSettings {
    /// Initial scale.
    pub initial_scale: f64,
    /// Factor of the scale after `growth_interval` steps without overflow.
    pub growth_factor: f64,
    /// Factor of the scale after gradients that are not finite.
    pub backoff_factor: f64,
    /// Steps without overflow before the scale grows.
    pub growth_interval: u32,
}

impl ScalerSettings {
    /// PyTorch's defaults.
    pub const STANDARD: ScalerSettings =
        ScalerSettings { initial_scale: 65_536.0, growth_factor: 2.0, backoff_factor: 0.5, growth_interval: 2000 };
    /// The reference pipeline's for AMD: a lower initial scale and smaller changes.
    pub const AMD: ScalerSettings =
        ScalerSettings { initial_scale: 4096.0, growth_factor: 1.5, backoff_factor: 0.7, growth_interval: 1000 };
}

pub(super) fn precision(inputs: &DecisionInputs) -> Decision<Precision> {
    if let Some(asked) = inputs.request.precision.asked() {
        let reason = match (inputs.vendor, asked) {
            (None, Precision::Bf16) if inputs.probe.cpu.has_bf16() => {
                "as asked for; this processor multiplies bf16 in hardware"
            }
            (None, Precision::Bf16 | Precision::F16) => {
                "as asked for (on CPU slower than F32: of use to try out what a GPU will do)"
            }
            _ if inputs.request.precision == PrecisionRequest::Int8 => "what is not in 8 bits",
            _ => "as asked for",
        };
        return Decision::new(asked, reason);
    }
    match inputs.vendor {
        None => Decision::new(Precision::F32, "the CPU is fastest and exact in f32"),
        Some(Vendor::Nvidia) => match inputs.is_ampere_or_later() {
            Some(true) => Decision::new(Precision::Bf16, "NVIDIA from Ampere on: fast, and the range of f32"),
            Some(false) => Decision::new(Precision::F16, "NVIDIA before Ampere has no bf16 arithmetic"),
            None => Decision::new(Precision::F16, "not known to be Ampere or later, and fp16 works on all"),
        },
        Some(Vendor::Amd) => match inputs.architecture() {
            Some(architecture) if architecture.is_cdna() => Decision::new(
                Precision::Bf16,
                format!("{architecture} (CDNA) has bf16 matrix units, with the range of f32"),
            ),
            _ => {
                Decision::new(Precision::F16, "AMD outside CDNA: its fastest arithmetic, as in the reference pipeline")
            }
        },
    }
}

pub(super) fn grad_scaler(inputs: &DecisionInputs, precision: Precision) -> Decision<Option<ScalerSettings>> {
    match (precision, inputs.vendor) {
        (Precision::F32, _) => Decision::new(None, "f32 needs no loss scaling"),
        (Precision::Bf16, _) => Decision::new(None, "bf16 has the range of f32"),
        (Precision::F16, Some(Vendor::Amd)) => Decision::new(
            Some(ScalerSettings::AMD),
            "small gradients vanish in f16; the reference pipeline's values for AMD",
        ),
        (Precision::F16, _) => {
            Decision::new(Some(ScalerSettings::STANDARD), "small gradients vanish in f16; PyTorch's defaults")
        }
    }
}
