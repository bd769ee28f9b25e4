//! Training.

mod average;
mod batch_trainer;
mod checkpoint;
mod curves;
mod loss;
mod memory;
mod optimizer;
mod options;
mod preparation;
mod record;
mod results;
mod schedule;
mod trainer;

pub use checkpoint::CHECKPOINT_NAME;
pub use lens_engine::OptimizerKind;
pub use optimizer::OptimizerOptions;
pub use options::{GradScaler, SelectBy, TrainOptions};
pub use record::EpochRecord;
pub use results::RUN_NAMES;
pub use schedule::{ScheduleKind, ScheduleOptions};
pub use trainer::train;
