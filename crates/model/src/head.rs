//! What the network's last layers make of a feature map, and what a logit costs.

/// Not `max`, which would turn NaN into 0 and hide that something diverged.
#[inline(always)]
pub fn relu(value: f32) -> f32 {
    if value < 0.0 { 0.0 } else { value }
}

/// What each cell of the last feature map adds to the logit, whose mean over cells it is: pooling and the linear layer are
/// linear. The channels of a cell lie beside each other; `weight` has one number for each. NaN stays NaN.
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

/// Binary cross entropy of a logit; `target` is the probability, from 0 to 1, that it should stand for, and `pos_weight` the
/// weight of the positive part.
pub fn cross_entropy(logit: f64, target: f64, pos_weight: f64) -> f64 {
    // -ln of the probability, without overflow for either sign.
    let surprise = (-logit.abs()).exp().ln_1p() + (-logit).max(0.0);
    (1.0 - target) * logit + (1.0 + (pos_weight - 1.0) * target) * surprise
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two cells of three channels.
    const FEATURES: [f32; 6] = [1.0, -2.0, 3.0, 0.5, 4.0, -1.0];
    const WEIGHT: [f32; 3] = [2.0, 0.5, -1.0];

    #[test]
    fn the_activation_maps_mean_is_the_logit() {
        let map = activation_map(&FEATURES, &WEIGHT, 0.25);
        assert_eq!(map, [2.0 - 3.0 + 0.25, 1.0 + 2.0 + 0.25]);
        // Means of the channels after ReLU: 0.75, 2, 1.5.
        assert_eq!((map[0] + map[1]) / 2.0, 2.0 * 0.75 + 0.5 * 2.0 - 1.5 + 0.25);
        assert_eq!(logit_of(&FEATURES, &WEIGHT, 0.25), (map[0] + map[1]) / 2.0);
    }

    #[test]
    fn what_is_not_a_number_stays_that() {
        assert!(relu(f32::NAN).is_nan());
        assert!(activation_map(&[f32::NAN, 0.0, 0.0], &WEIGHT, 0.0)[0].is_nan());
    }
}
