//! What a model learned from a data set after training: how far to trust its logits, and where to cut.

use lens_base::{Error, Result};
use serde::{Deserialize, Serialize};

/// How a threshold is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "rule", content = "target")]
pub enum OperatingRule {
    /// Largest sensitivity + specificity - 1; of equal ones the highest threshold.
    Youden,
    /// The highest threshold with at least this sensitivity.
    Sensitivity(f64),
}

/// A share with its 95 % interval (Wilson).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rate {
    /// The share.
    pub value: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// A threshold, and what it did on the data set that it was chosen on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct OperatingPoint {
    /// How it was chosen.
    #[serde(flatten)]
    pub rule: OperatingRule,
    /// Positive is a probability greater than this.
    pub threshold: f32,
    /// Share of positives called positive.
    pub sensitivity: Rate,
    /// Share of negatives called negative.
    pub specificity: Rate,
    /// Positives called positive.
    pub true_positive: u64,
    /// Negatives called positive.
    pub false_positive: u64,
    /// Negatives called negative.
    pub true_negative: u64,
    /// Positives called negative.
    pub false_negative: u64,
}

/// A data set that something was learned from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CalibrationData {
    /// SHA-256 over names and labels, in order.
    pub fingerprint: String,
    /// Samples.
    pub samples: u64,
    /// Of the positive class.
    pub positives: u64,
    /// Of the negative class.
    pub negatives: u64,
}

/// An operating point and where it comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoredOperatingPoint {
    /// The point.
    #[serde(flatten)]
    pub point: OperatingPoint,
    /// The data set it was chosen on.
    pub data: CalibrationData,
}

/// What the temperature was fitted to, and what it gained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TemperatureRecord {
    /// The temperature that it took the place of.
    pub temperature_before: f64,
    /// Mean log loss on the data set at that temperature.
    pub log_loss_before: f64,
    /// Mean log loss at the fitted temperature.
    pub log_loss_after: f64,
    /// The data set.
    pub data: CalibrationData,
}

/// Temperatures that are not absurd.
pub const TEMPERATURE_RANGE: std::ops::RangeInclusive<f64> = 0.01..=100.0;

/// Refuses what is no temperature.
pub fn check_temperature(temperature: f64) -> Result<()> {
    if TEMPERATURE_RANGE.contains(&temperature) {
        return Ok(());
    }
    let (low, high) = TEMPERATURE_RANGE.into_inner();
    Err(Error::argument(format!("temperature {temperature} is not in {low}..{high}")))
}
