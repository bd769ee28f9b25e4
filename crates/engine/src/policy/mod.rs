//! The policy: how to compute, decided by pure functions of the hardware found, the runtime's report, and the request.

mod decision;
mod device;
mod engine;
mod kernels;
mod memory;
mod precision;
mod request;
#[cfg(test)]
mod tests;
mod threads;
mod torch;

pub use decision::{Decision, DecisionInputs};
pub use device::{Attempt, DevicePlan, plan_device};
pub use memory::StartBatch;
pub use memory::{EMPTY_CACHE_EPOCHS, automatic_fraction};
pub use precision::{Precision, ScalerSettings};
pub use request::{DeviceRequest, EngineRequest, PolicyRequest, PrecisionRequest, RocmTuning};
pub use torch::{TorchNeed, torch_need};

use crate::EngineName;
use lens_base::Result;
use lens_system::probe::Probe;
use serde::Serialize;

/// All decisions.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Policy {
    /// "cpu", "cuda" or "rocm".
    pub device: Decision<&'static str>,
    /// Index among the device's GPUs.
    pub device_index: Decision<i32>,
    /// Precision of the network's layers.
    pub precision: Decision<Precision>,
    /// Engine for inference: "torch", or a plan, "plan-avx512", "plan-avx2" or "plan-portable". If a model's plan fails
    /// its check, the reference network computes the model.
    pub engine: Decision<EngineName>,
    /// Whether convolutions of calibrated models are computed in int8.
    pub int8: Decision<bool>,
    /// CPU threads of one call.
    pub threads: Decision<usize>,
    /// Threads that compute at the same time, of concurrent calls together.
    pub concurrent_threads: Decision<usize>,
    /// Whether calls from several threads are queued, one batch at a time.
    pub take_turns: Decision<bool>,
    /// Whether tensors are channels last (NHWC) instead of NCHW.
    pub channels_last: Decision<bool>,
    /// Whether f32 products on NVIDIA may round their operands to TF32.
    pub tf32: Decision<bool>,
    /// Whether the convolution libraries benchmark their algorithms for each new shape.
    pub benchmark: Decision<bool>,
    /// Whether logits are computed by the compiled network in a model's file, if it has one.
    pub compiled_graph: Decision<bool>,
    /// Whether the same call gives the same bits.
    pub deterministic: Decision<bool>,
    /// Memory budget in bytes for decoded images of a training set.
    pub cache_bytes: Decision<u64>,
    /// Memory budget in bytes for the network and its batches, if known.
    pub memory_bytes: Decision<Option<u64>>,
    /// Fraction of the GPU's memory that the process may use.
    pub memory_fraction: Decision<f64>,
    /// Training calls empty_cache after so many batches, and every fifth epoch; 0: never.
    pub empty_cache_every: Decision<u32>,
    /// Pixels of an inference batch if the call does not say; none: a number of images that depends on the call.
    pub batch_pixels: Decision<Option<usize>>,
    /// How much of the reference pipeline's batch, 128 images at 128 pixels, is computed at a time.
    pub start_batch: Decision<StartBatch>,
    /// Loss scaling in training; none if gradients have the range of f32.
    pub grad_scaler: Decision<Option<ScalerSettings>>,
}

/// Makes all decisions, after the GPUs of the plan were tried up to the first that works.
pub fn decide(probe: &Probe, plan: &DevicePlan, attempts: &[Attempt], request: &PolicyRequest) -> Result<Policy> {
    request.check()?;
    let (device, selected) = device::select_device(plan, attempts, request)?;
    let inputs = DecisionInputs::new(probe, request, selected);
    let precision = precision::precision(&inputs);
    let memory_fraction = memory::memory_fraction(&inputs);
    let memory_bytes = memory::memory_bytes(&inputs, memory_fraction.value);
    let engine = engine::engine(&inputs, precision.value)?;
    Ok(Policy {
        int8: engine::int8(&inputs, engine.value)?,
        engine,
        device_index: Decision::new(request.device_index, "as asked for; 0 unless another was"),
        device,
        grad_scaler: precision::grad_scaler(&inputs, precision.value),
        concurrent_threads: threads::concurrent_threads(&inputs),
        threads: threads::threads(&inputs),
        take_turns: threads::take_turns(&inputs),
        channels_last: kernels::channels_last(&inputs),
        tf32: kernels::tf32(&inputs),
        benchmark: kernels::benchmark(&inputs),
        compiled_graph: kernels::compiled_graph(&inputs),
        deterministic: kernels::deterministic(&inputs),
        cache_bytes: memory::cache_bytes(&inputs),
        batch_pixels: memory::batch_pixels(&inputs),
        start_batch: memory::start_batch(&inputs, memory_bytes.value, precision.value),
        empty_cache_every: memory::empty_cache_every(&inputs),
        memory_fraction,
        memory_bytes,
        precision,
    })
}
