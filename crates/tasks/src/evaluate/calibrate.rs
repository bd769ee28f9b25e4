//! Calibrating a model on a data set: its temperature, and its threshold.

use super::figures::TARGET_SENSITIVITY;
use super::metrics::Metrics;
use super::operating_point::operating_point;
use super::ranking::{Ranking, ScoredSample};
use super::scoring::{Scores, classify_whole};
use super::temperature::{check_both_classes, fit_temperature, mean_log_loss};
use crate::classify::{AUTOMATIC_WHOLE, MOST_AT_ONCE, Prediction, at_temperature, whole_images};
use lens_base::options::{Choice, Options};
use lens_base::{Control, Error, Result};
use lens_images::{Dataset, Skipped, fingerprint};
use lens_model::{CalibrationData, Metadata, OperatingRule, StoredOperatingPoint, TemperatureRecord};
use lens_runtime::{Classifier, RunReport};
use serde_json::{Value, json};

/// How a threshold is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Choice)]
#[choice(name = "operating_point")]
pub enum OperatingPointChoice {
    /// The model's own: with a new temperature it moves so that the same images stay positive, up to rounding. 0.5 stays.
    #[default]
    Keep,
    /// The largest sensitivity + specificity - 1 (Youden's index); of equal ones the highest threshold.
    Youden,
    /// The highest threshold with at least target_sensitivity.
    Sensitivity,
}

/// How to calibrate.
#[derive(Clone, Copy, Debug, Options)]
pub struct CalibrateOptions {
    /// Whether to fit the temperature.
    #[option(default = true, flag = "--no-temperature", switch = "Leave the temperature as it is")]
    pub fit_temperature: bool,
    /// How the threshold is chosen.
    #[option(flag = "--operating-point")]
    pub operating_point: OperatingPointChoice,
    /// The sensitivity that the threshold has at least, where it is chosen for one.
    #[option(default = TARGET_SENSITIVITY, above = 0, maximum = 1, flag = "--sensitivity X")]
    pub target_sensitivity: f64,
    /// Images that go through the network at once.
    #[option(maximum = MOST_AT_ONCE, unset = AUTOMATIC_WHOLE, flag = "--batch-limit N")]
    pub batch_limit: u32,
}

impl CalibrateOptions {
    /// How the threshold is chosen; `None`: the same images stay positive.
    fn rule(&self) -> Option<OperatingRule> {
        match self.operating_point {
            OperatingPointChoice::Keep => None,
            OperatingPointChoice::Youden => Some(OperatingRule::Youden),
            OperatingPointChoice::Sensitivity => Some(OperatingRule::Sensitivity(self.target_sensitivity)),
        }
    }

    fn check(&self) -> Result<()> {
        self.check_ranges()?;
        if !self.fit_temperature && self.rule().is_none() {
            return Err(Error::argument(
                "fit_temperature is 0 and operating_point is KEEP: nothing is left to calibrate",
            ));
        }
        Ok(())
    }
}

/// The model with its temperature and threshold set on the data set, and a report.
pub fn calibrate(
    model: &Classifier,
    dataset: &Dataset,
    options: &CalibrateOptions,
    control: &mut Control,
) -> Result<(Classifier, Value)> {
    let report = RunReport::begin();
    options.check()?;
    let batch_limit = whole_images(model, options.batch_limit);
    check_both_classes(dataset.samples().iter().map(|sample| sample.positive))?;
    let before = model.metadata();
    // Logits at temperature 1: dividing by one temperature after another would round twice.
    let mut uncalibrated = before.clone();
    uncalibrated.temperature = 1.0;
    let network = model.with_metadata(uncalibrated)?;
    let Scores { classified, skipped } = classify_whole(&network, dataset, before.threshold, batch_limit, control)?;
    let logits: Vec<(bool, f32)> = classified.iter().map(|one| (one.sample.positive, one.prediction.logit)).collect();
    check_both_classes(logits.iter().map(|(positive, _)| *positive))?;
    let positives = logits.iter().filter(|(positive, _)| *positive).count();
    let data = CalibrationData {
        fingerprint: fingerprint(classified.iter().map(|one| one.sample)),
        samples: logits.len() as u64,
        positives: positives as u64,
        negatives: (logits.len() - positives) as u64,
    };
    let mut after = before.clone();
    if options.fit_temperature {
        set_temperature(&mut after, fit_temperature(&logits)?, &logits, &data);
    }
    if let Some(rule) = options.rule() {
        let groups = Ranking::of(&scored(&logits, after.temperature)).groups;
        let point = operating_point(&groups, rule)
            .map_err(|reason| Error::data(format!("the data set has no such operating point: {reason}")))?;
        after.threshold = point.threshold;
        after.operating_point = Some(StoredOperatingPoint { point, data: data.clone() });
    }
    let mut fields = report.header("lesionlens.calibration", 1, model.context(), model.sha256(), model.engine());
    fields.insert("data".into(), json!(data));
    fields.insert("skipped".into(), Skipped::describe(&skipped));
    fields.insert("before".into(), summary(before, &logits));
    fields.insert("after".into(), summary(&after, &logits));
    fields.insert("operating_point".into(), json!(after.operating_point));
    Ok((model.with_metadata(after)?, Value::Object(fields)))
}

fn at(logits: &[(bool, f32)], temperature: f64) -> Vec<(bool, f32)> {
    logits.iter().map(|(positive, logit)| (*positive, at_temperature(*logit, temperature))).collect()
}

fn scored(logits: &[(bool, f32)], temperature: f64) -> Vec<ScoredSample> {
    let probability = |logit| Prediction::from_logit(logit, 0.5).probability;
    let scored = |(positive, logit)| ScoredSample { positive, probability: probability(logit) };
    at(logits, temperature).into_iter().map(scored).collect()
}

/// The threshold goes with the temperature, so that the same images stay positive.
fn set_temperature(metadata: &mut Metadata, temperature: f64, logits: &[(bool, f32)], data: &CalibrationData) {
    let before = metadata.temperature;
    let threshold = f64::from(metadata.threshold);
    // Infinite for 0 and 1, which stay what they are.
    let logit = (threshold / (1.0 - threshold)).ln() * (before / temperature);
    metadata.threshold = (1.0 / (1.0 + (-logit).exp())) as f32;
    if let Some(stored) = &mut metadata.operating_point {
        stored.point.threshold = metadata.threshold;
    }
    metadata.temperature_record = Some(TemperatureRecord {
        temperature_before: before,
        log_loss_before: mean_log_loss(&at(logits, before)),
        log_loss_after: mean_log_loss(&at(logits, temperature)),
        data: data.clone(),
    });
    metadata.temperature = temperature;
}

fn summary(metadata: &Metadata, logits: &[(bool, f32)]) -> Value {
    let metrics = Metrics::of(&scored(logits, metadata.temperature), metadata.threshold);
    json!({
        "temperature": metadata.temperature,
        "threshold": metadata.threshold,
        "log_loss": mean_log_loss(&at(logits, metadata.temperature)),
        "brier": metrics.brier,
        "ece": metrics.ece,
        "sensitivity": metrics.matrix.sensitivity(),
        "specificity": metrics.matrix.specificity(),
    })
}
