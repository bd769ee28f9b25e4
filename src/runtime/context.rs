//! A set-up library.

use super::backend::Backend;
use super::policy::{DeviceRequest, EngineRequest, Policy, PolicyRequest, PrecisionRequest, RocmTuning, decide};
use super::pool::Pool;
use super::probe::Probe;
use super::rocm::{Environment, plan_environment};
use super::torch;
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
    environment: Environment,
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
        let probe = Probe::read(Path::new("/"));
        let policy = decide(
            &probe,
            &PolicyRequest {
                device: options.device,
                device_index: options.device_index,
                precision: options.precision,
                threads: options.threads,
                memory_cap: options.memory_cap,
                deterministic: options.deterministic,
                engine: options.engine,
            },
        )?;
        let environment = plan_environment(options.rocm_tuning, policy.device.value, |name| std::env::var(name).ok());
        let backend = Backend::find(options.libtorch_dir.as_deref())?;
        let context = Context {
            probe,
            policy,
            backend,
            environment,
            seed: options.seed,
            log: options.log,
            log_level: options.log_level,
            pool: OnceCell::new(),
        };
        context.enter();
        let policy = &context.policy;
        context.log(
            LogLevel::Info,
            &format!("device {}: {}; {} threads", policy.device.value, policy.device.reason, policy.threads.value),
        );
        Ok(Arc::new(context))
    }

    /// What was decided.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Seed of what has none of its own.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Where tensors live.
    pub fn device(&self) -> Device {
        Device::Cpu
    }

    /// Element type of weights and inputs.
    pub fn kind(&self) -> Kind {
        Kind::Float
    }

    /// To be called by each thread that is about to compute.
    pub fn enter(&self) {
        torch::use_threads(self.policy.threads.value);
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
        fields.insert("hardware".into(), json!(self.probe));
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
