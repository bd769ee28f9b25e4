//! Temperature scaling (Guo et al. 2017): one divisor of all logits that calibrates the probabilities.

use lens_base::{Error, Result};
use lens_model::TEMPERATURE_RANGE;

/// Refuses a data set without samples of both classes.
pub fn check_both_classes(labels: impl Iterator<Item = bool>) -> Result<()> {
    let (positives, negatives): (Vec<bool>, Vec<bool>) = labels.partition(|positive| *positive);
    if positives.is_empty() || negatives.is_empty() {
        return Err(Error::data(format!(
            "the data set has {} positive and {} negative sample(s); both classes are needed to calibrate",
            positives.len(),
            negatives.len()
        )));
    }
    Ok(())
}

/// Mean negative log-likelihood of labels under logits.
pub fn mean_log_loss(samples: &[(bool, f32)]) -> f64 {
    let softplus = |value: f64| value.max(0.0) + (-value.abs()).exp().ln_1p();
    samples.iter().map(|sample| softplus(-margin(sample))).sum::<f64>() / samples.len() as f64
}

/// The logit, in the label's direction.
fn margin((positive, logit): &(bool, f32)) -> f64 {
    if *positive { f64::from(*logit) } else { -f64::from(*logit) }
}

/// First and second derivative of the mean log loss of logits times `scale`, by `scale`.
fn derivatives(samples: &[(bool, f32)], scale: f64) -> (f64, f64) {
    let (first, second) = samples.iter().map(margin).fold((0.0, 0.0), |(first, second), margin| {
        // Probability of the other label.
        let wrong = 1.0 / (1.0 + (scale * margin).exp());
        (first - margin * wrong, second + margin * margin * wrong * (1.0 - wrong))
    });
    (first / samples.len() as f64, second / samples.len() as f64)
}

/// Most steps of Newton's method with bisection as its safeguard; bisection alone needs fewer.
const MOST_STEPS: usize = 200;

/// The temperature by which logits are to be divided for the least mean log loss. Fails where there is none.
pub fn fit_temperature(samples: &[(bool, f32)]) -> Result<f64> {
    check_both_classes(samples.iter().map(|(positive, _)| *positive))?;
    // In 1 / temperature the loss is convex: its derivative rises, and is 0 at one temperature or none.
    let (lowest, highest) = TEMPERATURE_RANGE.into_inner();
    let (mut low, mut high) = (1.0 / highest, 1.0 / lowest);
    if derivatives(samples, low).0 >= 0.0 {
        return Err(Error::data(format!(
            "the model tells the classes of this data set apart no better than chance: no temperature up to {highest} \
             is high enough"
        )));
    }
    if derivatives(samples, high).0 <= 0.0 {
        return Err(Error::data(format!(
            "the model's logits separate the classes of this data set (nearly) without error: no temperature down to \
             {lowest} is low enough; use more, or harder, images"
        )));
    }
    let mut scale = 1.0;
    for _ in 0..MOST_STEPS {
        let (slope, curvature) = derivatives(samples, scale);
        if slope == 0.0 {
            break;
        }
        *(if slope < 0.0 { &mut low } else { &mut high }) = scale;
        let newton = scale - slope / curvature;
        let next = if newton > low && newton < high { newton } else { (low * high).sqrt() };
        if (next - scale).abs() <= 1e-15 * scale {
            break;
        }
        scale = next;
    }
    Ok(1.0 / scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn temperature_of_known_odds() {
        // Three of four are right at logit 2 to either side: the probability should be 3/4, the logit log 3.
        let samples =
            [(true, 2.0), (true, 2.0), (true, 2.0), (false, 2.0), (false, -2.0), (false, -2.0), (false, -2.0)];
        let samples = [&samples[..], &[(true, -2.0)]].concat();
        assert!((fit_temperature(&samples).unwrap() - 2.0 / 3f64.ln()).abs() < 1e-12);
    }

    #[test]
    fn extreme_logits() {
        assert_eq!(mean_log_loss(&[(true, -1e4), (false, -1e4)]), 5e3);
        // Nine right and one wrong at the same confidence: that of log 9, however far out.
        let mut samples = vec![(true, 200.0); 9];
        samples.push((false, 200.0));
        assert!((fit_temperature(&samples).unwrap() / (200.0 / 9f64.ln()) - 1.0).abs() < 1e-12);
        assert!(fit_temperature(&[(true, f32::MAX), (false, f32::MAX), (false, f32::MIN)]).is_err());
    }

    #[test]
    fn data_without_temperature() {
        let reason = |samples: &[(bool, f32)]| fit_temperature(samples).unwrap_err().message().to_string();
        assert!(reason(&[(true, 1.0), (true, -1.0)]).contains("2 positive and 0 negative"));
        assert!(reason(&[(true, 1.0), (false, -1.0)]).contains("without error"));
        assert!(reason(&[(true, -1.0), (false, 1.0)]).contains("no better than chance"));
        assert!(reason(&[(true, 0.0), (false, 0.0)]).contains("no better than chance"));
    }
}
