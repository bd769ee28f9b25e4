//! Files of a run's directory.

use super::checkpoint::{CHECKPOINT_NAME, RunDirectory, RunState};
use super::curves::draw;
use super::options::SelectBy;
use lens_base::{Result, write_atomically};
use lens_images::write_png;
use lens_runtime::{Classifier, FileFormat};
use lens_system::peak_memory_bytes;
use serde_json::json;
use std::io::Write;

const BEST_NAME: &str = "best.safetensors";
const RECORD_NAME: &str = "run.json";
const CURVES_NAME: &str = "curves.png";

/// What a run writes into its directory.
pub const RUN_NAMES: [&str; 4] = [CHECKPOINT_NAME, BEST_NAME, RECORD_NAME, CURVES_NAME];

/// The best model so far.
pub fn write_best(directory: &RunDirectory, model: &Classifier) -> Result<()> {
    model.save(&directory.file(BEST_NAME), FileFormat::Safetensors)
}

/// The record, with what is known of the machine beside it.
pub fn write_record(directory: &RunDirectory, model: &Classifier) -> Result<()> {
    let mut record = model.describe()["training"].take();
    let machine = model.context().describe();
    for name in ["hardware", "policy", "environment"] {
        record[name] = machine[name].clone();
    }
    record["peak_memory_bytes"] = json!(peak_memory_bytes());
    record["peak_gpu_memory_bytes"] = json!(model.context().gpu_memory().map(|memory| memory.allocated_peak));
    write_atomically(&directory.file(RECORD_NAME), |file| {
        serde_json::to_writer_pretty(&mut *file, &record)?;
        file.write_all(b"\n")
    })
}

/// Draws the run so far.
pub fn write_curves(directory: &RunDirectory, state: &RunState, select_by: SelectBy) -> Result<()> {
    let chart = draw(&state.epochs, state.best_epoch.unwrap_or(0), select_by)?;
    write_png(&directory.file(CURVES_NAME), &chart.view()?)
}
