//! Charts: the canvas they are drawn on, and their axes.

mod axis;
mod canvas;

pub use axis::Axis;
pub use canvas::*;
