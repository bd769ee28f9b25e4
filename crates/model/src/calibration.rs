//! Calibration of a trained model on a data set: temperature and operating point.

use lens_base::{Error, Result};
use serde::{Deserialize, Serialize};

/// Rule by which a threshold is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "rule", content = "target")]
pub enum OperatingRule {
    /// Largest sensitivity + specificity - 1 (Youden's index); the highest threshold of equal ones.
    Youden,
    /// The highest threshold with at least this sensitivity.
    Sensitivity(f64),
}

/// A proportion with its 95 % Wilson interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rate {
    /// The proportion.
    pub value: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// A threshold, and its performance on the data set it was chosen on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct OperatingPoint {
    /// The rule.
    #[serde(flatten)]
    pub rule: OperatingRule,
    /// Positive is a probability above this.
    pub threshold: f32,
    /// True positives among positives.
    pub sensitivity: Rate,
    /// True negatives among negatives.
    pub specificity: Rate,
    /// Number of true positives.
    pub true_positive: u64,
    /// Number of false positives.
    pub false_positive: u64,
    /// Number of true negatives.
    pub true_negative: u64,
    /// Number of false negatives.
    pub false_negative: u64,
}

/// The data set of a calibration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CalibrationData {
    /// SHA-256 over names and labels, in order.
    pub fingerprint: String,
    /// Number of samples.
    pub samples: u64,
    /// Number of the positive class.
    pub positives: u64,
    /// Number of the negative class.
    pub negatives: u64,
}

/// An operating point with its data set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoredOperatingPoint {
    /// The point.
    #[serde(flatten)]
    pub point: OperatingPoint,
    /// The data set it was chosen on.
    pub data: CalibrationData,
}

/// How the temperature was fitted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TemperatureRecord {
    /// The temperature before.
    pub temperature_before: f64,
    /// Mean log loss on the data set at that temperature.
    pub log_loss_before: f64,
    /// Mean log loss at the fitted temperature.
    pub log_loss_after: f64,
    /// The data set.
    pub data: CalibrationData,
}

/// Valid temperatures.
pub const TEMPERATURE_RANGE: std::ops::RangeInclusive<f64> = 0.01..=100.0;

/// Fails for an invalid temperature.
pub fn check_temperature(temperature: f64) -> Result<()> {
    if TEMPERATURE_RANGE.contains(&temperature) {
        return Ok(());
    }
    let (low, high) = TEMPERATURE_RANGE.into_inner();
    Err(Error::argument(format!("temperature {temperature} is not in {low}..{high}")))
}
