//! `evaluate`: how well a model does on labelled images.

use super::train::open;
use crate::arguments::{self, given_path, is_given, model, path, switch};
use crate::files::{Inputs, files_of};
use crate::output::csv;
use crate::output::json::{self, count};
use crate::output::text::Figures;
use crate::program::Failure;
use crate::progress::Progress;
use crate::setting::Setting;
use clap::{ArgMatches, Command};
use lens_base::Error;
use lens_images::DatasetOptions;
use lens_tasks::evaluate::{EvaluateOptions, REPORT_NAMES, evaluate};
use lens_tasks::heatmap::{Edge, HeatmapOptions};
use serde_json::Value;
use std::fmt::Write;
use std::path::Path;

const METRICS: [(&str, &str); 13] = [
    ("accuracy", "accuracy"),
    ("balanced accuracy", "balanced_accuracy"),
    ("sensitivity", "sensitivity"),
    ("specificity", "specificity"),
    ("PPV", "ppv"),
    ("NPV", "npv"),
    ("F1", "f1"),
    ("MCC", "mcc"),
    ("ROC AUC", "roc_auc"),
    ("PR AUC", "pr_auc"),
    ("Brier score", "brier"),
    ("log loss", "log_loss"),
    ("ECE", "ece"),
];

/// Columns of a table of the images.
const COLUMNS: [&str; 7] = ["id", "path", "label", "predicted", "probability", "logit", "confidence"];

/// The reference pipeline's environment variables, and the options that they set unless the command line does.
const VARIABLES: [(&str, &str); 5] = [
    ("BAD_IMAGE_CRITERION", "flag_criterion"),
    ("BAD_CONF_THRESHOLD", "flag_confidence"),
    ("SAVE_HEATMAP_RAW", "save_heatmap_raw"),
    ("SAVE_HEATMAP_OVERLAY", "save_heatmap_overlay"),
    ("SAMPLE_BAD_RATIO", "sample_flagged_ratio"),
];

/// Width and height to which the reference pipeline resizes images.
const REFERENCE_SIDE: u32 = 128;

pub fn describe(command: Command) -> Command {
    let reference = "The same as --by-heatmap, at 128x128 without tiles at the border, as the reference pipeline";
    let command = command
        .about("Classifies labelled images and compares with their labels")
        .arg(model())
        .arg(path("data", "DIR", "images/ and labels.csv, or a folder per class").required(true));
    let command = arguments::add(command, &EvaluateOptions::default(), &[]).arg(switch("reference", reference));
    arguments::add(command, &DatasetOptions::default(), &[]).arg(csv::option())
}

pub fn run(matches: &ArgMatches) -> Result<String, Failure> {
    let mut setting = Setting::read(matches)?;
    let (mut options, mut opening) = (EvaluateOptions::default(), DatasetOptions::default());
    read_environment(&mut options)?;
    arguments::read(matches, &mut options)?;
    arguments::read(matches, &mut opening)?;
    let table = csv::file(matches)?;
    if is_given(matches, "reference") {
        options.by_heatmap = true;
        options.heatmap = Some(HeatmapOptions {
            edge: Edge::Reference,
            resize_width: REFERENCE_SIDE,
            resize_height: REFERENCE_SIDE,
            ..HeatmapOptions::default()
        });
    }
    let (model_path, data) = (given_path(matches, "model"), given_path(matches, "data"));
    let model = setting.model(&model_path)?;
    let dataset = open(&data, &opening)?;
    let inputs = Inputs::new(files_of([&data], &dataset).into_iter().chain([model_path]));
    if let Some(table) = &table {
        inputs.check("--csv", table)?;
    }
    if let Some(directory) = &options.output_dir {
        inputs.check_directory("--out", directory, &REPORT_NAMES)?;
    }
    let report = {
        let mut progress = Progress::new(setting.quiet);
        evaluate(&model, &dataset, &options, &mut progress.control())?
    };
    if let Some(table) = table {
        csv::write_objects(&table, &COLUMNS, &report["results"])?;
    }
    if setting.json { json::document(&report) } else { Ok(text(&report, options.output_dir.as_deref())) }
}

fn read_environment(options: &mut EvaluateOptions) -> Result<(), Failure> {
    for (variable, name) in VARIABLES {
        let Some(text) = std::env::var_os(variable).filter(|text| !text.is_empty()) else { continue };
        let text = text.to_string_lossy();
        let word = match &*text {
            "1" | "true" | "yes" if name.starts_with("save_") => "on",
            "0" | "false" | "no" if name.starts_with("save_") => "off",
            other => other,
        };
        let source = format!("the environment variable {variable}");
        arguments::parse(options, name, &source, word)
            .map_err(|error: Error| Failure::Failed(error.message().into()))?;
    }
    Ok(())
}

fn text(report: &Value, output_dir: Option<&Path>) -> String {
    let mut figures = Figures::default();
    figures.samples("evaluated", report);
    figures.number("threshold", report, "threshold", None);
    for (name, metric) in METRICS {
        figures.metric(name, report, metric);
    }
    figures.text("", "in brackets: 95 % confidence intervals");
    figures.operating_point("best threshold", report, "youden");
    figures.operating_point("for sensitivity", report, "sensitivity");
    figures.duration("time", report, "seconds");
    let mut text = figures.0;
    // Writing to a string does not fail.
    let _ = writeln!(text, "\n{:18}{:>20}{:>20}", "", "predicted negative", "predicted positive");
    let matrix = &report["confusion_matrix"];
    for (name, negative, positive) in [
        ("labelled negative", "true_negative", "false_positive"),
        ("labelled positive", "false_negative", "true_positive"),
    ] {
        let _ = writeln!(text, "{name:18}{:20}{:20}", count(matrix, negative), count(matrix, positive));
    }
    if let Some(directory) = output_dir {
        let _ = writeln!(text, "\nthe report is in {}: open report.html", directory.display());
    }
    text
}
