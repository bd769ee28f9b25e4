//! From images to probabilities.

mod classify;
mod compiled;
mod engine;
#[allow(unsafe_code)]
pub mod plan;

pub use classify::{ClassifyOptions, Prediction, check_batch_limit, classify, classify_batch};
pub use engine::{PlaceMaps, at_temperature, logits, logits_of, place_maps};
