//! A context: device, engine and settings.

use super::environment::prepare_environment;
use super::torch::{TorchEngine, TorchLibrary};
use lens_base::{Error, Log, LogLevel, Logger, Options, Result};
use lens_cpu::{CpuEngine, CpuSettings};
use lens_engine::policy::{
    Attempt, Decision, DevicePlan, DeviceRequest, EngineRequest, Policy, PolicyRequest, PrecisionRequest, RocmTuning,
    TorchNeed, automatic_fraction, decide, plan_device, torch_need,
};
use lens_engine::rocm::{Environment, EnvironmentInputs};
use lens_engine::torch_table::TorchSettings;
use lens_engine::{Engine, EngineName, Footprint, GpuMemory, GpuReport};
use lens_system::probe::{Probe, Vendor};
use once_cell::race::OnceBox;
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What a context is made from.
#[derive(Options)]
pub struct ContextOptions {
    /// Where to compute.
    #[option(flag = "--device")]
    pub device: DeviceRequest,
    /// Which of several GPUs, from 0. The CPU has index 0 only.
    #[option(minimum = 0, flag = "--device-index N")]
    pub device_index: i32,
    /// Arithmetic of the network's layers. INT8 is refused where it cannot be computed.
    #[option(flag = "--precision")]
    pub precision: PrecisionRequest,
    /// Directory that holds libtorch's libraries, should libtorch be needed. It must hold libtorch_cpu.so of the version
    /// that liblesionlens_torch.so was built with, and where the process has loaded one, that one. liblesionlens_torch.so is
    /// looked for here, too, before it is looked for beside this library. libtorch's library for GPUs (libtorch_cuda.so or
    /// libtorch_hip.so) is looked for here, then beside the loaded libtorch_cpu.so.
    #[option(
        unset = "the directory libtorch/lib beside liblesionlens_torch.so, where that was built, or what the process has \
                 loaded",
        flag = "--libtorch-dir DIR"
    )]
    pub libtorch_dir: Option<PathBuf>,
    /// CPU threads of one call. Threads of the library sleep when they have nothing to do; those of libtorch, where it
    /// computes on the CPU, wait actively for each other.
    // More have not helped any network of this size, and an absurd number is a mistake.
    #[option(maximum = 1024, unset = "as many as the process may use (container limits count)", flag = "--threads N")]
    pub threads: u32,
    /// Which environment variables are set for the AMD runtime before it is loaded.
    #[option(flag = "--rocm-tuning")]
    pub rocm_tuning: RocmTuning,
    /// Upper bound, in bytes, for the memory of training, not counting the libraries themselves: its batches are cut into parts to fit, and
    /// decoded images are kept as far as that leaves room. On a GPU it bounds the batches in the GPU's memory and the images
    /// in the machine's.
    #[option(unset = "what is free at init, a quarter of it at most for images", flag = "--memory-cap BYTES")]
    pub memory_cap: u64,
    /// Whether the same call with the same seed gives the same bits on the same machine; if not, faster algorithms that do
    /// not (on GPUs) are allowed.
    #[option(
        default = true,
        flag = "--no-deterministic",
        switch = "Allow faster algorithms (on GPUs) that may give other bits in the same call with the same seed"
    )]
    pub deterministic: bool,
    /// Seed of everything random that is not given a seed of its own.
    #[option]
    pub seed: u64,
    /// How much the log callback is told.
    #[option]
    pub log_level: LogLevel,
    /// What computes on the CPU. A plan is refused on a GPU (ask for the CPU), with the precisions BF16 and F16, and, as
    /// PLAN_AVX2, on a processor without AVX2 and FMA. The precision INT8 needs AUTO or PLAN, on a processor with AVX-512
    /// VNNI.
    #[option(flag = "--engine")]
    pub engine: EngineRequest,
    /// GPU: share of its memory that the process may take. Set once per process, through PYTORCH_ALLOC_CONF when
    /// libtorch's library for GPUs is loaded; what the program that embeds the library or its user set there wins.
    #[option(above = 0, maximum = 1, unset = "automatic, 0.85 on AMD, 1 on NVIDIA", flag = "--gpu-memory X")]
    pub memory_fraction: Option<f64>,
    /// GPU: training gives memory that is not in use back after so many batches, and every fifth epoch; 0: never.
    #[option(
        minimum = 0,
        none = -1,
        unset = "automatic, 100 on AMD, never on NVIDIA",
        flag = "--empty-cache-every BATCHES"
    )]
    pub empty_cache_every: Option<i32>,
    /// Whether activations lie pixel by pixel (NHWC), or channel by channel (NCHW). The library's own engine always has the
    /// former.
    #[option(unset = "pixel by pixel", flag = "--channels-last")]
    pub channels_last: Option<bool>,
    /// NVIDIA: whether products of 32-bit floats may round their factors to TF32.
    #[option(unset = "on from Ampere on, unless precision is F32", flag = "--tf32")]
    pub tf32: Option<bool>,
    /// GPU: whether cuDNN or MIOpen times its algorithms for each new shape, which can take seconds.
    #[option(
        unset = "on where the GPU is AMD's, unless deterministic, as in the reference pipeline",
        flag = "--benchmark"
    )]
    pub benchmark: Option<bool>,
    /// Whether the compiled network that a model's file may bring computes its logits.
    #[option(
        unset = "on, but not on AMD, as in the reference pipeline, nor where an engine was asked for",
        flag = "--compiled-graph"
    )]
    pub compiled_graph: Option<bool>,
    /// Whether calls from several threads compute in turns, batch by batch and in the order they came, or at once.
    #[option(
        unset = "on for GPUs, whose memory then holds one batch at a time; on the CPU calls share one pool of threads and run \
                 beside each other",
        flag = "--take-turns"
    )]
    pub take_turns: Option<bool>,
    /// Where /proc and /sys are read; `None`: "/". For tests.
    #[option(skip)]
    pub hardware_root: Option<PathBuf>,
    /// Receives log messages.
    #[option(skip)]
    pub log: Option<Log>,
}

impl ContextOptions {
    fn request(&self) -> PolicyRequest {
        PolicyRequest {
            device: self.device,
            device_index: self.device_index,
            precision: self.precision,
            threads: self.threads,
            memory_cap: self.memory_cap,
            deterministic: self.deterministic,
            engine: self.engine,
            take_turns: self.take_turns,
            compiled_graph: self.compiled_graph,
            channels_last: self.channels_last,
            tf32: self.tf32,
            benchmark: self.benchmark,
            memory_fraction: self.memory_fraction,
            empty_cache_every: self.empty_cache_every.and_then(|batches| batches.try_into().ok()),
        }
    }
}

/// Device, precision, threads and log of everything made from it.
pub struct Context {
    probe: Probe,
    policy: Policy,
    engine: Box<dyn Engine>,
    /// libtorch's engine on the same device, made when it is needed beside `engine`.
    torch_engine: OnceBox<TorchEngine>,
    libtorch_dir: Option<PathBuf>,
    /// The report of the GPU's runtime, if a GPU was selected.
    gpu_report: Option<GpuReport>,
    environment: Environment,
    seed: u64,
    logger: Logger,
}

impl std::fmt::Debug for Context {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Context").field("policy", &self.policy).finish_non_exhaustive()
    }
}

impl Context {
    /// Probes the hardware and makes all decisions. libtorch is loaded only if a GPU may be used or the request needs
    /// it.
    pub fn new(options: ContextOptions) -> Result<Arc<Self>> {
        options.check_ranges()?;
        let request = options.request();
        request.check()?;
        if let Some(directory) = &options.libtorch_dir {
            check_directory(directory)?;
        }
        let probe = Probe::read(options.hardware_root.as_deref().unwrap_or(Path::new("/")));
        let DeviceSearch { plan, attempts, environment } = DeviceSearch::find(&probe, &request, &options)?;
        let policy = decide(&probe, &plan, &attempts, &request)?;
        let gpu_tried = !attempts.is_empty();
        let gpu_report = attempts.into_iter().find_map(|attempt| attempt.outcome.ok());
        let logger = Logger::new(options.log, options.log_level);
        let settings = torch_settings(&policy, gpu_report.is_some());
        let directory = options.libtorch_dir.as_deref();
        let engine: Box<dyn Engine> = if policy.engine.value == EngineName::Torch {
            Box::new(TorchEngine::new(&TorchLibrary::open(directory)?, &settings)?)
        } else {
            Box::new(CpuEngine::new(CpuSettings {
                engine: policy.engine.value,
                int8: policy.int8.value,
                threads: policy.threads.value,
                concurrent_threads: policy.concurrent_threads.value,
                logger: logger.clone(),
            }))
        };
        let context = Context {
            probe,
            policy,
            engine,
            torch_engine: OnceBox::new(),
            libtorch_dir: options.libtorch_dir,
            gpu_report,
            environment,
            seed: options.seed,
            logger,
        };
        context.log_device(gpu_tried);
        Ok(Arc::new(context))
    }

    /// Logs the device, and warnings.
    fn log_device(&self, gpu_tried: bool) {
        let others = TorchLibrary::loaded().map(|library| library.information().others.clone()).unwrap_or_default();
        for other in others {
            let message = format!(
                "another plugin brought a second libtorch into this process ({}): both may take each other's functions; \
                 have them use one",
                other.display()
            );
            self.log(LogLevel::Warning, &message);
        }
        let Decision { value: device, reason } = &self.policy.device;
        // A GPU that does not work is worth a warning.
        let level = if gpu_tried && self.gpu_report.is_none() { LogLevel::Warning } else { LogLevel::Info };
        self.log(level, &format!("device {device}: {reason}; {} threads", self.policy.threads.value));
    }

    /// What was decided.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The engine for inference.
    pub fn engine(&self) -> &dyn Engine {
        &*self.engine
    }

    /// libtorch's engine on the context's device; loads libtorch if needed.
    pub(crate) fn torch_engine(&self) -> Result<&TorchEngine> {
        self.torch_engine.get_or_try_init(|| {
            TorchEngine::new(&self.torch_library()?, &torch_settings(&self.policy, self.is_gpu())).map(Box::new)
        })
    }

    /// The library with libtorch, loaded if needed.
    pub(crate) fn torch_library(&self) -> Result<Arc<TorchLibrary>> {
        TorchLibrary::open(self.libtorch_dir.as_deref())
    }

    /// Seed for calls that have none.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Whether it computes on a GPU.
    pub fn is_gpu(&self) -> bool {
        self.gpu_report.is_some()
    }

    /// Vendor of the GPU that it computes on; none on the CPU.
    pub fn vendor(&self) -> Option<Vendor> {
        self.gpu_report.as_ref().map(|gpu_report| gpu_report.vendor)
    }

    /// The most images of this size in an inference batch that fit into the GPU's memory.
    pub fn max_images(&self, width: usize, height: usize) -> usize {
        match self.is_gpu() {
            true => Footprint::inference(self.policy.precision.value)
                .batch(self.policy.memory_bytes.value, usize::MAX, width, height)
                .max(1),
            false => usize::MAX,
        }
    }

    /// The engine's memory on the GPU; none on CPU.
    pub fn gpu_memory(&self) -> Option<GpuMemory> {
        self.engine.gpu_memory()
    }

    /// Passes a message to the logger.
    pub fn log(&self, level: LogLevel, message: &str) {
        self.logger.log(level, message);
    }

    /// `schema`, `library`, `abi`, `libtorch` (null if it is not loaded): the first fields of every JSON document.
    pub fn identity(&self, schema: &str, version: u32) -> Map<String, Value> {
        let libtorch = TorchLibrary::loaded().map(|library| library.information().version.clone());
        let mut fields = Map::new();
        fields.insert("schema".into(), json!({ "name": schema, "version": version }));
        fields.insert("library".into(), json!(env!("CARGO_PKG_VERSION")));
        fields.insert("abi".into(), json!(crate::ABI_VERSION));
        fields.insert("libtorch".into(), json!(libtorch));
        fields
    }

    /// Hardware, versions, policy with reasons, environment.
    pub fn describe(&self) -> Value {
        let information = TorchLibrary::loaded().map(|library| library.information().clone());
        let mut fields = self.identity("lesionlens.context", 1);
        let directory = information.as_ref().and_then(|found| found.directory.clone());
        fields.insert("libtorch_directory".into(), json!(directory));
        fields.insert("other_libtorches".into(), json!(information.map(|found| found.others).unwrap_or_default()));
        fields.insert("hardware".into(), json!(self.probe));
        fields.insert("gpu_runtime".into(), json!(self.gpu_report));
        fields.insert("policy".into(), json!(self.policy));
        fields.insert("environment".into(), json!(self.environment));
        fields.insert("seed".into(), json!(self.seed));
        Value::Object(fields)
    }
}

/// Fails for a directory without libtorch, before anything is loaded.
fn check_directory(directory: &Path) -> Result<()> {
    let library = directory.join("libtorch_cpu.so");
    match library.metadata() {
        Ok(_) => Ok(()),
        Err(error) => Err(Error::io("find libtorch_cpu.so in libtorch_dir:", &library, &error)),
    }
}

fn torch_settings(policy: &Policy, is_gpu: bool) -> TorchSettings {
    TorchSettings {
        threads: policy.threads.value,
        gpu: is_gpu.then_some(policy.device_index.value as usize),
        precision: policy.precision.value,
        channels_last: policy.channels_last.value,
        tf32: policy.tf32.value,
        benchmark: policy.benchmark.value,
        deterministic: policy.deterministic.value,
        take_turns: policy.take_turns.value,
    }
}

/// The devices that were tried.
struct DeviceSearch {
    plan: DevicePlan,
    attempts: Vec<Attempt>,
    environment: Environment,
}

impl DeviceSearch {
    fn find(probe: &Probe, request: &PolicyRequest, options: &ContextOptions) -> Result<Self> {
        let inputs = |vendor: Option<Vendor>| EnvironmentInputs {
            vendor,
            probe,
            channels_last: request.channels_last.unwrap_or(true),
            memory_fraction: request
                .memory_fraction
                .unwrap_or_else(|| vendor.map_or(1.0, |vendor| automatic_fraction(vendor).value)),
        };
        let prepare =
            |vendor, library: Option<&TorchLibrary>| prepare_environment(options.rocm_tuning, inputs(vendor), library);
        let on_cpu = |plan, attempts| Ok(DeviceSearch { plan, attempts, environment: prepare(None, None)? });
        let Some(need) = torch_need(probe, request) else {
            return on_cpu(plan_device(probe, request, &[]), Vec::new());
        };
        let library = match (TorchLibrary::open(options.libtorch_dir.as_deref()), need, request.device) {
            (Ok(library), _, _) => library,
            (Err(error), _, DeviceRequest::Cuda | DeviceRequest::Rocm) => {
                let plan = plan_device(probe, request, &[]);
                let outcome = |vendor| Attempt { vendor, outcome: Err(error.message().to_string()) };
                let attempts = plan.attempts.iter().copied().map(outcome).collect();
                return on_cpu(plan, attempts);
            }
            (Err(error), TorchNeed::Useful(why), _) => {
                let skip_reasons = vec![format!("{why}, but {}", error.message())];
                return on_cpu(DevicePlan { attempts: Vec::new(), skip_reasons }, Vec::new());
            }
            (Err(error), TorchNeed::Required(why), _) => return Err(error.prefixed(&why)),
        };
        let available = &library.information().available;
        let plan = plan_device(probe, request, available);
        let mut environment = None;
        let mut attempts = Vec::new();
        for vendor in plan.attempts.iter().copied() {
            if available.contains(&vendor) {
                // Before the GPU's library is loaded, which is when its runtime reads them.
                environment = Some(prepare(Some(vendor), Some(&library))?);
            }
            let outcome = library.open_gpu(vendor, request.device_index).map_err(|error| error.message().to_string());
            let works = outcome.is_ok();
            attempts.push(Attempt { vendor, outcome });
            if works {
                break;
            }
        }
        let environment = environment.map_or_else(|| prepare(None, None), Ok)?;
        Ok(DeviceSearch { plan, attempts, environment })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lens_base::ErrorKind;

    #[test]
    fn decisions_have_reasons_and_cpu_needs_no_libtorch() {
        let options = ContextOptions { device: DeviceRequest::Cpu, ..ContextOptions::default() };
        let context = Context::new(options).unwrap();
        let description = context.describe();
        for (name, decision) in description["policy"].as_object().unwrap() {
            assert!(!decision["reason"].as_str().unwrap().is_empty(), "{name}");
        }
        assert_eq!(description["libtorch"], Value::Null);
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        assert!(!maps.contains("libtorch"), "{maps}");
    }

    #[test]
    fn options_out_of_range() {
        for (options, says) in [
            (ContextOptions { threads: 5000, ..ContextOptions::default() }, "threads is 5000"),
            (ContextOptions { device_index: -4, ..ContextOptions::default() }, "device_index is -4"),
            (ContextOptions { memory_fraction: Some(1.5), ..ContextOptions::default() }, "memory_fraction is 1.5"),
            (ContextOptions { memory_fraction: Some(f64::NAN), ..ContextOptions::default() }, "memory_fraction is NaN"),
            (ContextOptions { empty_cache_every: Some(-2), ..ContextOptions::default() }, "empty_cache_every is -2"),
        ] {
            let error = Context::new(options).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Argument);
            assert!(error.message().contains(says), "{error}");
        }
    }

    #[test]
    fn a_directory_without_libtorch_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let options =
            ContextOptions { libtorch_dir: Some(directory.path().to_path_buf()), ..ContextOptions::default() };
        assert_eq!(Context::new(options).unwrap_err().kind(), ErrorKind::Io);
    }
}
