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
    let most = |most: f64, value: f64| if most.is_nan() || value <= most { most } else { value };
    let scale = expected.iter().map(|value| value.abs()).fold(0.0, most);
    let difference = found.iter().zip(expected).map(|(found, expected)| (f64::from(*found) - expected).abs());
    difference.fold(0.0, most) / scale.max(1e-12)
}

/// The same numbers in double precision.
pub(crate) fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().copied().map(f64::from).collect()
}

#[cfg(test)]
mod tests {
    use super::worst;

    #[test]
    fn the_worst_is_found_wherever_it_stands() {
        assert_eq!(worst(&[1.0, -2.0, 4.0], &[1.0, 0.0, 4.0]), 0.5);
        for place in 0..3 {
            let (mut found, mut expected) = ([0.0; 3], [1.0; 3]);
            found[place] = f32::NAN;
            assert!(worst(&found, &expected).is_nan(), "{place}");
            (found, expected[place]) = ([0.0; 3], f64::NAN);
            assert!(worst(&found, &expected).is_nan(), "{place}");
        }
    }
}
