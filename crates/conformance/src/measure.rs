//! How far numbers are apart.

/// Euclidean length.
pub fn length(values: &[f64]) -> f64 {
    values.iter().map(|value| value * value).sum::<f64>().sqrt()
}

/// Of numbers from what they should be, by the length of that.
pub fn distance(found: &[f32], expected: &[f64]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let difference: Vec<f64> =
        found.iter().zip(expected).map(|(found, expected)| f64::from(*found) - expected).collect();
    length(&difference) / length(expected).max(1e-12)
}

/// The largest difference, by the largest magnitude of what is expected; NaN where either has one.
pub(crate) fn worst(found: &[f32], expected: &[f64]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let most = |most: f64, value: f64| if value <= most { most } else { value };
    let scale = expected.iter().map(|value| value.abs()).fold(0.0, most);
    let difference = found.iter().zip(expected).map(|(found, expected)| (f64::from(*found) - expected).abs());
    difference.fold(0.0, most) / scale.max(1e-12)
}

/// The same numbers in double precision.
pub(crate) fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().copied().map(f64::from).collect()
}
