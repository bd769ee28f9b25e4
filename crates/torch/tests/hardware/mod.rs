//! Helpers of the tests of loading. Each is a program of its own: what a process has loaded stays loaded.
#![allow(dead_code, reason = "every test program uses a part")]

#[path = "../../../system/machines/mod.rs"]
mod machines;

use lens_base::LogLevel;
use lens_engine::policy::{DeviceRequest, EngineRequest};
use lens_runtime::{Context, ContextOptions};
pub use machines::files_of;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

/// Compiles C into a shared library.
pub fn shared_library(path: &Path, source: &str) {
    let file = path.with_extension("c");
    fs::write(&file, source).unwrap();
    let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".into());
    let mut command = Command::new(compiler);
    command.args(["-shared", "-fPIC", "-o"]).arg(path).arg(&file);
    assert!(command.status().unwrap().success(), "{command:?}");
}

/// Messages that a context logs.
#[derive(Clone, Default)]
pub struct Messages(Arc<Mutex<Vec<(LogLevel, String)>>>);

impl Messages {
    pub fn options(&self, device: DeviceRequest) -> ContextOptions {
        let messages = Arc::clone(&self.0);
        ContextOptions {
            device,
            log: Some(Box::new(move |level, message| messages.lock().unwrap().push((level, message.into())))),
            log_level: LogLevel::Debug,
            ..ContextOptions::default()
        }
    }

    /// Whether there is a warning with this text.
    pub fn warn_of(&self, part: &str) -> bool {
        self.0.lock().unwrap().iter().any(|(level, message)| *level == LogLevel::Warning && message.contains(part))
    }
}

/// Directory of the loaded libtorch, which is loaded if needed.
pub fn libtorch() -> PathBuf {
    let (device, engine) = (DeviceRequest::Cpu, EngineRequest::Torch);
    let context = Context::new(ContextOptions { device, engine, ..ContextOptions::default() }).unwrap();
    context.describe()["libtorch_directory"].as_str().unwrap().into()
}
