//! Wilson's score interval.

use super::{Interval, Method, Z};

/// The interval of the share `part` of `whole`, which is not 0.
pub fn wilson(part: u64, whole: u64) -> Interval {
    let count = whole as f64;
    let share = part as f64 / count;
    let center = (share + Z * Z / (2.0 * count)) / (1.0 + Z * Z / count);
    let half = Z / (1.0 + Z * Z / count) * (share * (1.0 - share) / count + Z * Z / (4.0 * count * count)).sqrt();
    // At the ends the formula gives 0 and 1 but for rounding.
    let low = if part == 0 { 0.0 } else { center - half };
    let high = if part == whole { 1.0 } else { center + half };
    Interval { low, high, method: Method::Wilson }
}
