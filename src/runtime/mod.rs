//! What machine this is and what to do with it; progress and cancelling; everything of libtorch that is global.

mod backend;
mod context;
mod files;
mod mixed;
pub(crate) mod parallel;
mod policy;
mod pool;
mod probe;
mod progress;
mod report;
mod rocm;
mod torch;

pub use context::{Context, ContextOptions, Log, LogLevel};
pub use files::{TEMPORARY_PREFIX, TEMPORARY_SUFFIX, sha256_hex, write_atomically};
pub use mixed::{unscale, with_precision};
pub use policy::{
    Choice, DeviceRequest, EngineRequest, Policy, PolicyRequest, Precision, PrecisionRequest, RocmTuning,
    ScalerSettings, TORCH, decide,
};
pub use pool::Pool;
pub use probe::{Cpu, Gpu, Memory, Probe, Vendor};
pub use progress::{Cancel, Control, Phase, Update};
pub use report::RunReport;
pub use rocm::{Environment, plan_environment};
pub use torch::{HostBuffer, HostPixels, SharedTensor, catch, float_bytes, peak_memory_bytes};
