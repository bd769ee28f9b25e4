//! `lens_context` and `lens_init`.

use super::arguments::{automatic_flag, choice, flag, optional_text, out, required};
use super::guard::{guard, release};
use super::options::{self, Options};
use super::status::lens_status;
use super::text::to_host;
use super::version::LENS_ABI_VERSION;
use ::lens_engine::policy::{DeviceRequest, EngineRequest, PrecisionRequest, RocmTuning};
use lens_base::{Error, ErrorKind, LogLevel};
use lens_runtime::{Context, ContextOptions};
use std::ffi::{CString, c_char, c_void};
use std::ptr;
use std::sync::Arc;

/// A set-up library: device, precision, threads. Everything made from it keeps it alive. Thread-safe.
///
/// On a GPU, calls that come from several threads through one context take turns, batch by batch, in the order in which
/// they asked: a long call delays a short one by a batch per caller before it. On CPU they run beside each other.
pub struct lens_context(pub(super) Arc<Context>);

/// Where to compute.
pub type lens_device = i32;
/// The first that works: an NVIDIA GPU, an AMD GPU that libtorch has kernels for, the CPU. The choice and its reason,
/// with why others were passed over, are in lens_context_describe(); a GPU that was tried and does not work is a warning
/// in the log.
pub const LENS_DEVICE_AUTO: lens_device = 0;
/// The CPU.
pub const LENS_DEVICE_CPU: lens_device = 1;
/// An NVIDIA GPU.
pub const LENS_DEVICE_CUDA: lens_device = 2;
/// An AMD GPU.
pub const LENS_DEVICE_ROCM: lens_device = 3;

/// Arithmetic of the network's layers. Heatmaps are always accumulated in 32-bit floats.
pub type lens_precision = i32;
/// NVIDIA: bf16 from Ampere on, else fp16. AMD: bf16 on CDNA, else fp16. CPU: f32.
pub const LENS_PRECISION_AUTO: lens_precision = 0;
/// 32-bit floats.
pub const LENS_PRECISION_F32: lens_precision = 1;
/// bfloat16 with f32 weights. On CPU slower than F32, for trying out what a GPU will do.
pub const LENS_PRECISION_BF16: lens_precision = 2;
/// IEEE half precision with f32 weights; training scales the loss. On CPU slower than F32, for trying out what a GPU will
/// do.
pub const LENS_PRECISION_F16: lens_precision = 3;
/// 8-bit integers, on CPUs with AVX-512 VNNI: the convolutions but the first, of models that lens_model_optimize() made
/// for it, when they classify; everything else in 32-bit floats, and other models altogether.
pub const LENS_PRECISION_INT8: lens_precision = 4;

/// Which environment variables are set for the AMD runtime before it is loaded. What the host or its user set wins.
pub type lens_rocm_tuning = i32;
/// Those that are safe for the GPU that is there.
pub const LENS_ROCM_TUNING_AUTO: lens_rocm_tuning = 0;
/// Exactly the ten values of the reference pipeline.
pub const LENS_ROCM_TUNING_REFERENCE: lens_rocm_tuning = 1;
/// None.
pub const LENS_ROCM_TUNING_OFF: lens_rocm_tuning = 2;

/// What computes on the CPU. A plan is the library's own engine, in 32-bit floats: when it classifies, draws heatmaps or
/// evaluates, with the network compiled for some instructions; when it trains, with the widest that the processor has. Each
/// model's plan is compared with the network computed layer by layer, on test images, when it is needed first, and where it
/// does not give the same, that plain network computes the model, slowly, and the log callback is told (a warning).
/// lens_model_describe() and reports name what computes: "plan-avx512", "plan-avx2", "plan-portable", "reference" (the
/// plain network) or "torch". For one model, size of image and plan, results are the same bits for any batch and any number
/// of threads.
pub type lens_engine = i32;
/// On the CPU in f32 a plan for the widest instructions; on GPUs and in half precision libtorch.
pub const LENS_ENGINE_AUTO: lens_engine = 0;
/// libtorch, also for training; needs liblesionlens_torch.so.
pub const LENS_ENGINE_TORCH: lens_engine = 1;
/// A plan for the widest instructions that the processor has.
pub const LENS_ENGINE_PLAN: lens_engine = 2;
/// A plan for AVX2 and FMA.
pub const LENS_ENGINE_PLAN_AVX2: lens_engine = 3;
/// A plan for what every processor has; slow.
pub const LENS_ENGINE_PLAN_PORTABLE: lens_engine = 4;

/// How much the log callback is told: messages of this level and of those below it.
pub type lens_log_level = i32;
/// Nothing works without attention.
pub const LENS_LOG_ERROR: lens_log_level = 0;
/// Something is not as asked for.
pub const LENS_LOG_WARNING: lens_log_level = 1;
/// What was chosen and done.
pub const LENS_LOG_INFO: lens_log_level = 2;
/// Details.
pub const LENS_LOG_DEBUG: lens_log_level = 3;

/// Receives log messages, from any thread that calls the library, possibly several at once. It must not throw or
/// longjmp through the library.
///
/// @param level LENS_LOG_...
/// @param message UTF-8; valid during the callback only.
/// @param user_data The pointer given beside the callback; it must stay valid as long as the context or anything made
///        from it lives.
pub type lens_log_fn =
    Option<unsafe extern "C" fn(level: lens_log_level, message: *const c_char, user_data: *mut c_void)>;

/// Options of lens_init(). Fill with lens_init_options_init(), then change what you need.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct lens_init_options {
    /// sizeof(lens_init_options); set by lens_init_options_init().
    pub struct_size: usize,
    /// LENS_ABI_VERSION of the header the program was built with, to have it compared with the library's;
    /// default UINT32_MAX: not compared.
    pub abi_version: u32,
    /// LENS_DEVICE_...; default LENS_DEVICE_AUTO.
    pub device: lens_device,
    /// Which of several GPUs, from 0; default 0. The CPU has index 0 only.
    pub device_index: i32,
    /// LENS_PRECISION_...; default LENS_PRECISION_AUTO. LENS_PRECISION_INT8 is refused (LENS_ERROR_UNSUPPORTED) where it
    /// cannot be computed.
    pub precision: lens_precision,
    /// Directory that holds libtorch's libraries, should libtorch be needed (see lens_init()); default NULL: the directory
    /// libtorch/lib beside liblesionlens_torch.so, where that was built, or what the process has loaded. It must hold
    /// libtorch_cpu.so of the version that liblesionlens_torch.so was built with, and where the process has loaded one, that
    /// one. liblesionlens_torch.so is looked for here, too, before it is looked for beside this library. libtorch's library
    /// for GPUs (libtorch_cuda.so or libtorch_hip.so) is looked for here, then beside the loaded libtorch_cpu.so.
    pub libtorch_dir: *const c_char,
    /// CPU threads of one call, 1 to 1024; default 0: as many as the process may use (container limits count). Threads of
    /// the library sleep when they have nothing to do; those of libtorch, where it computes on the CPU, wait actively for
    /// each other.
    pub threads: u32,
    /// LENS_ROCM_TUNING_...; default LENS_ROCM_TUNING_AUTO.
    pub rocm_tuning: lens_rocm_tuning,
    /// Upper bound, in bytes, for what training may use beside the libraries: its batches are cut into parts to fit, and
    /// decoded images are kept as far as that leaves room. On a GPU it bounds the batches in the GPU's memory and the
    /// images in the machine's. Default 0: what is free at init, a quarter of it at most for images.
    pub memory_cap: u64,
    /// 1: the same call with the same seed gives the same bits on the same machine; default 1. 0 allows faster
    /// algorithms that do not (on GPUs).
    pub deterministic: i32,
    /// Seed of everything random that is not given a seed of its own; default 0.
    pub seed: u64,
    /// Receives log messages; default NULL: none.
    pub log: lens_log_fn,
    /// Handed to log.
    pub log_user_data: *mut c_void,
    /// LENS_LOG_...; default LENS_LOG_WARNING.
    pub log_level: lens_log_level,
    /// LENS_ENGINE_...; default LENS_ENGINE_AUTO. A plan is refused (LENS_ERROR_UNSUPPORTED) with a precision other than
    /// f32, and PLAN_AVX2 on a processor without.
    pub engine: lens_engine,
    /// GPU: share of its memory that the process may take, above 0 and up to 1; default 0, automatic: 0.85 on AMD, 1 on
    /// NVIDIA. Set once per process, through PYTORCH_ALLOC_CONF when libtorch's library for GPUs is loaded; what the host or
    /// its user set there wins.
    pub memory_fraction: f64,
    /// GPU: training gives memory that is not in use back after so many batches, and every fifth epoch; 0: never;
    /// default -1, automatic: 100 on AMD, never on NVIDIA.
    pub empty_cache_every: i32,
    /// 1: activations lie pixel by pixel (NHWC), 0: channel by channel (NCHW); default -1, automatic: 1. The
    /// library's own engine always has the former.
    pub channels_last: i32,
    /// NVIDIA: 1: products of 32-bit floats may round their factors to TF32, 0: not; default -1, automatic: 1 from
    /// Ampere on, unless precision is LENS_PRECISION_F32.
    pub tf32: i32,
    /// GPU: 1: cuDNN or MIOpen times its algorithms for each new shape, which can take seconds, 0: not; default -1,
    /// automatic: 1 on AMD when deterministic is 0, as in the reference pipeline, and 0 on NVIDIA.
    pub benchmark: i32,
    /// 1: the compiled network that a model's file may bring (see lens_model_load()) computes its logits, 0: it is not
    /// run; default -1, automatic: 1, but 0 on AMD, as in the reference pipeline, and where engine is not
    /// LENS_ENGINE_AUTO.
    pub compiled_graph: i32,
    /// 1: calls from several threads compute in turns, batch by batch and in the order they came, 0: at once; default -1,
    /// automatic: 1 on GPUs, whose memory then holds one batch at a time, 0 on the CPU. Plans (LENS_ENGINE_PLAN) share a
    /// pool of threads instead.
    pub take_turns: i32,
}

// SAFETY: repr(C), struct_size first, integers and raw pointers only.
unsafe impl Options for lens_init_options {
    const NAME: &'static str = "lens_init_options";
    const FIRST_SIZE: usize = std::mem::offset_of!(lens_init_options, memory_fraction);
    fn defaults() -> Self {
        lens_init_options {
            struct_size: size_of::<Self>(),
            abi_version: u32::MAX,
            device: LENS_DEVICE_AUTO,
            device_index: 0,
            precision: LENS_PRECISION_AUTO,
            libtorch_dir: ptr::null(),
            threads: 0,
            rocm_tuning: LENS_ROCM_TUNING_AUTO,
            memory_cap: 0,
            deterministic: 1,
            seed: 0,
            log: None,
            log_user_data: ptr::null_mut(),
            log_level: LENS_LOG_WARNING,
            engine: LENS_ENGINE_AUTO,
            memory_fraction: 0.0,
            empty_cache_every: -1,
            channels_last: -1,
            tf32: -1,
            benchmark: -1,
            compiled_graph: -1,
            take_turns: -1,
        }
    }
}

/// Fills the options with their defaults; NULL is a no-op.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lens_init_options_init(options: *mut lens_init_options) {
    // SAFETY: NULL or writable by contract.
    unsafe { options::init(options) }
}

/// The host's log callback and its pointer.
struct HostLog {
    callback: unsafe extern "C" fn(lens_log_level, *const c_char, *mut c_void),
    user_data: *mut c_void,
}

// SAFETY: the contract of lens_log_fn allows calls from any thread, several at once, with this pointer.
unsafe impl Send for HostLog {}
// SAFETY: as above.
unsafe impl Sync for HostLog {}

impl HostLog {
    fn send(&self, level: LogLevel, message: &str) {
        let level = match level {
            LogLevel::Error => LENS_LOG_ERROR,
            LogLevel::Warning => LENS_LOG_WARNING,
            LogLevel::Info => LENS_LOG_INFO,
            LogLevel::Debug => LENS_LOG_DEBUG,
        };
        let text = CString::new(message.replace('\0', "\\0")).unwrap_or_default();
        // SAFETY: the host gave this function to be called with this pointer.
        unsafe { (self.callback)(level, text.as_ptr(), self.user_data) };
    }
}

/// Sets the library up: finds out what machine this is and decides how to use it. May be called repeatedly and from
/// several threads; each call makes a context of its own.
///
/// This library needs nothing beyond the system's C library to classify, draw heatmaps, evaluate, calibrate and train on the
/// CPU, and then nothing else is loaded. liblesionlens_torch.so, with libtorch, is loaded here when the machine shows a GPU
/// that LENS_DEVICE_AUTO may use, or when a GPU, half precision or LENS_ENGINE_TORCH is asked for; and by lens_model_load(),
/// lens_model_save() and lens_model_optimize() for TorchScript, AOTInductor and PyTorch's own files that they read or write
/// through it. Where it is missing, LENS_DEVICE_AUTO goes on with the CPU and says why in lens_context_describe(), and what
/// cannot be done without it fails with what to install. What is loaded stays loaded.
///
/// Where libtorch computes, the number of threads, TF32, benchmark and deterministic are libtorch's own settings and so hold
/// for the process: the context used last wins. When a GPU is to be used, call this early: libtorch looks for GPUs once, at
/// its first convolution if not before, so its library for GPUs must be loaded before anything in the process computes with
/// libtorch. Environment variables for the GPU's runtime are set just before that library is loaded (those in
/// lens_context_describe(), only ones that are not there yet), with setenv(), which is not safe while another thread of
/// the host reads the environment. On CPU nothing is set.
///
/// @param options NULL for all defaults.
/// @param[out] context Receives the context; free it with lens_context_free(). NULL on failure.
/// @return LENS_OK; LENS_ERROR_ARGUMENT for an option out of range; LENS_ERROR_DEVICE when a device was asked for that
///         cannot be used, with the reason; LENS_ERROR_UNSUPPORTED for a precision the device does not compute in,
///         or when liblesionlens_torch.so is needed and cannot be loaded; LENS_ERROR_VERSION when header, libraries or
///         libtorch do not fit; LENS_ERROR_IO when libtorch_dir holds none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lens_init(options: *const lens_init_options, context: *mut *mut lens_context) -> lens_status {
    guard(|| {
        // SAFETY: NULL or writable by the contract of every out parameter.
        let context = unsafe { out("context", context) }?;
        // SAFETY: NULL or a struct as large as its struct_size, by contract.
        let options = unsafe { options::read(options) }?;
        if options.abi_version != u32::MAX && options.abi_version != LENS_ABI_VERSION {
            return Err(Error::new(
                ErrorKind::Version,
                format!(
                    "abi_version: the program was built for ABI {}, the loaded library {} has ABI {LENS_ABI_VERSION}",
                    options.abi_version,
                    env!("CARGO_PKG_VERSION")
                ),
            ));
        }
        let log_level = choice(
            "log_level",
            options.log_level,
            &[
                (LENS_LOG_ERROR, "LENS_LOG_ERROR", LogLevel::Error),
                (LENS_LOG_WARNING, "LENS_LOG_WARNING", LogLevel::Warning),
                (LENS_LOG_INFO, "LENS_LOG_INFO", LogLevel::Info),
                (LENS_LOG_DEBUG, "LENS_LOG_DEBUG", LogLevel::Debug),
            ],
        )?;
        let made = Context::new(ContextOptions {
            device: choice(
                "device",
                options.device,
                &[
                    (LENS_DEVICE_AUTO, "LENS_DEVICE_AUTO", DeviceRequest::Auto),
                    (LENS_DEVICE_CPU, "LENS_DEVICE_CPU", DeviceRequest::Cpu),
                    (LENS_DEVICE_CUDA, "LENS_DEVICE_CUDA", DeviceRequest::Cuda),
                    (LENS_DEVICE_ROCM, "LENS_DEVICE_ROCM", DeviceRequest::Rocm),
                ],
            )?,
            device_index: options.device_index,
            precision: choice(
                "precision",
                options.precision,
                &[
                    (LENS_PRECISION_AUTO, "LENS_PRECISION_AUTO", PrecisionRequest::Auto),
                    (LENS_PRECISION_F32, "LENS_PRECISION_F32", PrecisionRequest::F32),
                    (LENS_PRECISION_BF16, "LENS_PRECISION_BF16", PrecisionRequest::Bf16),
                    (LENS_PRECISION_F16, "LENS_PRECISION_F16", PrecisionRequest::F16),
                    (LENS_PRECISION_INT8, "LENS_PRECISION_INT8", PrecisionRequest::Int8),
                ],
            )?,
            // SAFETY: NULL or a C string by contract.
            libtorch_dir: unsafe { optional_text("libtorch_dir", options.libtorch_dir) }?.map(Into::into),
            threads: options.threads,
            rocm_tuning: choice(
                "rocm_tuning",
                options.rocm_tuning,
                &[
                    (LENS_ROCM_TUNING_AUTO, "LENS_ROCM_TUNING_AUTO", RocmTuning::Auto),
                    (LENS_ROCM_TUNING_REFERENCE, "LENS_ROCM_TUNING_REFERENCE", RocmTuning::Reference),
                    (LENS_ROCM_TUNING_OFF, "LENS_ROCM_TUNING_OFF", RocmTuning::Off),
                ],
            )?,
            memory_cap: options.memory_cap,
            deterministic: flag("deterministic", options.deterministic)?,
            channels_last: automatic_flag("channels_last", options.channels_last)?,
            tf32: automatic_flag("tf32", options.tf32)?,
            benchmark: automatic_flag("benchmark", options.benchmark)?,
            compiled_graph: automatic_flag("compiled_graph", options.compiled_graph)?,
            memory_fraction: (options.memory_fraction != 0.0).then_some(options.memory_fraction),
            empty_cache_every: match options.empty_cache_every {
                -1 => None,
                batches => Some(u32::try_from(batches).map_err(|_| {
                    Error::argument(format!(
                        "empty_cache_every is {batches}; it must be -1 (automatic), 0 (never), or a number of batches"
                    ))
                })?),
            },
            take_turns: automatic_flag("take_turns", options.take_turns)?,
            hardware_root: None,
            seed: options.seed,
            log: options.log.map(|callback| {
                let host = HostLog { callback, user_data: options.log_user_data };
                Box::new(move |level: LogLevel, message: &str| host.send(level, message)) as _
            }),
            log_level,
            engine: choice(
                "engine",
                options.engine,
                &[
                    (LENS_ENGINE_AUTO, "LENS_ENGINE_AUTO", EngineRequest::Auto),
                    (LENS_ENGINE_TORCH, "LENS_ENGINE_TORCH", EngineRequest::Torch),
                    (LENS_ENGINE_PLAN, "LENS_ENGINE_PLAN", EngineRequest::Plan),
                    (LENS_ENGINE_PLAN_AVX2, "LENS_ENGINE_PLAN_AVX2", EngineRequest::PlanAvx2),
                    (LENS_ENGINE_PLAN_PORTABLE, "LENS_ENGINE_PLAN_PORTABLE", EngineRequest::PlanPortable),
                ],
            )?,
        })?;
        *context = Box::into_raw(Box::new(lens_context(made)));
        Ok(())
    })
}

/// What was found and decided, as JSON: hardware, versions, policy with the reason for each choice, environment
/// variables set, kept and skipped.
///
/// @param[out] json Receives the text; free it with lens_string_free(). NULL on failure.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lens_context_describe(context: *const lens_context, json: *mut *mut c_char) -> lens_status {
    guard(|| {
        // SAFETY: NULL or writable by the contract of every out parameter.
        let json = unsafe { out("json", json) }?;
        // SAFETY: NULL or a live handle by contract.
        let context = unsafe { required("context", context) }?;
        *json = to_host(context.0.describe().to_string())?;
        Ok(())
    })
}

/// Frees the handle; NULL is a no-op. Models made from it go on working.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lens_context_free(context: *mut lens_context) {
    release(|| {
        if !context.is_null() {
            // SAFETY: from lens_init and freed once, by contract.
            drop(unsafe { Box::from_raw(context) });
        }
    });
}
