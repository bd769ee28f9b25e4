//! What there is: engine, models, series, and how heatmaps can be made.

use super::descriptions::{colormaps, methods, options};
use super::json;
use super::uploads::MOST_BYTES;
use super::viewer::Viewer;
use axum::extract::State;
use axum::response::Response;
use lens_runtime::Context;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// How long an answer waits for the files that are still being read.
const PATIENCE: Duration = Duration::from_secs(2);

/// `GET api/state`
pub async fn state(State(viewer): State<Arc<Viewer>>) -> Response {
    let mut is_read = viewer.catalogue.is_read();
    // What is not read by then is said to be.
    let _ = tokio::time::timeout(PATIENCE, is_read.wait_for(|is_read| *is_read)).await;
    let reading = viewer.catalogue.reading();
    let series: Vec<Value> = {
        let contents = viewer.catalogue.contents();
        contents.all().map(|series| series.describe(&contents)).collect()
    };
    json::answer(&json!({
        "version": env!("CARGO_PKG_VERSION"),
        "engine": engine(&viewer.context),
        "models": viewer.models.all().iter().map(|model| model.describe()).collect::<Vec<Value>>(),
        "offered_model": viewer.models.offered(),
        "series": series,
        "reading": reading,
        "methods": methods(),
        "colormaps": colormaps(),
        "options": options(),
        "marks_directory": viewer.marks.directory(),
        "upload_bytes": MOST_BYTES,
    }))
}

/// "plan-avx512, 2 threads, AMD EPYC"
fn engine(context: &Context) -> String {
    let description = context.describe();
    let decided = |name: &str| description["policy"][name]["value"].clone();
    let text = |value: &Value| value.as_str().map(str::to_string);
    let device = if context.is_gpu() {
        text(&description["gpu_runtime"]["name"]).or_else(|| text(&decided("device")))
    } else {
        let threads = decided("threads").as_u64().unwrap_or(1);
        let plural = if threads == 1 { "" } else { "s" };
        Some(format!(
            "{threads} thread{plural}, {}",
            text(&description["hardware"]["cpu"]["model"]).unwrap_or_default()
        ))
    };
    let parts = [text(&decided("engine")), device].into_iter().flatten();
    parts.collect::<Vec<_>>().join(", ").trim_end_matches(", ").to_string()
}
