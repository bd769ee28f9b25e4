//! Probability heatmaps: overlapping tiles, class activation maps, overlays.

mod accumulate;
mod cam;
mod colormap;
mod inferno;
mod map;
mod overlay;
mod run;
mod tiles;

pub use accumulate::Blend;
pub use colormap::Colormap;
pub use map::{HeatMap, Tile};
pub use overlay::{OverlayOptions, OverlayScale};
pub use run::{HeatmapOptions, Method, Resample, heatmap};
pub use tiles::Edge;
