//! `calibrate`: a model's temperature and threshold, set on labelled images.

use super::train::{check_model_name, open};
use crate::arguments::{self, given_path, is_given, model, path, switch};
use crate::files::{Inputs, check_can_be_made, files_of};
use crate::interrupt;
use crate::output::json;
use crate::output::text::Figures;
use crate::program::{Failure, about};
use crate::progress::Progress;
use crate::setting::Setting;
use clap::{ArgMatches, Command};
use lens_images::DatasetOptions;
use lens_runtime::FileFormat;
use lens_tasks::evaluate::{CalibrateOptions, OperatingPointChoice, calibrate};
use serde::Serialize;
use serde_json::Value;

pub fn describe(command: Command) -> Command {
    let data = "images/ and labels.csv, or a folder per class; neither trained nor tested on";
    let command = command
        .about("Makes a model's probabilities mean what they say, and chooses its threshold")
        .arg(model())
        .arg(path("data", "DIR", data).required(true))
        .arg(path("out", "MODEL.safetensors", "Receives the calibrated model").required(true))
        .arg(switch("youden", "The same as --operating-point youden"));
    let command = arguments::add(command, &CalibrateOptions::default(), &[]);
    arguments::add(command, &DatasetOptions::default(), &[])
}

#[derive(Serialize)]
struct Document<'a> {
    path: String,
    calibration: &'a Value,
}

pub fn run(matches: &ArgMatches) -> Result<String, Failure> {
    let mut setting = Setting::read(matches)?;
    let (mut options, mut opening) = (CalibrateOptions::default(), DatasetOptions::default());
    arguments::read(matches, &mut options)?;
    arguments::read(matches, &mut opening)?;
    let out = given_path(matches, "out");
    check_model_name(&out)?;
    choose_rule(matches, &mut options)?;
    check_can_be_made("--out", &out)?;

    let (model_path, data) = (given_path(matches, "model"), given_path(matches, "data"));
    let model = setting.model(&model_path)?;
    let dataset = open(&data, &opening)?;
    Inputs::new(files_of([&data], &dataset).into_iter().chain([model_path])).check("--out", &out)?;
    let (calibrated, report) = {
        let mut progress = Progress::new(setting.quiet);
        calibrate(&model, &dataset, &options, &mut progress.control())?
    };
    interrupt::check()?;
    about(&out, calibrated.save(&out, FileFormat::Safetensors))?;
    let path = out.display().to_string();
    if setting.json {
        return json::document(&Document { path, calibration: &report });
    }
    Ok(text(&path, &report))
}

/// Naming a sensitivity chooses its rule.
fn choose_rule(matches: &ArgMatches, options: &mut CalibrateOptions) -> Result<(), Failure> {
    let (youden, sensitivity) = (is_given(matches, "youden"), matches.contains_id("sensitivity"));
    if youden && sensitivity {
        return Err(Failure::usage("--youden and --sensitivity both choose the threshold; give one of them"));
    }
    if youden {
        options.operating_point = OperatingPointChoice::Youden;
    } else if sensitivity && !matches.contains_id("operating-point") {
        options.operating_point = OperatingPointChoice::Sensitivity;
    }
    if !options.fit_temperature && options.operating_point == OperatingPointChoice::Keep {
        return Err(Failure::usage(
            "--no-temperature leaves nothing to do without --youden, --sensitivity or --operating-point",
        ));
    }
    Ok(())
}

fn text(path: &str, report: &Value) -> String {
    let mut figures = Figures::default();
    figures.text("model", path);
    figures.samples("calibrated on", &report["data"]);
    for (name, figure) in [
        ("temperature", "temperature"),
        ("threshold", "threshold"),
        ("log loss", "log_loss"),
        ("Brier score", "brier"),
        ("ECE", "ece"),
        ("sensitivity", "sensitivity"),
        ("specificity", "specificity"),
    ] {
        figures.change(name, report, figure);
    }
    figures.duration("time", report, "seconds");
    figures.0
}
