//! `train`: a model from labelled images.

use crate::arguments::{self, given_path, path};
use crate::files::{Inputs, check_can_be_made, files_of, is_other_model_format};
use crate::interrupt;
use crate::output::json::{self, count, find};
use crate::output::text::Figures;
use crate::program::{self, Failure, about};
use crate::progress::Progress;
use crate::setting::Setting;
use clap::{ArgAction, ArgMatches, Command};
use lens_images::{Dataset, DatasetOptions};
use lens_runtime::{Classifier, FileFormat};
use lens_tasks::train::{CHECKPOINT_NAME, RUN_NAMES, SelectBy, TrainOptions, train};
use serde::Serialize;
use serde_json::Value;
use std::path::{Path, PathBuf};

pub fn describe(command: Command) -> Command {
    let layout = "Training images: images/ and labels.csv, or a folder per class; may be repeated";
    let command = command
        .about("Trains DenseNet-121 to tell positive from negative images, and saves the best epoch's model")
        .arg(path("train", "DIR", layout).required(true).action(ArgAction::Append))
        .arg(path("val", "DIR", "Images that select the best epoch, laid out alike").required(true))
        .arg(path("out", "MODEL.safetensors", "Receives the best model").required(true));
    let command = arguments::add(command, &TrainOptions::default(), &[]);
    arguments::add(command, &DatasetOptions::default(), &[])
}

/// What is on disk.
#[derive(Serialize)]
struct Saved<'a> {
    path: String,
    model: &'a Value,
}

pub fn run(matches: &ArgMatches) -> Result<String, Failure> {
    let mut setting = Setting::read(matches)?;
    let (mut options, mut opening) = (TrainOptions::default(), DatasetOptions::default());
    arguments::read(matches, &mut options)?;
    arguments::read(matches, &mut opening)?;
    arguments::check(&options, TrainOptions::check)?;
    let out = given_path(matches, "out");
    check_model_name(&out)?;
    check_can_be_made("--out", &out)?;

    let context = setting.context()?;
    let mut training = Dataset::default();
    let directories: Vec<&PathBuf> = matches.get_many("train").into_iter().flatten().collect();
    for directory in &directories {
        about(directory, training.extend(directory, &opening))?;
    }
    let validation_directory = given_path(matches, "val");
    let validation = open(&validation_directory, &opening)?;
    let mut inputs = files_of(directories, &training);
    inputs.extend(files_of([&validation_directory], &validation));
    inputs.extend(options.start_weights.clone());
    let inputs = Inputs::new(inputs);
    inputs.check("--out", &out)?;
    if let Some(directory) = &options.run_directory {
        inputs.check_directory("--run-dir", directory, &RUN_NAMES)?;
        Inputs::new([directory.join(CHECKPOINT_NAME)]).check("--out", &out)?;
    }
    let model = {
        let mut progress = Progress::new(setting.quiet).with_metric(metric_name(options.select_by));
        train(&context, &training, Some(&validation), &options, &mut progress.control())?
    };
    interrupt::check()?;
    about(&out, model.save(&out, FileFormat::Safetensors))?;
    drop(model);
    // Describes what is on disk: reading it back shows that the file is whole, and has the file's hash.
    let description = about(&out, Classifier::load(&context, &out))?.describe();
    if setting.json {
        return json::document(&Saved { path: out.display().to_string(), model: &description });
    }
    Ok(summary(&out, options.epochs, &description))
}

/// Opens a data set.
pub fn open(directory: &Path, options: &DatasetOptions) -> Result<Dataset, Failure> {
    let mut dataset = Dataset::default();
    about(directory, dataset.extend(directory, options))?;
    Ok(dataset)
}

/// Refuses a name for a safetensors file that is one of another format.
pub fn check_model_name(out: &Path) -> Result<(), Failure> {
    if is_other_model_format(out) {
        return Err(Failure::usage(format!(
            "--out '{}': models are written as safetensors, and the name must end so; `{} export` writes other formats",
            out.display(),
            program::name()
        )));
    }
    Ok(())
}

fn metric_name(select_by: SelectBy) -> &'static str {
    match select_by {
        SelectBy::Accuracy => "accuracy",
        SelectBy::Auc => "AUC",
        SelectBy::Loss => "validation loss",
    }
}

fn summary(out: &Path, epochs: u32, description: &Value) -> String {
    let training = &description["training"];
    let best = count(training, "best_epoch");
    let of_best = |epoch: &&Value| count(epoch, "epoch") == best;
    let epoch = training["epochs"].as_array().and_then(|epochs| epochs.iter().find(of_best)).unwrap_or(&Value::Null);
    let mut figures = Figures::default();
    figures.text("model", &out.display().to_string());
    figures.text("SHA-256", find(description, "model_sha256").as_str().unwrap_or_default());
    figures.samples("training", &training["train"]);
    figures.samples("validation", &training["validation"]);
    figures.text("best epoch", &format!("{best} of {epochs}"));
    for (name, figure) in [("accuracy", "accuracy"), ("AUC", "auc"), ("loss", "validation_loss")] {
        figures.number(name, epoch, figure, None);
    }
    figures.duration("time", training, "seconds");
    figures.0
}
