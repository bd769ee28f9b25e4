//! 95 % confidence intervals.

mod bootstrap;
mod delong;
mod wilson;

pub use bootstrap::Bootstrap;
pub use delong::delong;
pub use wilson::wilson;

use super::confusion::ConfusionMatrix;
use serde_json::{Value, json};

/// The normal distribution's 97.5 % point.
const Z: f64 = 1.959963984540054;

/// How an interval was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Wilson's score interval of a proportion (Wilson 1927).
    Wilson,
    /// DeLong's variance of the area under the ROC curve, on the logit scale.
    DeLong,
    /// Percentiles over resampled data sets.
    Bootstrap {
        /// How many had the figure.
        resamples: usize,
        /// How many did not, as one without positives has no F1.
        left_out: usize,
    },
}

/// A 95 % confidence interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// How it was found.
    pub method: Method,
}

impl Interval {
    /// `low`, `high` and `method`; for the bootstrap also `resamples` and `left_out`.
    pub fn describe(&self) -> Value {
        let Interval { low, high, method } = self;
        match method {
            Method::Wilson => json!({ "low": low, "high": high, "method": "wilson" }),
            Method::DeLong => json!({ "low": low, "high": high, "method": "delong" }),
            Method::Bootstrap { resamples, left_out } => {
                json!({ "low": low, "high": high, "method": "bootstrap", "resamples": resamples, "left_out": left_out })
            }
        }
    }
}

/// What a named figure is a proportion of: part and whole.
pub fn proportion(name: &str, matrix: &ConfusionMatrix) -> Option<(u64, u64)> {
    match name {
        "accuracy" => Some((matrix.right(), matrix.samples())),
        "sensitivity" => Some((matrix.true_positive, matrix.positives())),
        "specificity" => Some((matrix.true_negative, matrix.negatives())),
        "ppv" => Some((matrix.true_positive, matrix.called_positive())),
        "npv" => Some((matrix.true_negative, matrix.called_negative())),
        _ => None,
    }
}
