//! Training.

mod adam;
mod options;
mod record;
mod trainer;

pub use adam::Adam;
pub use options::{SelectBy, TrainOptions};
pub use record::EpochRecord;
pub use trainer::train;
