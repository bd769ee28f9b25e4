//! Windows that files name.

/// A window of a file, in rescaled units, as [`Windowing`](crate::Windowing) takes it.
#[derive(Clone, Debug, PartialEq)]
pub struct WindowPreset {
    /// Its Window Center & Width Explanation, or its number among the file's windows, from 1.
    pub name: String,
    /// Window center.
    pub center: f64,
    /// Window width; at least 1.
    pub width: f64,
}
