//! What to do with the machine: a pure function of what was found and what was asked for.

use super::probe::{Probe, Vendor};
use crate::error::{Error, ErrorKind, Result};
use serde::Serialize;

/// Which device was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeviceRequest {
    /// The best that can be used.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// An NVIDIA GPU.
    Cuda,
    /// An AMD GPU.
    Rocm,
}

/// Which arithmetic was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PrecisionRequest {
    /// What suits the device.
    #[default]
    Auto,
    /// 32-bit floats.
    F32,
    /// bfloat16.
    Bf16,
    /// IEEE half precision.
    F16,
}

/// Which environment variables to set for the AMD runtime.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RocmTuning {
    /// Those safe for the GPU that is there.
    #[default]
    Auto,
    /// Exactly the reference pipeline's.
    Reference,
    /// None.
    Off,
}

/// What was asked to compute the network when it classifies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EngineRequest {
    /// What is fastest.
    #[default]
    Auto,
    /// libtorch.
    Torch,
    /// The network compiled for the widest instructions that there are.
    Plan,
    /// Compiled for AVX2 and FMA.
    PlanAvx2,
    /// Compiled for what every processor has.
    PlanPortable,
}

/// How an engine is named that is libtorch.
pub const TORCH: &str = "torch";

/// Arithmetic of the network's layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 32-bit floats.
    F32,
    /// bfloat16, with weights and sums in f32.
    Bf16,
    /// IEEE half precision, with weights and sums in f32.
    F16,
}

/// How the loss is scaled when gradients are computed in half precision.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ScalerSettings {
    /// The first scale.
    pub initial_scale: f64,
    /// What the scale is multiplied by after `growth_interval` good steps in a row.
    pub growth_factor: f64,
    /// What it is multiplied by after gradients that are not finite.
    pub backoff_factor: f64,
    /// Good steps in a row before it grows.
    pub growth_interval: u32,
}

impl ScalerSettings {
    /// PyTorch's defaults.
    pub const STANDARD: ScalerSettings =
        ScalerSettings { initial_scale: 65_536.0, growth_factor: 2.0, backoff_factor: 0.5, growth_interval: 2000 };
    /// The reference pipeline's for AMD: a lower start, and gentler changes.
    pub const AMD: ScalerSettings =
        ScalerSettings { initial_scale: 4096.0, growth_factor: 1.5, backoff_factor: 0.7, growth_interval: 1000 };
}

/// What was asked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct PolicyRequest {
    /// Device.
    pub device: DeviceRequest,
    /// Which of several.
    pub device_index: i32,
    /// Arithmetic.
    pub precision: PrecisionRequest,
    /// CPU threads; 0: as many as the process may use.
    pub threads: u32,
    /// Bytes that may be used to save time; 0: a quarter of what is free.
    pub memory_cap: u64,
    /// Whether the same call must give the same bits.
    pub deterministic: bool,
    /// What computes the network when it classifies.
    pub engine: EngineRequest,
}

/// A decision and why it was made.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Choice<T> {
    /// What was decided.
    pub value: T,
    /// Why.
    pub reason: String,
}

impl<T> Choice<T> {
    fn new(value: T, reason: impl Into<String>) -> Self {
        Choice { value, reason: reason.into() }
    }
}

/// All decisions.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Policy {
    /// "cpu".
    pub device: Choice<&'static str>,
    /// Arithmetic.
    pub precision: Choice<Precision>,
    /// What computes the network when it classifies: "torch", or "plan-avx512", "plan-avx2" or "plan-portable", the
    /// network compiled for these instructions. A model whose plan does not give what libtorch gives falls back to it.
    pub engine: Choice<&'static str>,
    /// CPU threads of one call.
    pub threads: Choice<usize>,
    /// Threads that compute at once, of concurrent calls together.
    pub concurrent_threads: Choice<usize>,
    /// Whether activations lie channel by channel in memory (NCHW) or pixel by pixel (NHWC).
    pub channels_last: Choice<bool>,
    /// Whether the same call gives the same bits.
    pub deterministic: Choice<bool>,
    /// Bytes that may be used for decoded images of a training set.
    pub cache_bytes: Choice<u64>,
    /// Bytes that training may use in all, when that is known: its batches are split to fit.
    pub memory_bytes: Choice<Option<u64>>,
    /// Loss scaling in training; none where gradients have the range of f32.
    pub grad_scaler: Choice<Option<ScalerSettings>>,
}

/// Decides.
pub fn decide(probe: &Probe, request: &PolicyRequest) -> Result<Policy> {
    let device = device(probe, request)?;
    // This version computes on CPU only.
    let vendor = None;
    let precision = precision(vendor, request);
    let threads = threads(probe, request)?;
    Ok(Policy {
        device,
        grad_scaler: grad_scaler(vendor, precision.value),
        engine: engine(probe, request, precision.value)?,
        precision,
        concurrent_threads: concurrent_threads(probe, threads.value),
        threads,
        channels_last: Choice::new(true, "faster than NCHW in libtorch's CPU convolutions for this network"),
        deterministic: if request.deterministic {
            Choice::new(true, "as asked for")
        } else {
            Choice::new(true, "on CPU it costs nothing")
        },
        cache_bytes: cache_bytes(probe, request),
        memory_bytes: memory_bytes(probe, request),
    })
}

fn device(probe: &Probe, request: &PolicyRequest) -> Result<Choice<&'static str>> {
    let unusable = |name: &str, vendor: Vendor| {
        let found = match probe.gpus.iter().find(|gpu| gpu.vendor == vendor) {
            Some(gpu) => format!("there is one at PCI address {}", gpu.address),
            None => "and none was found on this machine".to_string(),
        };
        Err(Error::new(
            ErrorKind::Device,
            format!(
                "device {name} was asked for, but version {} of the library computes on CPU only ({found}): ask for \
                 LENS_DEVICE_AUTO or LENS_DEVICE_CPU",
                env!("CARGO_PKG_VERSION")
            ),
        ))
    };
    match request.device {
        DeviceRequest::Cuda => return unusable("CUDA", Vendor::Nvidia),
        DeviceRequest::Rocm => return unusable("ROCM", Vendor::Amd),
        DeviceRequest::Auto | DeviceRequest::Cpu => {}
    }
    if request.device_index != 0 {
        return Err(Error::argument(format!("device_index is {}; the CPU has index 0 only", request.device_index)));
    }
    Ok(Choice::new(
        "cpu",
        if request.device == DeviceRequest::Cpu {
            "as asked for".to_string()
        } else if probe.gpus.is_empty() {
            "no NVIDIA or AMD GPU was found".to_string()
        } else {
            format!(
                "version {} of the library computes on CPU only; {} GPU(s) found and left alone",
                env!("CARGO_PKG_VERSION"),
                probe.gpus.len()
            )
        },
    ))
}

/// By the reference pipeline's table; `vendor` is the GPU's, `None` on CPU.
fn precision(vendor: Option<Vendor>, request: &PolicyRequest) -> Choice<Precision> {
    let asked = match request.precision {
        PrecisionRequest::Auto => {
            return match vendor {
                None => Choice::new(Precision::F32, "the CPU is fastest and exact in f32"),
                Some(Vendor::Nvidia) => Choice::new(Precision::Bf16, "NVIDIA: fast, and the range of f32"),
                Some(Vendor::Amd) => Choice::new(Precision::F16, "AMD: its fastest arithmetic"),
            };
        }
        PrecisionRequest::F32 => Precision::F32,
        PrecisionRequest::Bf16 => Precision::Bf16,
        PrecisionRequest::F16 => Precision::F16,
    };
    if vendor.is_none() && asked != Precision::F32 {
        return Choice::new(asked, "as asked for (on CPU slower than F32: of use to try out what a GPU will do)");
    }
    Choice::new(asked, "as asked for")
}

fn grad_scaler(vendor: Option<Vendor>, precision: Precision) -> Choice<Option<ScalerSettings>> {
    match (precision, vendor) {
        (Precision::F32, _) => Choice::new(None, "f32 needs no loss scaling"),
        (Precision::Bf16, _) => Choice::new(None, "bf16 has the range of f32"),
        (Precision::F16, Some(Vendor::Amd)) => Choice::new(
            Some(ScalerSettings::AMD),
            "small gradients vanish in f16; the reference pipeline's values for AMD",
        ),
        (Precision::F16, _) => {
            Choice::new(Some(ScalerSettings::STANDARD), "small gradients vanish in f16; PyTorch's defaults")
        }
    }
}

fn engine(probe: &Probe, request: &PolicyRequest, precision: Precision) -> Result<Choice<&'static str>> {
    let has = |feature: &str| probe.cpu.features.iter().any(|found| found == feature);
    let wide = [("plan-avx512", has("avx512f")), ("plan-avx2", has("avx2") && has("fma"))];
    let widest = wide.into_iter().find_map(|(name, there)| there.then_some(name));
    let asked = match request.engine {
        EngineRequest::Torch => return Ok(Choice::new(TORCH, "as asked for")),
        EngineRequest::Auto => {
            return Ok(match widest {
                _ if precision != Precision::F32 => Choice::new(TORCH, "plans compute in f32 only"),
                Some(name) => Choice::new(name, "the network compiled for the widest instructions of this processor"),
                None => Choice::new(TORCH, "the processor is not known to have AVX-512 or AVX2 with FMA"),
            });
        }
        EngineRequest::Plan => widest.unwrap_or("plan-portable"),
        EngineRequest::PlanAvx2 if wide[1].1 => "plan-avx2",
        EngineRequest::PlanAvx2 => {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!(
                    "engine PLAN_AVX2 was asked for, but the processor is not known to have AVX2 and FMA (found: {}): ask \
                     for LENS_ENGINE_AUTO",
                    probe.cpu.features.join(", ")
                ),
            ));
        }
        EngineRequest::PlanPortable => "plan-portable",
    };
    if precision != Precision::F32 {
        return Err(Error::new(
            ErrorKind::Unsupported,
            "a plan was asked for as engine, but plans compute in f32 only: ask for LENS_PRECISION_F32 or \
             LENS_ENGINE_AUTO",
        ));
    }
    Ok(Choice::new(asked, "as asked for"))
}

/// More threads than this have not helped any network of this size, and an absurd number is a mistake.
const MOST_THREADS: u32 = 1024;

fn threads(probe: &Probe, request: &PolicyRequest) -> Result<Choice<usize>> {
    if request.threads > MOST_THREADS {
        return Err(Error::argument(format!(
            "threads is {}; it must be 0 (automatic) to {MOST_THREADS}",
            request.threads
        )));
    }
    if request.threads > 0 {
        return Ok(Choice::new(request.threads as usize, "as asked for"));
    }
    let allowed = probe.cpu.threads;
    Ok(match (allowed, probe.cpu.container_limit) {
        (Some(allowed), Some(limit)) if limit < allowed as f64 => Choice::new(
            // Rounded up: a thread more than the quota is throttled a little, a thread less leaves time unused.
            (limit.ceil() as usize).max(1),
            format!("the container is limited to {limit} of {allowed} processors"),
        ),
        (Some(allowed), _) => Choice::new(allowed, format!("the process may run on {allowed} processors")),
        (None, _) => Choice::new(1, "the number of processors is unknown"),
    })
}

/// Beyond what is free to the process, more threads at once would only wait for each other.
fn concurrent_threads(probe: &Probe, threads: usize) -> Choice<usize> {
    let free = threads_at_most(probe).unwrap_or(1);
    if free < threads {
        return Choice::new(threads, "as many as one call has, by request");
    }
    Choice::new(free, "as many as the process may use")
}

/// What processors and container allow.
fn threads_at_most(probe: &Probe) -> Option<usize> {
    let limit = probe.cpu.container_limit.map_or(usize::MAX, |limit| (limit.ceil() as usize).max(1));
    probe.cpu.threads.map(|threads| threads.min(limit))
}

fn cache_bytes(probe: &Probe, request: &PolicyRequest) -> Choice<u64> {
    if request.memory_cap > 0 {
        return Choice::new(request.memory_cap, "as asked for");
    }
    match probe.memory.usable() {
        Some(usable) => Choice::new(usable / 4, "a quarter of the memory that was free at init"),
        None => Choice::new(256 << 20, "free memory is unknown; 256 MiB"),
    }
}

fn memory_bytes(probe: &Probe, request: &PolicyRequest) -> Choice<Option<u64>> {
    if request.memory_cap > 0 {
        return Choice::new(Some(request.memory_cap), "as asked for");
    }
    match probe.memory.usable() {
        Some(usable) => Choice::new(Some(usable), "free at init"),
        None => Choice::new(None, "free memory is unknown"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::probe::{Cpu, Gpu, Memory};

    fn machine(threads: Option<usize>, container_limit: Option<f64>) -> Probe {
        Probe { cpu: Cpu { threads, container_limit, ..Cpu::default() }, ..Probe::default() }
    }

    #[test]
    fn threads_by_machine_and_request() {
        for (threads, limit, asked, expected) in [
            (Some(16), None, 0, 16),
            (Some(16), Some(1.5), 0, 2),
            (Some(16), Some(0.2), 0, 1),
            (Some(2), Some(64.0), 0, 2),
            (None, None, 0, 1),
            (Some(16), Some(1.5), 5, 5),
        ] {
            let request = PolicyRequest { threads: asked, ..PolicyRequest::default() };
            let policy = decide(&machine(threads, limit), &request).unwrap();
            assert_eq!(policy.threads.value, expected, "{threads:?} {limit:?} {asked}: {}", policy.threads.reason);
        }
    }

    #[test]
    fn a_gpu_that_was_asked_for_is_refused_with_what_was_found() {
        let mut probe = machine(Some(4), None);
        let request = PolicyRequest { device: DeviceRequest::Cuda, ..PolicyRequest::default() };
        assert!(decide(&probe, &request).unwrap_err().message().contains("none was found"));
        probe.gpus.push(Gpu { vendor: Vendor::Nvidia, address: "0000:0a:00.0".into(), device_id: None, driver: None });
        let error = decide(&probe, &request).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Device);
        assert!(error.message().contains("0000:0a:00.0"), "{error}");
        let automatic = decide(&probe, &PolicyRequest::default()).unwrap();
        assert_eq!(automatic.device.value, "cpu");
        assert!(automatic.device.reason.contains("1 GPU"), "{}", automatic.device.reason);
    }

    #[test]
    fn the_cache_is_bounded_by_the_container() {
        let mut probe = machine(Some(4), None);
        probe.memory = Memory { total: Some(64 << 30), available: Some(40 << 30), container_limit: Some(4 << 30) };
        let policy = decide(&probe, &PolicyRequest::default()).unwrap();
        assert_eq!(policy.cache_bytes.value, 1 << 30);
        let request = PolicyRequest { memory_cap: 7, ..PolicyRequest::default() };
        assert_eq!(decide(&probe, &request).unwrap().cache_bytes.value, 7);
    }

    #[test]
    fn precision_and_loss_scaling_by_vendor_and_request() {
        use Precision::{Bf16, F16, F32};
        use PrecisionRequest as Request;
        let (standard, amd) = (Some(ScalerSettings::STANDARD), Some(ScalerSettings::AMD));
        for (vendor, asked, expected, scaler) in [
            (None, Request::Auto, F32, None),
            (None, Request::Bf16, Bf16, None),
            (None, Request::F16, F16, standard),
            (Some(Vendor::Nvidia), Request::Auto, Bf16, None),
            (Some(Vendor::Nvidia), Request::F16, F16, standard),
            (Some(Vendor::Nvidia), Request::F32, F32, None),
            (Some(Vendor::Amd), Request::Auto, F16, amd),
            (Some(Vendor::Amd), Request::Bf16, Bf16, None),
        ] {
            let found = precision(vendor, &PolicyRequest { precision: asked, ..PolicyRequest::default() });
            assert_eq!(found.value, expected, "{vendor:?} {asked:?}");
            assert_eq!(grad_scaler(vendor, found.value).value, scaler, "{vendor:?} {asked:?}");
        }
    }

    #[test]
    fn the_engine_by_processor_request_and_precision() {
        use EngineRequest as Engine;
        let avx2 = ["avx", "avx2", "fma"].map(String::from).to_vec();
        let avx512 = [&avx2[..], &["avx512f".to_string()]].concat();
        let f32 = PrecisionRequest::Auto;
        for (features, asked, precision, expected) in [
            (&avx512, Engine::Auto, f32, Some("plan-avx512")),
            (&avx2, Engine::Auto, f32, Some("plan-avx2")),
            (&vec![], Engine::Auto, f32, Some("torch")),
            (&avx512, Engine::Auto, PrecisionRequest::Bf16, Some("torch")),
            (&avx512, Engine::Torch, f32, Some("torch")),
            (&avx512, Engine::Plan, f32, Some("plan-avx512")),
            (&vec![], Engine::Plan, f32, Some("plan-portable")),
            (&avx512, Engine::Plan, PrecisionRequest::Bf16, None),
            (&avx512, Engine::PlanAvx2, f32, Some("plan-avx2")),
            (&vec!["avx2".to_string()], Engine::PlanAvx2, f32, None),
            (&avx512, Engine::PlanPortable, f32, Some("plan-portable")),
        ] {
            let mut probe = machine(Some(4), None);
            probe.cpu.features.clone_from(features);
            let request = PolicyRequest { engine: asked, precision, ..PolicyRequest::default() };
            let found = decide(&probe, &request).ok().map(|policy| policy.engine.value);
            assert_eq!(found, expected, "{features:?} {asked:?} {precision:?}");
        }
    }

    #[test]
    fn requests_out_of_range_name_their_value() {
        for (request, sign) in [
            (PolicyRequest { threads: 5000, ..PolicyRequest::default() }, "5000"),
            (PolicyRequest { device_index: 3, ..PolicyRequest::default() }, "3"),
        ] {
            let error = decide(&machine(Some(4), None), &request).unwrap_err();
            assert!(error.message().contains(sign), "{error}");
        }
    }
}
