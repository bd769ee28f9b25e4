//! From images to probabilities.

mod batch_limit;
mod engine;
mod images;

pub use batch_limit::{AUTOMATIC, AUTOMATIC_WHOLE, MOST_AT_ONCE, batch_limit, whole_images};
pub use engine::{CellMaps, at_temperature, cell_maps, logits, logits_of};
pub use images::{ClassifyOptions, Prediction, classify, classify_batch};
