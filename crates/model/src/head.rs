//! The network's head, and the loss of a logit.

/// `f32::max` would turn NaN into 0 and hide that training diverged.
#[inline(always)]
pub fn relu(value: f32) -> f32 {
    if value < 0.0 { 0.0 } else { value }
}

/// The class activation map: what each cell of the last feature map adds to the logit, which is the mean over cells.
/// Features are channels last; `weight` has one element for each channel. NaN stays NaN.
pub fn activation_map(features: &[f32], weight: &[f32], bias: f32) -> Vec<f32> {
    let of_cell = |values: &[f32]| (of_cell(values, weight) + f64::from(bias)) as f32;
    features.chunks_exact(weight.len()).map(of_cell).collect()
}

/// The logit of a feature map.
pub fn logit_of(features: &[f32], weight: &[f32], bias: f32) -> f32 {
    let cells = features.chunks_exact(weight.len());
    let count = cells.len() as f64;
    (cells.map(|values| of_cell(values, weight)).sum::<f64>() / count + f64::from(bias)) as f32
}

fn of_cell(values: &[f32], weight: &[f32]) -> f64 {
    values.iter().zip(weight).map(|(value, weight)| f64::from(relu(*value)) * f64::from(*weight)).sum()
}

/// Binary cross-entropy of a logit; `target` is a probability from 0 to 1, and `pos_weight` the weight of the positive
/// class.
pub fn cross_entropy(logit: f64, target: f64, pos_weight: f64) -> f64 {
    // -ln(sigmoid(logit)), without overflow for either sign.
    let negative_log_sigmoid = (-logit.abs()).exp().ln_1p() + (-logit).max(0.0);
    (1.0 - target) * logit + (1.0 + (pos_weight - 1.0) * target) * negative_log_sigmoid
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two cells of three channels.
    const FEATURES: [f32; 6] = [1.0, -2.0, 3.0, 0.5, 4.0, -1.0];
    const WEIGHT: [f32; 3] = [2.0, 0.5, -1.0];

    #[test]
    fn logit_is_mean_of_activation_map() {
        let map = activation_map(&FEATURES, &WEIGHT, 0.25);
        assert_eq!(map, [2.0 - 3.0 + 0.25, 1.0 + 2.0 + 0.25]);
        // Means of the channels after ReLU: 0.75, 2, 1.5.
        assert_eq!((map[0] + map[1]) / 2.0, 2.0 * 0.75 + 0.5 * 2.0 - 1.5 + 0.25);
        assert_eq!(logit_of(&FEATURES, &WEIGHT, 0.25), (map[0] + map[1]) / 2.0);
    }

    #[test]
    fn nan_is_preserved() {
        assert!(relu(f32::NAN).is_nan());
        assert!(activation_map(&[f32::NAN, 0.0, 0.0], &WEIGHT, 0.0)[0].is_nan());
    }
}
