//! Training.

mod average;
mod checkpoint;
mod curves;
mod learner;
mod memory;
mod optimizer;
mod options;
mod parameters;
mod preparation;
mod record;
mod results;
mod scaler;
mod schedule;
pub mod step;
mod trainer;

pub use learner::Loss;
pub use optimizer::{Optimizer, OptimizerKind, OptimizerOptions};
pub use options::{SelectBy, TrainOptions};
pub use parameters::Parameters;
pub use record::EpochRecord;
pub use schedule::{ScheduleKind, ScheduleOptions};
pub use trainer::train;
