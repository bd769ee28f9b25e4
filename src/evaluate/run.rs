//! Classifying a data set and comparing with its labels.

use super::metrics::{Metrics, Scored};
use crate::data::{Batch, Dataset, Raster, Sample, Skipped, for_each_image};
use crate::error::{Error, Result};
use crate::infer::{Prediction, check_batch_limit, classify_batch};
use crate::model::{Model, check_threshold};
use crate::runtime::{Control, Phase, RunReport, write_atomically};
use serde_json::{Value, json};
use std::io::Write;
use std::path::{Path, PathBuf};

/// How to evaluate.
#[derive(Clone, Debug)]
pub struct EvaluateOptions {
    /// Instead of the model's own threshold.
    pub threshold: Option<f32>,
    /// Images that go through the network at once.
    pub batch_limit: u32,
    /// Where predictions.csv and report.json go.
    pub output_dir: Option<PathBuf>,
}

impl Default for EvaluateOptions {
    fn default() -> Self {
        EvaluateOptions { threshold: None, batch_limit: 32, output_dir: None }
    }
}

/// The report, which is also written when a directory is given.
pub fn evaluate(model: &Model, dataset: &Dataset, options: &EvaluateOptions, control: &mut Control) -> Result<Value> {
    let report = RunReport::begin();
    let batch_limit = check_batch_limit(options.batch_limit)?;
    let threshold = options.threshold.unwrap_or(model.threshold());
    check_threshold(threshold)?;
    if dataset.samples().is_empty() {
        return Err(Error::data("the data set is empty: add samples before evaluating"));
    }
    if let Some(directory) = &options.output_dir {
        std::fs::create_dir_all(directory).map_err(|error| Error::io("make directory", directory, &error))?;
    }
    let (results, skipped) = classify_all(model, dataset, threshold, batch_limit, control)?;
    let scored: Vec<Scored> = results
        .iter()
        .map(|(sample, prediction)| Scored {
            positive: sample.positive,
            score: prediction.logit,
            called_positive: prediction.positive,
        })
        .collect();
    let mut fields = report.header("lesionlens.evaluation", 1, model.context(), model.sha256(), model.engine());
    fields.insert("threshold".into(), json!(threshold));
    fields.insert("samples".into(), json!(results.len()));
    fields.insert("skipped".into(), Skipped::describe(&skipped));
    fields.extend(Metrics::of(&scored).describe());
    fields.insert("results".into(), results.iter().map(|(sample, prediction)| described(sample, prediction)).collect());
    let document = Value::Object(fields);
    if let Some(directory) = &options.output_dir {
        write_predictions(&directory.join("predictions.csv"), &results)?;
        write_atomically(&directory.join("report.json"), |file| {
            serde_json::to_writer_pretty(&mut *file, &document)?;
            file.write_all(b"\n")
        })?;
    }
    Ok(document)
}

type Results<'a> = Vec<(&'a Sample, Prediction)>;

fn classify_all<'a>(
    model: &Model,
    dataset: &'a Dataset,
    threshold: f32,
    batch_limit: usize,
    control: &mut Control,
) -> Result<(Results<'a>, Vec<Skipped>)> {
    let samples = dataset.samples();
    let preprocessing = model.preprocessing();
    let side = preprocessing.image_size as usize;
    let start = std::time::Instant::now();
    let mut skipped = dataset.skipped().to_vec();
    let mut results: Results = Vec::with_capacity(samples.len());
    let mut batch = Batch::new(side, side, batch_limit.min(samples.len()), model.context().device());
    let (mut members, mut seen): (Vec<&Sample>, usize) = (Vec::new(), 0);
    for_each_image(samples, preprocessing, model.context().policy().threads.value, |_, image| {
        match image {
            Ok(raster) => {
                let raster: Raster = raster;
                batch.push(&raster, 0, 0, preprocessing);
                members.push(&samples[seen]);
            }
            Err(reason) => skipped.push(reason),
        }
        seen += 1;
        if batch.len() == batch_limit || (seen == samples.len() && !batch.is_empty()) {
            results.extend(members.drain(..).zip(classify_batch(model, &batch, threshold)?));
            batch.clear();
            control.report_steady(Phase::Evaluate, seen, samples.len(), start)?;
        }
        Ok(())
    })?;
    if results.is_empty() {
        return Err(Error::data(format!("none of the {} sample(s) could be read", samples.len())));
    }
    Ok((results, skipped))
}

fn path_of(sample: &Sample) -> Option<String> {
    sample.path().map(|path| path.display().to_string())
}

fn described(sample: &Sample, prediction: &Prediction) -> Value {
    json!({
        "id": &*sample.id,
        "path": path_of(sample),
        "label": u8::from(sample.positive),
        "predicted": u8::from(prediction.positive),
        "probability": prediction.probability,
        "logit": prediction.logit,
    })
}

/// The reference pipeline's table; its confidence is the probability of the positive class.
fn write_predictions(path: &Path, results: &[(&Sample, Prediction)]) -> Result<()> {
    write_atomically(path, |file| {
        let mut table = csv::Writer::from_writer(file);
        table.write_record(["filename", "filepath", "true_label", "predicted_label", "prediction_confidence"])?;
        for (sample, prediction) in results {
            table.write_record([
                &*sample.id,
                path_of(sample).as_deref().unwrap_or(""),
                if sample.positive { "1" } else { "0" },
                if prediction.positive { "1" } else { "0" },
                &prediction.probability.to_string(),
            ])?;
        }
        table.flush()
    })
}
