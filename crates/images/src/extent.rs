//! The least and the most of values.

/// The least and the most of values; `None` where there are none.
pub fn ends(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values.fold(None, |ends, value| match ends {
        None => Some((value, value)),
        Some((low, high)) => Some((value.min(low), value.max(high))),
    })
}

/// As [`ends`], of whole values and faster.
pub fn whole_ends(values: impl Iterator<Item = i32>) -> Option<(f64, f64)> {
    let (low, high) = values.fold((i32::MAX, i32::MIN), |(low, high), value| (low.min(value), high.max(value)));
    (low <= high).then(|| (low.into(), high.into()))
}

/// The ends of a range of stored values after rescaling, the lower first.
pub fn rescaled((low, high): (f64, f64), (slope, intercept): (f64, f64)) -> (f64, f64) {
    let ends = [low, high].map(|value| value * slope + intercept);
    (ends[0].min(ends[1]), ends[0].max(ends[1]))
}
