//! How good a model is on a data set, and calibrating it there.

mod calibrate;
mod confusion;
mod figures;
mod intervals;
mod metrics;
mod operating_point;
mod probabilities;
mod ranking;
mod run;
mod temperature;

pub use calibrate::{CalibrateOptions, calibrate};
pub use confusion::{ClassFigures, ClassificationReport, ConfusionMatrix};
pub use figures::{FigureOptions, Figures};
pub use intervals::{Bootstrap, Interval, Method};
pub use metrics::{Metrics, Named};
pub use probabilities::ReliabilityBin;
pub use ranking::{PrecisionRecallCurve, RocCurve, Scored};
pub use run::{EvaluateOptions, evaluate};
pub use temperature::fit_temperature;
