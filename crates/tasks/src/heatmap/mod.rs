//! Probability heatmaps: overlapping tiles, class activation maps, occlusion, overlays.

mod accumulate;
mod aggregate;
mod bands;
mod batch;
mod cells;
mod color_bar;
mod colormap;
mod finished;
mod grid;
mod inferno;
mod occlusion;
mod options;
mod outline;
mod overlay;
mod run;
mod strategy;
#[cfg(test)]
mod tests;
mod tiles;
mod writer;

pub use accumulate::Blend;
pub use aggregate::{Aggregate, aggregate};
pub use colormap::Colormap;
pub use finished::{Heatmap, Tile};
pub use options::{HeatmapOptions, Method, Resolution};
pub use overlay::{OverlayOptions, OverlayScale};
pub use run::compute_heatmaps;
pub use tiles::Edge;
