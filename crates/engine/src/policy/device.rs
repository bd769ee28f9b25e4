//! Selection of the device.

use super::decision::Decision;
use super::request::{DeviceRequest, PolicyRequest};
use crate::gpu_report::{GpuReport, ReportedGpu};
use crate::torch_table::gpu_library;
use lens_base::{Error, ErrorKind, Result};
use lens_system::probe::{Gpu, Probe, Vendor};

/// GPUs to be tried before the CPU.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DevicePlan {
    /// In this order, up to the first that works.
    pub attempts: Vec<Vendor>,
    /// Why others are not tried.
    pub skip_reasons: Vec<String>,
}

/// The result of trying a vendor's GPUs.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The vendor.
    pub vendor: Vendor,
    /// The runtime's report, or why it cannot be used.
    pub outcome: std::result::Result<GpuReport, String>,
}

/// `available`: vendors whose GPU libraries this libtorch has.
pub fn plan_device(probe: &Probe, request: &PolicyRequest, available: &[Vendor]) -> DevicePlan {
    let attempts = match request.device {
        DeviceRequest::Cpu => vec![],
        // Tried whatever the probe found: a sandbox may hide from it what the runtime can use.
        DeviceRequest::Cuda => vec![Vendor::Nvidia],
        DeviceRequest::Rocm => vec![Vendor::Amd],
        DeviceRequest::Auto => return plan_automatic(probe, available),
    };
    DevicePlan { attempts, skip_reasons: vec![] }
}

fn plan_automatic(probe: &Probe, available: &[Vendor]) -> DevicePlan {
    let mut plan = DevicePlan::default();
    if probe.gpus.is_empty() {
        plan.skip_reasons.push("no NVIDIA or AMD GPU was found".into());
    }
    // No libtorch has the GPU libraries of both vendors; if one directory holds both, NVIDIA's needs less setup.
    // around it.
    for vendor in Vendor::ALL {
        let (usable, unusable): (Vec<&Gpu>, Vec<&Gpu>) =
            probe.gpus_of(vendor).partition(|gpu| skip_reason(gpu).is_none());
        plan.skip_reasons.extend(unusable.into_iter().filter_map(skip_reason));
        if usable.is_empty() {
            continue;
        }
        if available.contains(&vendor) {
            plan.attempts.push(vendor);
        } else {
            plan.skip_reasons.push(format!(
                "{} GPU(s) at {} left alone: this libtorch has no {}",
                usable.len(),
                usable.iter().map(|gpu| gpu.address.as_str()).collect::<Vec<_>>().join(", "),
                gpu_library(vendor)
            ));
        }
    }
    plan
}

/// Why a GPU is not used automatically.
pub(super) fn skip_reason(gpu: &Gpu) -> Option<String> {
    let because = |reason: String| Some(format!("the GPU at {} is left alone: {reason}", gpu.address));
    let needed = match gpu.vendor {
        Vendor::Nvidia => "nvidia",
        Vendor::Amd => "amdgpu",
    };
    if let Some(driver) = gpu.driver.as_deref().filter(|driver| *driver != needed) {
        return because(format!("its kernel driver is {driver}, not {needed}"));
    }
    match (gpu.vendor, gpu.architecture) {
        (Vendor::Nvidia, _) => None,
        (Vendor::Amd, None) => because("amdgpu's compute interface (/sys/class/kfd) does not list it".into()),
        (Vendor::Amd, Some(architecture)) if !architecture.is_rocm_target() => {
            because(format!("libtorch's ROCm builds have no kernels for {architecture}"))
        }
        (Vendor::Amd, Some(_)) => None,
    }
}

/// The selected GPU.
#[derive(Clone, Copy, Debug)]
pub(super) struct SelectedGpu<'a> {
    pub vendor: Vendor,
    pub gpu: &'a ReportedGpu,
}

/// The device; the CPU if there is no GPU.
pub(super) fn select_device<'a>(
    plan: &DevicePlan,
    attempts: &'a [Attempt],
    request: &PolicyRequest,
) -> Result<(Decision<&'static str>, Option<SelectedGpu<'a>>)> {
    let mut reasons = plan.skip_reasons.clone();
    for attempt in attempts {
        let name = attempt.vendor.device_name();
        match &attempt.outcome {
            Ok(reported) => match reported.gpus.get(request.device_index as usize) {
                Some(gpu) => {
                    let reason = match request.device {
                        DeviceRequest::Auto => format!("the first that works of {} GPU(s)", reported.gpus.len()),
                        _ => "as asked for".into(),
                    };
                    return Ok((Decision::new(name, reason), Some(SelectedGpu { vendor: attempt.vendor, gpu })));
                }
                None => reasons.push(format!(
                    "device_index is {}, but {name} has {} device(s), counted from 0",
                    request.device_index,
                    reported.gpus.len()
                )),
            },
            Err(reason) => reasons.push(format!("{name}: {reason}")),
        }
    }
    let reasons = reasons.join("; ");
    match request.device {
        DeviceRequest::Cuda | DeviceRequest::Rocm => Err(Error::new(
            ErrorKind::Device,
            format!("the device that was asked for cannot be used: {reasons}; LENS_DEVICE_AUTO goes on with the CPU"),
        )),
        DeviceRequest::Auto if request.device_index != 0 => Err(Error::argument(format!(
            "device_index is {}; the CPU has index 0 only, and no GPU can be used: {reasons}",
            request.device_index
        ))),
        DeviceRequest::Auto => Ok((Decision::new("cpu", reasons), None)),
        DeviceRequest::Cpu => Ok((Decision::new("cpu", "as asked for"), None)),
    }
}
