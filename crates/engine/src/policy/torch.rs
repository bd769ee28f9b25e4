//! Whether libtorch is loaded.

use super::device::skip_reason;
use super::precision::Precision;
use super::request::{DeviceRequest, EngineRequest, PolicyRequest};
use lens_system::probe::Probe;

/// Why libtorch is to be loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TorchNeed {
    /// It would help, but the CPU engine can do without.
    Useful(String),
    /// The request needs it.
    Required(String),
}

/// None if libtorch is not needed.
pub fn torch_need(probe: &Probe, request: &PolicyRequest) -> Option<TorchNeed> {
    let required = |why: &str| Some(TorchNeed::Required(why.into()));
    match request.device {
        DeviceRequest::Cuda => return required("the device cuda was asked for"),
        DeviceRequest::Rocm => return required("the device rocm was asked for"),
        DeviceRequest::Auto | DeviceRequest::Cpu => {}
    }
    if request.engine == EngineRequest::Torch {
        return required("the engine TORCH was asked for");
    }
    if let Some(Precision::Bf16 | Precision::F16) = request.precision.asked() {
        return required("half precision was asked for");
    }
    let usable = probe.gpus.iter().find(|gpu| skip_reason(gpu).is_none());
    match (request.device, usable) {
        (DeviceRequest::Auto, Some(gpu)) => Some(TorchNeed::Useful(format!("there is a GPU at {}", gpu.address))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::request::PrecisionRequest;
    use super::*;
    use crate::machines::machine;

    #[test]
    fn torch_need_by_machine_and_request() {
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
                None => "none",
                Some(TorchNeed::Useful(_)) => "useful",
                Some(TorchNeed::Required(_)) => "required",
            };
            assert_eq!(found, expected, "{name} {request:?}");
        }
    }
}
