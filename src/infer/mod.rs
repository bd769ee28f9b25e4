//! From images to probabilities.

mod batch_limit;
mod classify;
mod compiled;
mod engine;
#[allow(unsafe_code)]
pub mod plan;

pub use batch_limit::{AUTOMATIC, batch_limit, whole_images};
pub use classify::{ClassifyOptions, Prediction, classify, classify_batch};
pub use engine::{PlaceMaps, at_temperature, logits, logits_of, place_maps};
