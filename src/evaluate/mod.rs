//! How good a model is on a data set.

mod boxes;
mod case;
mod localize;
mod metrics;
mod report;
mod run;
mod scoring;

pub use case::{BadCriterion, BadRule};
pub use localize::{LocalizeOptions, localize};
pub use metrics::{Metrics, Scored, roc_auc};
pub use report::ReportOptions;
pub use run::{EvaluateOptions, evaluate};
