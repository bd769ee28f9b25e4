//! A set-up library.

use super::backend::{Backend, Reported};
use super::footprint::Footprint;
use super::gpu_state::{self, GpuMemory, GpuSettings};
use super::policy::{
    Attempt, Choice, DeviceRequest, EngineRequest, Policy, PolicyRequest, PrecisionRequest, RocmTuning,
    automatic_fraction, decide, plan_device,
};
use super::pool::Pool;
use super::probe::{Probe, Vendor};
use super::rocm::{Environment, Surroundings, prepare_environment};
use super::torch;
use super::turns::{Turn, Turns};
use crate::error::Result;
use once_cell::sync::OnceCell;
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tch::{Device, Kind};

/// How important a log message is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// Nothing works without attention.
    Error,
    /// Something is not as asked for.
    #[default]
    Warning,
    /// What was chosen and done.
    Info,
    /// Details.
    Debug,
}

/// Receives log messages.
pub type Log = Box<dyn Fn(LogLevel, &str) + Send + Sync>;

/// What a context is made from.
#[derive(Default)]
pub struct ContextOptions {
    /// Device.
    pub device: DeviceRequest,
    /// Which of several.
    pub device_index: i32,
    /// Arithmetic.
    pub precision: PrecisionRequest,
    /// The directory that libtorch must have been loaded from.
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
    /// What computes the network when it classifies.
    pub engine: EngineRequest,
}

/// Device, precision, threads and log of everything made from it.
pub struct Context {
    probe: Probe,
    policy: Policy,
    backend: Backend,
    /// What the runtime of the GPU half said, when one was chosen.
    reported: Option<Reported>,
    environment: Environment,
    turns: Turns,
    seed: u64,
    log: Option<Log>,
    log_level: LogLevel,
    pool: OnceCell<Pool>,
}

impl std::fmt::Debug for Context {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Context").field("policy", &self.policy).finish_non_exhaustive()
    }
}

impl Context {
    /// Finds out what machine this is and decides how to use it.
    pub fn new(options: ContextOptions) -> Result<Arc<Self>> {
        let request = PolicyRequest {
            device: options.device,
            device_index: options.device_index,
            precision: options.precision,
            threads: options.threads,
            memory_cap: options.memory_cap,
            deterministic: options.deterministic,
            engine: options.engine,
            take_turns: options.take_turns,
            compiled_graph: options.compiled_graph,
            channels_last: options.channels_last,
            tf32: options.tf32,
            benchmark: options.benchmark,
            memory_fraction: options.memory_fraction,
            empty_cache_every: options.empty_cache_every,
        };
        request.check()?;
        let probe = Probe::read(options.hardware_root.as_deref().unwrap_or(Path::new("/")));
        let backend = Backend::find(options.libtorch_dir.as_deref())?;
        let available = backend.available();
        let plan = plan_device(&probe, &request, &available);
        let surroundings = |vendor: Option<Vendor>| Surroundings {
            vendor,
            probe: &probe,
            channels_last: request.channels_last.unwrap_or(true),
            memory_fraction: request
                .memory_fraction
                .unwrap_or_else(|| vendor.map_or(1.0, |vendor| automatic_fraction(vendor).value)),
        };
        let mut environment = None;
        let mut attempts = Vec::new();
        for vendor in plan.attempts.iter().copied() {
            if available.contains(&vendor) {
                // Before the half is loaded, which is when its runtime reads them.
                environment = Some(prepare_environment(options.rocm_tuning, surroundings(Some(vendor))));
            }
            let outcome = backend.open(vendor, request.device_index);
            let works = outcome.is_ok();
            attempts.push(Attempt { vendor, outcome });
            if works {
                break;
            }
        }
        let environment = environment.unwrap_or_else(|| prepare_environment(options.rocm_tuning, surroundings(None)));
        let policy = decide(&probe, &plan, &attempts, &request)?;
        let tried = !attempts.is_empty();
        let reported = attempts.into_iter().find_map(|attempt| attempt.outcome.ok());
        let context = Context {
            probe,
            turns: Turns::new(policy.take_turns.value),
            policy,
            backend,
            reported,
            environment,
            seed: options.seed,
            log: options.log,
            log_level: options.log_level,
            pool: OnceCell::new(),
        };
        context.enter();
        context.log_beginning(tried);
        Ok(Arc::new(context))
    }

    /// Tells the host what it got, and loudly what it may not have meant.
    fn log_beginning(&self, tried: bool) {
        let policy = &self.policy;
        for other in &self.backend.others {
            self.log(
                LogLevel::Warning,
                &format!(
                    "another plugin brought a second libtorch into this process ({}): both may take each other's \
                     functions; have them use one",
                    other.display()
                ),
            );
        }
        let Choice { value: device, reason } = &policy.device;
        // A GPU that does not work is worth more than a note.
        let in_vain = tried && self.reported.is_none();
        self.log(
            if in_vain { LogLevel::Warning } else { LogLevel::Info },
            &format!("device {device}: {reason}; {} threads", policy.threads.value),
        );
    }

    /// What was decided.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Seed of what has none of its own.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Who made the GPU that it computes on; none on the CPU.
    pub fn vendor(&self) -> Option<Vendor> {
        [Vendor::Nvidia, Vendor::Amd].into_iter().find(|vendor| vendor.device_name() == self.policy.device.value)
    }

    /// Where tensors live.
    pub fn device(&self) -> Device {
        match &self.reported {
            Some(_) => Device::Cuda(self.policy.device_index.value as usize),
            None => Device::Cpu,
        }
    }

    /// Element type of weights and inputs.
    pub fn kind(&self) -> Kind {
        Kind::Float
    }

    /// To be called by each thread that is about to compute.
    pub fn enter(&self) {
        torch::use_threads(self.policy.threads.value);
        if self.reported.is_some() {
            let Policy { tf32, benchmark, deterministic, .. } = &self.policy;
            let settings =
                GpuSettings { tf32: tf32.value, benchmark: benchmark.value, deterministic: deterministic.value };
            if let Err(error) = settings.apply() {
                self.log(LogLevel::Warning, &format!("cannot set how the GPU computes: {error}"));
            }
        }
    }

    /// To be held while a batch is computed: where calls take turns, waits for this one's.
    pub fn turn(&self) -> Turn<'_> {
        self.turns.wait()
    }

    /// How many images of this size go through the network at once in classifying, as far as the GPU's memory decides
    /// it.
    pub fn most_images(&self, width: usize, height: usize) -> usize {
        match &self.reported {
            Some(_) => Footprint::inference(self.policy.precision.value)
                .batch(self.policy.memory_bytes.value, usize::MAX, width, height)
                .max(1),
            None => usize::MAX,
        }
    }

    /// Gives memory that no tensor uses back to the GPU; nothing on CPU.
    pub fn empty_cache(&self) {
        if self.reported.is_some()
            && let Err(error) = gpu_state::empty_cache()
        {
            self.log(LogLevel::Warning, &format!("cannot give GPU memory back: {error}"));
        }
    }

    /// libtorch's memory on the GPU; none on CPU.
    pub fn gpu_memory(&self) -> Option<GpuMemory> {
        self.reported.as_ref()?;
        GpuMemory::of(self.policy.device_index.value as usize).ok()
    }

    /// Threads that its calls share, beside libtorch's; started when they are needed first.
    pub fn pool(&self) -> &Pool {
        let threads = self.policy.threads.value;
        self.pool.get_or_init(|| Pool::new(threads, self.policy.concurrent_threads.value))
    }

    /// Tells the host.
    pub fn log(&self, level: LogLevel, message: &str) {
        if let Some(log) = &self.log
            && level <= self.log_level
        {
            log(level, message);
        }
    }

    /// `schema`, `library`, `abi`, `libtorch`: how every JSON document begins.
    pub fn identity(&self, schema: &str, version: u32) -> Map<String, Value> {
        let mut fields = Map::new();
        fields.insert("schema".into(), json!({ "name": schema, "version": version }));
        fields.insert("library".into(), json!(env!("CARGO_PKG_VERSION")));
        fields.insert("abi".into(), json!(crate::ABI_VERSION));
        fields.insert("libtorch".into(), json!(self.backend.version));
        fields
    }

    /// Hardware, versions, policy with reasons, environment.
    pub fn describe(&self) -> Value {
        let mut fields = self.identity("lesionlens.context", 1);
        fields.insert("libtorch_directory".into(), json!(self.backend.directory));
        fields.insert("other_libtorches".into(), json!(self.backend.others));
        fields.insert("hardware".into(), json!(self.probe));
        fields.insert("gpu_runtime".into(), json!(self.reported));
        fields.insert("policy".into(), json!(self.policy));
        fields.insert("environment".into(), json!(self.environment));
        fields.insert("seed".into(), json!(self.seed));
        Value::Object(fields)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use parking_lot::Mutex;

    #[test]
    fn messages_above_the_level_are_held_back() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&seen);
        let context = Context::new(ContextOptions {
            log: Some(Box::new(move |_, message| sink.lock().push(message.to_string()))),
            log_level: LogLevel::Warning,
            ..ContextOptions::default()
        })
        .unwrap();
        context.log(LogLevel::Info, "not this");
        context.log(LogLevel::Error, "this");
        assert_eq!(*seen.lock(), ["this"]);
    }

    #[test]
    fn every_choice_has_a_reason() {
        let context = Context::new(ContextOptions::default()).unwrap();
        let description = context.describe();
        for (name, choice) in description["policy"].as_object().unwrap() {
            assert!(!choice["reason"].as_str().unwrap().is_empty(), "{name}");
        }
        assert_eq!(description["libtorch"], "2.13.0");
    }
}
