//! A set-up library.

use super::environment::prepare_environment;
use super::torch::{TorchEngine, TorchLibrary};
use lens_base::{Error, Log, LogLevel, Logger, Result};
use lens_cpu::{CpuEngine, CpuSettings};
use lens_engine::policy::{
    Attempt, Choice, DevicePlan, DeviceRequest, EngineRequest, Policy, PolicyRequest, PrecisionRequest, RocmTuning,
    TorchNeed, automatic_fraction, decide, plan_device, torch_need,
};
use lens_engine::rocm::{Environment, Surroundings};
use lens_engine::torch_table::TorchSettings;
use lens_engine::{Engine, EngineName, Footprint, GpuMemory, Reported};
use lens_system::probe::{Probe, Vendor};
use once_cell::sync::OnceCell;
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What a context is made from.
#[derive(Default)]
pub struct ContextOptions {
    /// Device.
    pub device: DeviceRequest,
    /// Which of several.
    pub device_index: i32,
    /// Arithmetic.
    pub precision: PrecisionRequest,
    /// Where libtorch and the library that uses it are looked for first.
    pub libtorch_dir: Option<PathBuf>,
    /// CPU threads; 0: automatic.
    pub threads: u32,
    /// Environment of the AMD runtime.
    pub rocm_tuning: RocmTuning,
    /// Bytes that may be used to save time; 0: automatic.
    pub memory_cap: u64,
    /// Whether the same call must give the same bits.
    pub deterministic: bool,
    /// Whether activations lie pixel by pixel; `None`, here and below: automatic.
    pub channels_last: Option<bool>,
    /// Whether f32 products on NVIDIA may round to TF32.
    pub tf32: Option<bool>,
    /// Whether convolution algorithms are timed on GPUs.
    pub benchmark: Option<bool>,
    /// Share of the GPU's memory that the process may take.
    pub memory_fraction: Option<f64>,
    /// Batches of training between giving GPU memory back; 0: never.
    pub empty_cache_every: Option<u32>,
    /// Whether the compiled network of a model's file is run.
    pub compiled_graph: Option<bool>,
    /// Whether calls from several threads compute in turns.
    pub take_turns: Option<bool>,
    /// Where /proc and /sys are read; `None`: "/". For tests.
    pub hardware_root: Option<PathBuf>,
    /// Seed of what has none of its own.
    pub seed: u64,
    /// Receives log messages.
    pub log: Option<Log>,
    /// Up to which level.
    pub log_level: LogLevel,
    /// What computes the network.
    pub engine: EngineRequest,
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
            empty_cache_every: self.empty_cache_every,
        }
    }
}

/// Device, precision, threads and log of everything made from it.
pub struct Context {
    probe: Probe,
    policy: Policy,
    engine: Box<dyn Engine>,
    /// libtorch's engine on the same device, made when something else than computing from weights needs it.
    torch_engine: OnceCell<TorchEngine>,
    libtorch_dir: Option<PathBuf>,
    /// What the runtime of the GPU said, when one was chosen.
    reported: Option<Reported>,
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
    /// Finds out what machine this is and decides how to use it. libtorch is loaded only when a GPU may be used or something
    /// was asked for that it alone computes.
    pub fn new(options: ContextOptions) -> Result<Arc<Self>> {
        let request = options.request();
        request.check()?;
        if let Some(directory) = &options.libtorch_dir {
            check_directory(directory)?;
        }
        let probe = Probe::read(options.hardware_root.as_deref().unwrap_or(Path::new("/")));
        let Devices { plan, attempts, environment } = Devices::find(&probe, &request, &options)?;
        let policy = decide(&probe, &plan, &attempts, &request)?;
        let tried = !attempts.is_empty();
        let reported = attempts.into_iter().find_map(|attempt| attempt.outcome.ok());
        let logger = Logger::new(options.log, options.log_level);
        let settings = torch_settings(&policy, reported.is_some());
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
            torch_engine: OnceCell::new(),
            libtorch_dir: options.libtorch_dir,
            reported,
            environment,
            seed: options.seed,
            logger,
        };
        context.log_beginning(tried);
        Ok(Arc::new(context))
    }

    /// Tells the host what it got, and loudly what it may not have meant.
    fn log_beginning(&self, tried: bool) {
        let others = TorchLibrary::loaded().map(|library| library.information().others.clone()).unwrap_or_default();
        for other in others {
            let message = format!(
                "another plugin brought a second libtorch into this process ({}): both may take each other's functions; \
                 have them use one",
                other.display()
            );
            self.log(LogLevel::Warning, &message);
        }
        let Choice { value: device, reason } = &self.policy.device;
        // A GPU that does not work is worth more than a note.
        let level = if tried && self.reported.is_none() { LogLevel::Warning } else { LogLevel::Info };
        self.log(level, &format!("device {device}: {reason}; {} threads", self.policy.threads.value));
    }

    /// What was decided.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// What computes networks from their weights.
    pub fn engine(&self) -> &dyn Engine {
        &*self.engine
    }

    /// libtorch's engine on the context's device; loads libtorch when that was not done yet.
    pub(crate) fn torch_engine(&self) -> Result<&TorchEngine> {
        self.torch_engine
            .get_or_try_init(|| TorchEngine::new(&self.torch_library()?, &torch_settings(&self.policy, self.is_gpu())))
    }

    /// The library with libtorch, loaded when that was not done yet.
    pub(crate) fn torch_library(&self) -> Result<Arc<TorchLibrary>> {
        TorchLibrary::open(self.libtorch_dir.as_deref())
    }

    /// Seed of what has none of its own.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Whether it computes on a GPU.
    pub fn is_gpu(&self) -> bool {
        self.reported.is_some()
    }

    /// Who made the GPU that it computes on; none on the CPU.
    pub fn vendor(&self) -> Option<Vendor> {
        self.reported.as_ref().map(|reported| reported.vendor)
    }

    /// How many images of this size go through the network at once in classifying, as far as the GPU's memory decides
    /// it.
    pub fn most_images(&self, width: usize, height: usize) -> usize {
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

    /// Tells the host.
    pub fn log(&self, level: LogLevel, message: &str) {
        self.logger.log(level, message);
    }

    /// `schema`, `library`, `abi`, `libtorch` (null where it is not loaded): how every JSON document begins.
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
        fields.insert("gpu_runtime".into(), json!(self.reported));
        fields.insert("policy".into(), json!(self.policy));
        fields.insert("environment".into(), json!(self.environment));
        fields.insert("seed".into(), json!(self.seed));
        Value::Object(fields)
    }
}

/// Refuses a directory without libtorch before anything is loaded.
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

/// What came of looking for devices.
struct Devices {
    plan: DevicePlan,
    attempts: Vec<Attempt>,
    environment: Environment,
}

impl Devices {
    fn find(probe: &Probe, request: &PolicyRequest, options: &ContextOptions) -> Result<Self> {
        let surroundings = |vendor: Option<Vendor>| Surroundings {
            vendor,
            probe,
            channels_last: request.channels_last.unwrap_or(true),
            memory_fraction: request
                .memory_fraction
                .unwrap_or_else(|| vendor.map_or(1.0, |vendor| automatic_fraction(vendor).value)),
        };
        let prepare = |vendor, library: Option<&TorchLibrary>| {
            prepare_environment(options.rocm_tuning, surroundings(vendor), library)
        };
        let on_cpu = |plan, attempts| Ok(Devices { plan, attempts, environment: prepare(None, None)? });
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
                let passed_over = vec![format!("{why}, but {}", error.message())];
                return on_cpu(DevicePlan { attempts: Vec::new(), passed_over }, Vec::new());
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
        Ok(Devices { plan, attempts, environment })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lens_base::ErrorKind;

    #[test]
    fn every_choice_has_a_reason_and_the_cpu_needs_no_libtorch() {
        let options = ContextOptions { device: DeviceRequest::Cpu, ..ContextOptions::default() };
        let context = Context::new(options).unwrap();
        let description = context.describe();
        for (name, choice) in description["policy"].as_object().unwrap() {
            assert!(!choice["reason"].as_str().unwrap().is_empty(), "{name}");
        }
        assert_eq!(description["libtorch"], Value::Null);
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        assert!(!maps.contains("libtorch"), "{maps}");
    }

    #[test]
    fn a_directory_without_libtorch_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let options =
            ContextOptions { libtorch_dir: Some(directory.path().to_path_buf()), ..ContextOptions::default() };
        assert_eq!(Context::new(options).unwrap_err().kind(), ErrorKind::Io);
    }
}
