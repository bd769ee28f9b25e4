//! Gray values that have more than 16 bits or fractions, as 32-bit floats. They lose the lowest bits of large numbers, so that
//! those are stored as distances from the middle of the window where the window would show it.

use lens_base::{Error, ErrorKind, Result};

/// The narrowest window of floats, which is a threshold.
pub const THRESHOLD: f64 = f64::MIN_POSITIVE;

/// Center and width of the LINEAR_EXACT window from one value to another, which is not below it. Where they are equal, that
/// value becomes 0.
pub fn window_of((low, high): (f64, f64)) -> (f64, f64) {
    if low < high { ((low + high) / 2.0, high - low) } else { (low + THRESHOLD / 2.0, THRESHOLD) }
}

/// The floats, and the intercept that goes with them. A window of width 0 says that another thing, such as a table, takes its
/// place.
pub fn floats(
    values: impl Iterator<Item = f64> + Clone,
    (slope, intercept): (f64, f64),
    (center, width): (f64, f64),
) -> Result<(Vec<u8>, f64)> {
    let is_exact = values.clone().all(|value| f64::from(value as f32) == value);
    let largest = values.clone().fold(0.0, |most: f64, value| most.max(value.abs()));
    /// How many of a float's 24 bits may be in front of the window: the other 12 tell 1 of 255 from its neighbours.
    const BEFORE_WINDOW: f64 = 4096.0;
    let shown_width = if width > THRESHOLD { width / slope.abs() } else { 0.0 };
    let base = if is_exact || largest <= shown_width * BEFORE_WINDOW { 0.0 } else { (center - intercept) / slope };
    let mut bytes = Vec::with_capacity(values.size_hint().0 * 4);
    for value in values {
        let float = (value - base) as f32;
        if !float.is_finite() {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!("it has the value {value}, which is beyond what this library shows"),
            ));
        }
        bytes.extend(float.to_ne_bytes());
    }
    Ok((bytes, intercept + base * slope))
}
