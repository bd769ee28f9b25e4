//! Windows that files name.

use super::windowing::{LookupTable, WindowFunction};
use std::sync::Arc;

/// A window or a VOI lookup table of a file, in rescaled units, as [`Windowing`](crate::Windowing) takes it.
#[derive(Clone, Debug, PartialEq)]
pub struct WindowPreset {
    /// Its Window Center & Width Explanation or LUT Explanation, or else its number, from 1.
    pub name: String,
    /// Window center; of a table, the middle of its inputs.
    pub center: f64,
    /// Window width, above 0, and for LINEAR at least 1; of a table, the distance from its first input to its last.
    pub width: f64,
    /// What the window does; of a table, it says nothing.
    pub function: WindowFunction,
    /// The table, which takes the place of the window.
    pub lut: Option<Arc<LookupTable>>,
}

impl WindowPreset {
    /// Whether it is a line, clipped, from one rescaled value to another: these; `None` for curves.
    pub fn line(&self) -> Option<(f64, f64)> {
        match (&self.lut, self.function) {
            (None, WindowFunction::Linear) => {
                let low = self.center - 0.5 - (self.width - 1.0) / 2.0;
                Some((low, low + self.width - 1.0))
            }
            (None, WindowFunction::LinearExact) => {
                Some((self.center - self.width / 2.0, self.center + self.width / 2.0))
            }
            _ => None,
        }
    }
}
