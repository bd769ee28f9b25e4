//! Checks and start weights before training begins.

use super::checkpoint::{Checkpoint, RunDirectory};
use super::options::{SelectBy, TrainOptions};
use super::schedule::ScheduleKind;
use lens_base::{Error, Result, read_file, sha256_hex};
use lens_images::{Dataset, ImageStore, Preprocessing};
use lens_model::weights::ImportRecord;
use lens_model::{Parameters, TrainingParameters, start_parameters};
use lens_runtime::Context;
use serde_json::{Value, json};

/// Refuses what cannot be trained on, before any file is decoded.
pub fn check(training: &Dataset, validation: Option<&Dataset>, options: &TrainOptions) -> Result<()> {
    options.check()?;
    if validation.is_none()
        && let Some(patience) = options.early_stopping
    {
        return Err(Error::argument(format!(
            "early_stopping_patience is {patience}, but without a validation set no epoch is better than another: give \
             one, or set 0"
        )));
    }
    let labels = |dataset: &Dataset| dataset.samples().iter().map(|sample| sample.positive).collect::<Vec<_>>();
    check_classes("training", &labels(training), true)?;
    if let Some(validation) = validation {
        check_classes("validation", &labels(validation), options.select_by == SelectBy::Auc)?;
    }
    Ok(())
}

/// Refuses a set without samples, or without both classes where they are needed.
pub fn check_classes(name: &str, labels: &[bool], both: bool) -> Result<()> {
    let (samples, positives) = (labels.len(), labels.iter().filter(|positive| **positive).count());
    if samples == 0 {
        return Err(Error::data(format!("the {name} set is empty")));
    }
    if both && (positives == 0 || positives == samples) {
        return Err(Error::data(format!(
            "the {name} set has {positives} positive and {} negative sample(s); both classes are needed",
            samples - positives
        )));
    }
    Ok(())
}

/// The parameters to begin with, and a note of the file that they come from. Sets the preprocessing that its weights want.
pub fn start(context: &Context, options: &mut TrainOptions) -> Result<(TrainingParameters, Value)> {
    let Some(path) = options.start_weights.clone() else {
        options.normalise_for(None);
        let parameters = match &options.start_model {
            Some(model) => TrainingParameters::of(&*model.model().parameters()?)?,
            None => TrainingParameters::of(&Parameters::initial(options.seed)?)?,
        };
        return Ok((parameters, Value::Null));
    };
    let bytes = read_file(&path, "read start_weights")?;
    let imported = start_parameters(&bytes, &options.weights, options.seed)
        .map_err(|error| error.prefixed(&format!("start_weights {}", path.display())))?;
    options.normalise_for(imported.program.preprocessing().map(|(_, normalisation)| normalisation));
    let Preprocessing { mean, standard_deviation, .. } = &options.preprocessing;
    let normalisation = format!("mean {mean:?}, standard deviation {standard_deviation:?}");
    let record = ImportRecord { normalisation, threshold: None, ..imported.record };
    for (level, note) in record.notes() {
        context.log(level, &format!("starting from {}: {note}", path.display()));
    }
    let mut note = json!(record);
    note["sha256"] = json!(sha256_hex([&bytes[..]]));
    Ok((TrainingParameters::of(&imported.parameters)?, note))
}

/// The directory's checkpoint, when the run is to go on from it. An unfinished run is not to be overwritten.
pub fn find_checkpoint(directory: &RunDirectory, options: &TrainOptions) -> Result<Option<Checkpoint>> {
    match directory.load()? {
        Some(checkpoint) if options.resume && checkpoint.state().epochs.len() > options.epochs as usize => {
            Err(Error::argument(format!(
                "epochs is {}, but the run to resume in {} has {} done; give at least as many",
                options.epochs,
                directory.path().display(),
                checkpoint.state().epochs.len()
            )))
        }
        Some(checkpoint) if options.resume => Ok(Some(checkpoint)),
        Some(checkpoint) if !checkpoint.state().finished => Err(Error::argument(format!(
            "run_directory {} holds an unfinished run, stopped in epoch {}: set resume to go on with it, or name another \
             directory",
            directory.path().display(),
            checkpoint.state().epoch
        ))),
        _ => Ok(None),
    }
}

/// Options and data, which must be the same to resume a run. The number of epochs may be raised, except where the learning
/// rate depends on it.
pub fn setup(
    context: &Context,
    options: &TrainOptions,
    start_weights: &Value,
    training: &ImageStore,
    validation: Option<&ImageStore>,
) -> Value {
    let mut settings = json!(options);
    if let Some(settings) = settings.as_object_mut()
        && options.schedule.kind != ScheduleKind::Cosine
    {
        settings.remove("epochs");
    }
    json!({
        "options": settings,
        "start weights": start_weights["sha256"],
        "precision": context.policy().precision.value,
        "training set": training.describe().fingerprint,
        "validation set": validation.map(|store| store.describe().fingerprint),
    })
}
