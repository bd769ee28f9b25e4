//! Common fields of reports.

use super::context::Context;
use lens_engine::EngineName;
use serde_json::{Map, Value, json};
use std::time::{Instant, SystemTime};

/// Collects the fields that all JSON reports carry.
pub struct RunReport {
    started: SystemTime,
    clock: Instant,
}

impl RunReport {
    /// Starts the clock.
    pub fn begin() -> Self {
        RunReport { started: SystemTime::now(), clock: Instant::now() }
    }

    /// Seconds since `begin`.
    pub fn seconds(&self) -> f64 {
        self.clock.elapsed().as_secs_f64()
    }

    /// `schema`, `library`, `abi`, `libtorch`, `device`, `precision`, `engine`, `model_sha256`, `started`, `seconds`.
    pub fn header(
        &self,
        schema: &str,
        version: u32,
        context: &Context,
        model_sha256: &str,
        engine: EngineName,
    ) -> Map<String, Value> {
        let mut fields = context.identity(schema, version);
        fields.insert("device".into(), json!(context.policy().device.value));
        fields.insert("precision".into(), json!(context.policy().precision.value));
        fields.insert("engine".into(), json!(engine));
        fields.insert("model_sha256".into(), json!(model_sha256));
        fields.insert("started".into(), json!(humantime::format_rfc3339_seconds(self.started).to_string()));
        fields.insert("seconds".into(), json!(self.seconds()));
        fields
    }
}
