//! The request: what the program that embeds the library asked for.

use super::precision::Precision;
use lens_base::options::Choice;
use lens_base::{Error, Result};

/// Where to compute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Choice)]
#[choice(name = "device")]
pub enum DeviceRequest {
    /// The first that works: an NVIDIA GPU, an AMD GPU that libtorch has kernels for, the CPU. The choice and its reason,
    /// with why others were passed over, are in the context's description; a GPU that was tried and does not work is a
    /// warning in the log.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// An NVIDIA GPU.
    Cuda,
    /// An AMD GPU.
    Rocm,
}

/// Arithmetic of the network's layers. Heatmaps are always accumulated in 32-bit floats.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Choice)]
#[choice(name = "precision")]
pub enum PrecisionRequest {
    /// NVIDIA: bf16 from Ampere on, else fp16. AMD: bf16 on CDNA, else fp16. CPU: f32.
    #[default]
    Auto,
    /// 32-bit floats.
    F32,
    /// bfloat16 with f32 weights. On CPU slower than F32, for trying out what a GPU will do.
    Bf16,
    /// IEEE half precision with f32 weights; training scales the loss. On CPU slower than F32, for trying out what a GPU
    /// will do.
    F16,
    /// 8-bit integers, on CPUs with AVX-512 VNNI: the convolutions but the first, of models that were optimised for it,
    /// when they classify; everything else in 32-bit floats, and other models altogether.
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

/// Which environment variables are set for the AMD runtime before it is loaded. What the program that embeds the
/// library or its user set wins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Choice)]
pub enum RocmTuning {
    /// Those that are safe for the GPU that is there.
    #[default]
    Auto,
    /// Exactly the ten values of the reference pipeline.
    Reference,
    /// None.
    Off,
}

/// What computes on the CPU. A plan is the library's own engine, in 32-bit floats (with the precision INT8 in 8-bit
/// integers): when it classifies, draws heatmaps or
/// evaluates, with the network compiled for some instructions; when it trains, with the widest that the processor has. Each
/// model's plan is compared with the network computed layer by layer, on test images, when it is needed first, and where it
/// does not give the same, that reference network computes the model, slowly, and the log is told (a warning). A model's
/// description and reports name what computes. For one model, size of image and plan, results are the same bits for any batch and any number of threads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Choice)]
#[choice(name = "engine")]
pub enum EngineRequest {
    /// On the CPU in f32 a plan for the widest instructions; on GPUs and in half precision libtorch.
    #[default]
    Auto,
    /// libtorch, also for training; needs liblesionlens_torch.so.
    Torch,
    /// A plan for the widest instructions that the processor has.
    Plan,
    /// A plan for AVX2 and FMA.
    #[choice(name = "plan_avx2")]
    PlanAvx2,
    /// A plan for what every processor has; slow.
    PlanPortable,
}

/// The request; `None` and 0 leave the decision to the policy.
#[derive(Clone, Copy, Debug, Default)]
pub struct PolicyRequest {
    /// Device.
    pub device: DeviceRequest,
    /// Index among the device's GPUs.
    pub device_index: i32,
    /// Precision.
    pub precision: PrecisionRequest,
    /// CPU threads; 0: as many as the process may use.
    pub threads: u32,
    /// Memory budget in bytes; 0: a quarter of the free memory.
    pub memory_cap: u64,
    /// Whether the same call must give the same bits.
    pub deterministic: bool,
    /// Engine for inference.
    pub engine: EngineRequest,
    /// Whether the compiled network of a model's file is used.
    pub compiled_graph: Option<bool>,
    /// Whether calls are queued on the device.
    pub take_turns: Option<bool>,
    /// Whether tensors are channels last.
    pub channels_last: Option<bool>,
    /// Whether f32 products may round to TF32.
    pub tf32: Option<bool>,
    /// Whether convolution algorithms are benchmarked.
    pub benchmark: Option<bool>,
    /// Fraction of the GPU's memory, above 0 and up to 1.
    pub memory_fraction: Option<f64>,
    /// Batches between calls of empty_cache; 0: never.
    pub empty_cache_every: Option<u32>,
}

impl PolicyRequest {
    /// Fails for invalid values, before anything is loaded or set.
    pub fn check(&self) -> Result<()> {
        if self.device == DeviceRequest::Cpu && self.device_index != 0 {
            return Err(Error::argument(format!("device_index is {}; the CPU has index 0 only", self.device_index)));
        }
        Ok(())
    }
}
