//! What machine this is and what to do with it; progress and cancelling; everything of libtorch that is global.

mod backend;
pub(crate) mod buffer;
mod context;
mod files;
mod footprint;
mod gpu_state;
pub(crate) mod kernels;
pub(crate) mod matrix;
mod mixed;
pub(crate) mod parallel;
mod policy;
mod pool;
mod probe;
mod program;
mod progress;
mod report;
mod rocm;
mod torch;
mod turns;

pub use backend::{Reported, ReportedGpu, half_is_registered};
pub use context::{Context, ContextOptions, Log, LogLevel};
pub use files::{TEMPORARY_PREFIX, TEMPORARY_SUFFIX, sha256_hex, write_atomically};
pub use footprint::{Footprint, WEIGHTS};
pub use gpu_state::GpuMemory;
pub use mixed::{unscale, with_precision};
pub(crate) use policy::EMPTY_CACHE_EPOCHS;
pub use policy::{
    Attempt, Choice, DevicePlan, DeviceRequest, EngineRequest, Policy, PolicyRequest, Precision, PrecisionRequest,
    RocmTuning, ScalerSettings, StartBatch, TORCH, decide, plan_device,
};
pub use pool::Pool;
pub use probe::{Architecture, Cpu, Generation, Gpu, Memory, Probe, Vendor};
pub use program::{Program, Script, ScriptSource, script_bytes, state_dict_bytes};
pub use progress::{Cancel, Control, Phase, Update};
pub use report::RunReport;
pub use rocm::{Environment, Surroundings, plan_environment};
pub use torch::{HostBuffer, HostPixels, SharedTensor, arranged, catch, float_bytes, peak_memory_bytes};
pub use turns::Turn;
