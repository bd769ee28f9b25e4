//! Whether libtorch is to be loaded at all.

use super::device::obstacle;
use super::precision::Precision;
use super::request::{DeviceRequest, EngineRequest, PolicyRequest};
use crate::probe::Probe;

/// How much libtorch is needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TorchNeed {
    /// Not at all.
    None,
    /// It would help; without it the CPU goes on alone.
    Useful(String),
    /// What was asked for cannot be done without it.
    Required(String),
}

/// Decides from the machine and what was asked for.
pub fn torch_need(probe: &Probe, request: &PolicyRequest) -> TorchNeed {
    match request.device {
        DeviceRequest::Cuda => return TorchNeed::Required("the device cuda was asked for".into()),
        DeviceRequest::Rocm => return TorchNeed::Required("the device rocm was asked for".into()),
        DeviceRequest::Auto | DeviceRequest::Cpu => {}
    }
    if request.engine == EngineRequest::Torch {
        return TorchNeed::Required("the engine TORCH was asked for".into());
    }
    if let Some(Precision::Bf16 | Precision::F16) = request.precision.asked() {
        return TorchNeed::Required("half precision was asked for".into());
    }
    let usable = probe.gpus.iter().find(|gpu| obstacle(gpu).is_none());
    match (request.device, usable) {
        (DeviceRequest::Auto, Some(gpu)) => TorchNeed::Useful(format!("there is a GPU at {}", gpu.address)),
        _ => TorchNeed::None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::request::PrecisionRequest;
    use super::*;
    use crate::probe::fixtures::machine;

    #[test]
    fn libtorch_is_left_alone_unless_something_needs_it() {
        let default = PolicyRequest::default();
        let cpu = PolicyRequest { device: DeviceRequest::Cpu, ..default };
        for (name, request, expected) in [
            ("container", default, "none"),
            ("container", PolicyRequest { engine: EngineRequest::Torch, ..default }, "required"),
            ("container", PolicyRequest { precision: PrecisionRequest::Bf16, ..default }, "required"),
            ("container", PolicyRequest { precision: PrecisionRequest::Int8, ..default }, "none"),
            ("container", PolicyRequest { device: DeviceRequest::Cuda, ..default }, "required"),
            ("rtx-4080-super", default, "useful"),
            ("rtx-4080-super", cpu, "none"),
            ("mi300x", default, "useful"),
            ("mi300x", PolicyRequest { device: DeviceRequest::Rocm, ..default }, "required"),
        ] {
            let found = match torch_need(&machine(name), &request) {
                TorchNeed::None => "none",
                TorchNeed::Useful(_) => "useful",
                TorchNeed::Required(_) => "required",
            };
            assert_eq!(found, expected, "{name} {request:?}");
        }
    }
}
