//! Thresholds chosen by what they do on a data set.

use super::confusion::{ConfusionMatrix, share};
use super::intervals::wilson;
use super::ranking::{ScoreGroup, class_counts};
use lens_model::{OperatingPoint, OperatingRule, Rate};

/// The operating point by the rule, or why there is none. The threshold is halfway between two probabilities of the
/// data set (or the lowest and 0), so that rounding on another machine moves no image across it.
pub fn operating_point(groups: &[ScoreGroup], rule: OperatingRule) -> std::result::Result<OperatingPoint, String> {
    let (positives, negatives) = class_counts(groups);
    if positives == 0 || negatives == 0 {
        return Err("there are samples of one class only".into());
    }
    let cuts = cuts(groups);
    let threshold = match rule {
        OperatingRule::Youden => {
            // Youden's index times both class counts, so that equal ones are seen to be equal.
            let index = |cut: &Cut| {
                i128::from(cut.positives) * i128::from(negatives) - i128::from(cut.negatives) * i128::from(positives)
            };
            // Of equal ones the last that is seen: the highest threshold.
            let best = cuts.iter().rev().max_by_key(|cut| index(cut)).filter(|cut| index(cut) > 0);
            best.ok_or("no threshold does better than chance")?.threshold
        }
        OperatingRule::Sensitivity(target) => {
            // Whole numbers divide to the double that a target such as 0.95 is, where they make 0.95.
            let reaches = |cut: &&Cut| share(cut.positives, positives).is_some_and(|sensitivity| sensitivity >= target);
            let most = cuts.last().map_or(0, |cut| cut.positives);
            let unreachable = || {
                format!("{} of {positives} positives have probability 0, which no threshold is below", positives - most)
            };
            cuts.iter().find(reaches).ok_or_else(unreachable)?.threshold
        }
    };
    let matrix = ConfusionMatrix::of(groups, threshold);
    let rate = |part, whole| {
        let interval = wilson(part, whole);
        Rate { value: part as f64 / whole as f64, low: interval.low, high: interval.high }
    };
    Ok(OperatingPoint {
        rule,
        threshold,
        sensitivity: rate(matrix.true_positive, positives),
        specificity: rate(matrix.true_negative, negatives),
        true_positive: matrix.true_positive,
        false_positive: matrix.false_positive,
        true_negative: matrix.true_negative,
        false_negative: matrix.false_negative,
    })
}

/// A threshold, and what is called positive by it.
struct Cut {
    threshold: f32,
    positives: u64,
    negatives: u64,
}

/// The cuts below each group, highest threshold first. No cut is below probability 0.
fn cuts(groups: &[ScoreGroup]) -> Vec<Cut> {
    let lower = groups.iter().skip(1).map(|group| group.probability).chain([0.0]);
    let (mut positives, mut negatives) = (0, 0);
    groups
        .iter()
        .zip(lower)
        .filter(|(group, _)| group.probability > 0.0)
        .map(|(group, lower)| {
            positives += group.positives;
            negatives += group.negatives;
            Cut { threshold: halfway(lower, group.probability), positives, negatives }
        })
        .collect()
}

/// At least `low` and less than `high`, whatever the rounding.
fn halfway(low: f32, high: f32) -> f32 {
    let middle = ((f64::from(low) + f64::from(high)) / 2.0) as f32;
    if middle < high { middle } else { low }
}

#[cfg(test)]
mod tests {
    use super::super::ranking::{Ranking, ScoredSample};
    use super::*;
    use crate::classify::Prediction;
    use lens_base::generator;
    use rand::RngExt;

    #[test]
    fn operating_point_on_its_data_set() {
        let mut random = generator(8, 0);
        // Probabilities that are neighbours as floats, at the ends and in the middle, with ties.
        for start in [0.0f32, f32::from_bits(1), 0.3, 0.5, 1.0 - 8.0 * f32::EPSILON] {
            for _ in 0..50 {
                let samples: Vec<ScoredSample> = (0..40)
                    .map(|_| ScoredSample {
                        positive: random.random_bool(0.4),
                        probability: f32::from_bits(start.to_bits() + random.random_range(0..8)),
                    })
                    .collect();
                let groups = Ranking::of(&samples).groups;
                for rule in [OperatingRule::Youden, OperatingRule::Sensitivity(0.8), OperatingRule::Sensitivity(1.0)] {
                    let Ok(point) = operating_point(&groups, rule) else { continue };
                    let called = |positive| {
                        let calls = samples.iter().filter(|sample| sample.positive == positive);
                        calls
                            .filter(|sample| Prediction::from_probability(sample.probability, point.threshold).positive)
                            .count() as u64
                    };
                    assert_eq!((point.true_positive, point.false_positive), (called(true), called(false)), "{rule:?}");
                    assert!((0.0..=1.0).contains(&point.threshold));
                }
            }
        }
    }

    #[test]
    fn unreachable_operating_points() {
        let groups = |samples: &[(bool, f32)]| {
            let scored =
                |(positive, probability): &(bool, f32)| ScoredSample { positive: *positive, probability: *probability };
            Ranking::of(&samples.iter().map(scored).collect::<Vec<_>>()).groups
        };
        let reason = |samples: &[(bool, f32)], rule| operating_point(&groups(samples), rule).unwrap_err();
        let all = OperatingRule::Sensitivity(1.0);
        assert!(
            reason(&[(true, 0.0), (true, 0.5), (false, 0.25)], all).contains("1 of 2 positives have probability 0")
        );
        assert!(reason(&[(true, 0.2), (false, 0.5)], OperatingRule::Youden).contains("chance"));
        assert!(reason(&[(true, 0.2), (true, 0.5)], all).contains("one class"));
        assert_eq!(operating_point(&groups(&[(true, 0.5), (false, 0.25)]), all).unwrap().threshold, 0.375);
        // Of equally good cuts the highest threshold: half of the positives without, or all with half of the negatives.
        let equal = groups(&[(true, 0.9), (true, 0.5), (false, 0.5), (false, 0.1)]);
        assert_eq!(operating_point(&equal, OperatingRule::Youden).unwrap().threshold, 0.7);
    }
}
