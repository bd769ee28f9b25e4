//! What to do with the machine: pure functions of what was found, what libtorch reported, and what was asked for.

mod choice;
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

pub use choice::{Choice, Deciding};
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
    pub device: Choice<&'static str>,
    /// Which of several.
    pub device_index: Choice<i32>,
    /// Arithmetic.
    pub precision: Choice<Precision>,
    /// What computes the network when it classifies: "torch", or "plan-avx512", "plan-avx2" or "plan-portable", the
    /// network compiled for these instructions. A model whose plan does not give what the plain network gives is computed
    /// by that.
    pub engine: Choice<EngineName>,
    /// Whether it computes convolutions in 8-bit integers, of models that were calibrated for that.
    pub int8: Choice<bool>,
    /// CPU threads of one call.
    pub threads: Choice<usize>,
    /// Threads that compute at once, of concurrent calls together.
    pub concurrent_threads: Choice<usize>,
    /// Whether calls from several threads compute in turns, batch by batch.
    pub take_turns: Choice<bool>,
    /// Whether activations lie channel by channel in memory (NCHW) or pixel by pixel (NHWC).
    pub channels_last: Choice<bool>,
    /// Whether f32 products on NVIDIA may round their factors to TF32.
    pub tf32: Choice<bool>,
    /// Whether the convolution libraries time their algorithms for each new shape and take the fastest.
    pub benchmark: Choice<bool>,
    /// Whether the compiled network that a model's file may bring computes its logits.
    pub compiled_graph: Choice<bool>,
    /// Whether the same call gives the same bits.
    pub deterministic: Choice<bool>,
    /// Bytes that may be used for decoded images of a training set.
    pub cache_bytes: Choice<u64>,
    /// Bytes of the device's memory that the network and its batches may use, when that is known.
    pub memory_bytes: Choice<Option<u64>>,
    /// Share of the GPU's memory that the process may take.
    pub memory_fraction: Choice<f64>,
    /// Training gives unused GPU memory back after so many batches, and every fifth epoch; 0: never.
    pub empty_cache_every: Choice<u32>,
    /// Pixels that go through the network at once in classifying, where a call leaves it to the library; none: a number
    /// of images that depends on the call.
    pub batch_pixels: Choice<Option<usize>>,
    /// How much of the reference pipeline's batch, 128 images at 128 pixels, goes through the network at once.
    pub start_batch: Choice<StartBatch>,
    /// Loss scaling in training; none where gradients have the range of f32.
    pub grad_scaler: Choice<Option<ScalerSettings>>,
}

/// Decides, once the devices of the plan were tried up to the first that works.
pub fn decide(probe: &Probe, plan: &DevicePlan, attempts: &[Attempt], request: &PolicyRequest) -> Result<Policy> {
    request.check()?;
    let (device, chosen) = device::choose(plan, attempts, request)?;
    let deciding = Deciding::new(probe, request, chosen);
    let precision = precision::precision(&deciding);
    let memory_fraction = memory::memory_fraction(&deciding);
    let memory_bytes = memory::memory_bytes(&deciding, memory_fraction.value);
    let engine = engine::engine(&deciding, precision.value)?;
    Ok(Policy {
        int8: engine::int8(&deciding, engine.value)?,
        engine,
        device_index: Choice::new(request.device_index, "as asked for; 0 unless another was"),
        device,
        grad_scaler: precision::grad_scaler(&deciding, precision.value),
        concurrent_threads: threads::concurrent_threads(&deciding),
        threads: threads::threads(&deciding),
        take_turns: threads::take_turns(&deciding),
        channels_last: kernels::channels_last(&deciding),
        tf32: kernels::tf32(&deciding),
        benchmark: kernels::benchmark(&deciding),
        compiled_graph: kernels::compiled_graph(&deciding),
        deterministic: kernels::deterministic(&deciding),
        cache_bytes: memory::cache_bytes(&deciding),
        batch_pixels: memory::batch_pixels(&deciding),
        start_batch: memory::start_batch(&deciding, memory_bytes.value, precision.value),
        empty_cache_every: memory::empty_cache_every(&deciding),
        memory_fraction,
        memory_bytes,
        precision,
    })
}
