//! What the library does with a model ready to compute: classifying, heatmaps, evaluation, training. Written once, above
//! the interface of engines; knows no engine, no device and no C.

#![deny(unsafe_code)]

pub mod classify;
pub mod evaluate;
pub mod heatmap;
pub mod plot;
pub mod train;
