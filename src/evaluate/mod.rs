//! How good a model is on a data set.

mod metrics;
mod run;

pub use metrics::{Metrics, Scored, roc_auc};
pub use run::{EvaluateOptions, evaluate};
