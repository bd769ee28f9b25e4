//! How well probabilities are calibrated: reliability bins, expected calibration error, Brier score, log loss.

use super::ranking::{ScoreGroup, class_counts};
use serde::Serialize;

/// Bins of the reliability diagram and of the expected calibration error.
const BINS: usize = 10;

/// Samples whose probability is in a range.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ReliabilityBin {
    /// Lower end, not in the range (but for 0).
    pub low: f64,
    /// Upper end, in the range.
    pub high: f64,
    /// How many samples.
    pub count: u64,
    /// Their mean probability; `None` without samples.
    pub mean_probability: Option<f64>,
    /// Share of positives among them; `None` without samples.
    pub share_positive: Option<f64>,
}

/// Ten bins of equal width, as scikit-learn's `calibration_curve`.
pub fn reliability(groups: &[ScoreGroup]) -> Vec<ReliabilityBin> {
    let end = |bin: usize| bin as f64 / BINS as f64;
    let (mut counts, mut positives, mut sums) = ([0u64; BINS], [0u64; BINS], [0.0; BINS]);
    for group in groups {
        let probability = f64::from(group.probability);
        let bin = (1..BINS).filter(|bin| probability > end(*bin)).count();
        let count = group.positives + group.negatives;
        counts[bin] += count;
        positives[bin] += group.positives;
        sums[bin] += probability * count as f64;
    }
    (0..BINS)
        .map(|bin| {
            let mean = |sum: f64| (counts[bin] > 0).then(|| sum / counts[bin] as f64);
            ReliabilityBin {
                low: end(bin),
                high: end(bin + 1),
                count: counts[bin],
                mean_probability: mean(sums[bin]),
                share_positive: mean(positives[bin] as f64),
            }
        })
        .collect()
}

/// Expected calibration error: by how much mean probability and share of positives differ, averaged over samples.
pub fn expected_calibration_error(bins: &[ReliabilityBin]) -> Option<f64> {
    let count: u64 = bins.iter().map(|bin| bin.count).sum();
    let gaps = bins
        .iter()
        .filter_map(|bin| Some((bin.mean_probability? - bin.share_positive?).abs() * bin.count as f64))
        .sum::<f64>();
    (count > 0).then(|| gaps / count as f64)
}

fn mean(
    groups: &[ScoreGroup],
    of_positive: impl Fn(&ScoreGroup) -> f64,
    of_negative: impl Fn(&ScoreGroup) -> f64,
) -> Option<f64> {
    let (positives, negatives) = class_counts(groups);
    let sum: f64 = groups
        .iter()
        .map(|group| group.positives as f64 * of_positive(group) + group.negatives as f64 * of_negative(group))
        .sum();
    (positives + negatives > 0).then(|| sum / (positives + negatives) as f64)
}

/// Mean squared difference of probability and label.
pub fn brier_score(groups: &[ScoreGroup]) -> Option<f64> {
    mean(groups, |group| (1.0 - f64::from(group.probability)).powi(2), |group| f64::from(group.probability).powi(2))
}

/// Mean negative log-likelihood of the labels.
pub fn log_loss(groups: &[ScoreGroup]) -> Option<f64> {
    mean(groups, |group| group.loss_of_positive, |group| group.loss_of_negative)
}
