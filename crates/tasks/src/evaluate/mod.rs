//! Evaluation of a model on a data set, its calibration, and localisation by its heatmaps.

mod boxes;
mod calibrate;
mod classified_sample;
mod confusion;
mod figures;
mod intervals;
mod localize;
mod metrics;
mod operating_point;
mod probabilities;
mod quantize;
mod ranking;
mod report;
mod run;
mod scoring;
mod temperature;

pub use boxes::{Area, BoxedImage, read_boxes};
pub use calibrate::{CalibrateOptions, OperatingPointChoice, calibrate};
pub use classified_sample::{FlagCriterion, FlagRule};
pub use confusion::{ClassFigures, ClassificationReport, ConfusionMatrix};
pub use figures::{Figures, MetricOptions};
pub use intervals::{Bootstrap, Interval, Method};
pub use localize::{LocalizeOptions, localize};
pub use metrics::{Metrics, Named};
pub use probabilities::ReliabilityBin;
pub use quantize::{OptimizeOptions, optimize};
pub use ranking::{PrecisionRecallCurve, RocCurve, ScoredSample};
pub use report::{REPORT_NAMES, ReportOptions};
pub use run::{EvaluateOptions, evaluate};
pub use temperature::fit_temperature;
