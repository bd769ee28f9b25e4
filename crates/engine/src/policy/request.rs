//! What was asked for.

use super::precision::Precision;
use lens_base::{Error, Result};

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
    /// 32-bit floats, but convolutions of calibrated models in 8-bit integers.
    Int8,
}

impl PrecisionRequest {
    pub(super) fn asked(self) -> Option<Precision> {
        match self {
            PrecisionRequest::Auto => None,
            PrecisionRequest::F32 | PrecisionRequest::Int8 => Some(Precision::F32),
            PrecisionRequest::Bf16 => Some(Precision::Bf16),
            PrecisionRequest::F16 => Some(Precision::F16),
        }
    }
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

/// What was asked for; `None` and 0 leave the choice to the policy.
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
    /// Whether the compiled network of a model's file is run.
    pub compiled_graph: Option<bool>,
    /// Whether calls compute in turns.
    pub take_turns: Option<bool>,
    /// Whether activations lie pixel by pixel.
    pub channels_last: Option<bool>,
    /// Whether f32 products may round to TF32.
    pub tf32: Option<bool>,
    /// Whether convolution algorithms are timed.
    pub benchmark: Option<bool>,
    /// Share of the GPU's memory, above 0 and up to 1.
    pub memory_fraction: Option<f64>,
    /// Batches between giving GPU memory back; 0: never.
    pub empty_cache_every: Option<u32>,
}

/// More threads than this have not helped any network of this size, and an absurd number is a mistake.
const MOST_THREADS: u32 = 1024;

impl PolicyRequest {
    /// Refuses what cannot be meant, before anything is loaded or set.
    pub fn check(&self) -> Result<()> {
        if self.threads > MOST_THREADS {
            return Err(Error::argument(format!(
                "threads is {}; it must be 0 (automatic) to {MOST_THREADS}",
                self.threads
            )));
        }
        if let Some(fraction) = self.memory_fraction
            && !(fraction > 0.0 && fraction <= 1.0)
        {
            return Err(Error::argument(format!(
                "memory_fraction is {fraction}; it must be above 0 and up to 1, or 0 (automatic)"
            )));
        }
        if self.device_index < 0 {
            return Err(Error::argument(format!("device_index is {}; devices count from 0", self.device_index)));
        }
        if self.device == DeviceRequest::Cpu && self.device_index != 0 {
            return Err(Error::argument(format!("device_index is {}; the CPU has index 0 only", self.device_index)));
        }
        Ok(())
    }
}
