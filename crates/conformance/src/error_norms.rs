//! Error measures.

/// Euclidean norm.
pub fn l2_norm(values: &[f64]) -> f64 {
    values.iter().map(|value| value * value).sum::<f64>().sqrt()
}

/// Euclidean norm of the error, relative to that of the expected values.
pub fn relative_l2_error(found: &[f32], expected: &[f64]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let difference: Vec<f64> =
        found.iter().zip(expected).map(|(found, expected)| f64::from(*found) - expected).collect();
    l2_norm(&difference) / l2_norm(expected).max(1e-12)
}

/// Largest absolute error, relative to the largest absolute expected value; NaN if either has one.
pub(crate) fn max_relative_error(found: &[f32], expected: &[f64]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let max = |max: f64, value: f64| if max.is_nan() || value <= max { max } else { value };
    let scale = expected.iter().map(|value| value.abs()).fold(0.0, max);
    let difference = found.iter().zip(expected).map(|(found, expected)| (f64::from(*found) - expected).abs());
    difference.fold(0.0, max) / scale.max(1e-12)
}

/// The same numbers in double precision.
pub(crate) fn to_f64(values: &[f32]) -> Vec<f64> {
    values.iter().copied().map(f64::from).collect()
}

#[cfg(test)]
mod tests {
    use super::max_relative_error;

    #[test]
    fn max_relative_error_propagates_nan() {
        assert_eq!(max_relative_error(&[1.0, -2.0, 4.0], &[1.0, 0.0, 4.0]), 0.5);
        for position in 0..3 {
            let (mut found, mut expected) = ([0.0; 3], [1.0; 3]);
            found[position] = f32::NAN;
            assert!(max_relative_error(&found, &expected).is_nan(), "{position}");
            (found, expected[position]) = ([0.0; 3], f64::NAN);
            assert!(max_relative_error(&found, &expected).is_nan(), "{position}");
        }
    }
}
