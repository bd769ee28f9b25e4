//! Samples in the order of their probabilities, and what follows from the order.

use rand::{Rng, RngExt};
use serde::Serialize;

/// A sample's label and predicted probability.
#[derive(Clone, Copy, Debug)]
pub struct ScoredSample {
    /// Whether it is of the positive class.
    pub positive: bool,
    /// Probability of the positive class, rounded as it is reported, so that figures and thresholds hold for reports.
    pub probability: f32,
}

/// Samples that share one probability. Every metric is a function of these, so a resampled data set is the same groups
/// with other counts.
#[derive(Clone, Copy, Debug)]
pub struct ScoreGroup {
    /// Their probability.
    pub probability: f32,
    /// How many of the positive class.
    pub positives: u64,
    /// How many of the negative class.
    pub negatives: u64,
    /// -log(probability).
    pub loss_of_positive: f64,
    /// -log(1 - probability).
    pub loss_of_negative: f64,
}

impl ScoreGroup {
    fn new(probability: f32) -> Self {
        // As scikit-learn: a certain and wrong prediction costs 36 instead of infinitely much.
        let clipped = f64::from(probability).clamp(f64::EPSILON, 1.0 - f64::EPSILON);
        ScoreGroup {
            probability,
            positives: 0,
            negatives: 0,
            loss_of_positive: -clipped.ln(),
            loss_of_negative: -(1.0 - clipped).ln(),
        }
    }

    fn add(&mut self, positive: bool) {
        *(if positive { &mut self.positives } else { &mut self.negatives }) += 1;
    }
}

/// A data set's groups, highest probability first.
#[derive(Clone, Debug)]
pub struct Ranking {
    /// The groups.
    pub groups: Vec<ScoreGroup>,
    /// For each sample its group, and whether it is positive.
    samples: Vec<(u32, bool)>,
}

impl Ranking {
    /// The ranking of these samples.
    pub fn of(samples: &[ScoredSample]) -> Self {
        let mut order: Vec<usize> = (0..samples.len()).collect();
        order.sort_by(|one, other| samples[*other].probability.total_cmp(&samples[*one].probability));
        let mut ranking = Ranking { groups: Vec::new(), samples: vec![(0, false); samples.len()] };
        for index in order {
            let ScoredSample { positive, probability } = samples[index];
            if ranking.groups.last().is_none_or(|group| group.probability != probability) {
                ranking.groups.push(ScoreGroup::new(probability));
            }
            let group = ranking.groups.len() - 1;
            ranking.groups[group].add(positive);
            ranking.samples[index] = (group as u32, positive);
        }
        ranking
    }

    /// Sets the counts to those of as many samples, drawn with replacement.
    pub fn resample(&self, groups: &mut [ScoreGroup], random: &mut impl Rng) {
        for group in groups.iter_mut() {
            (group.positives, group.negatives) = (0, 0);
        }
        for _ in 0..self.samples.len() {
            let (group, positive) = self.samples[random.random_range(0..self.samples.len())];
            groups[group as usize].add(positive);
        }
    }

    /// How many samples.
    pub fn samples(&self) -> usize {
        self.samples.len()
    }
}

/// Positives and negatives in all.
pub fn class_counts(groups: &[ScoreGroup]) -> (u64, u64) {
    groups
        .iter()
        .fold((0, 0), |(positives, negatives), group| (positives + group.positives, negatives + group.negatives))
}

/// Area under the ROC curve: the probability that a positive ranks above a negative, ties counting half (Mann-Whitney).
pub fn roc_auc(groups: &[ScoreGroup]) -> Option<f64> {
    let (mut positives, mut negatives, mut twice_wins) = (0u64, 0u64, 0u128);
    for group in groups {
        twice_wins += u128::from(group.negatives) * u128::from(2 * positives + group.positives);
        positives += group.positives;
        negatives += group.negatives;
    }
    let pairs = u128::from(positives) * u128::from(negatives);
    (pairs > 0).then(|| twice_wins as f64 / (2 * pairs) as f64)
}

/// Area under the precision-recall curve as scikit-learn's average precision: precision at each threshold, weighted by
/// what it adds to recall. Joining the points by lines would be too optimistic.
pub fn average_precision(groups: &[ScoreGroup]) -> Option<f64> {
    let (mut positives, mut called, mut sum) = (0u64, 0u64, 0.0);
    for group in groups.iter().filter(|group| group.positives + group.negatives > 0) {
        positives += group.positives;
        called += group.positives + group.negatives;
        sum += group.positives as f64 * (positives as f64 / called as f64);
    }
    (positives > 0).then(|| sum / positives as f64)
}

/// Positives and negatives at or above a probability.
#[derive(Clone, Copy)]
struct Reached {
    probability: f32,
    positives: u64,
    negatives: u64,
}

fn reached(groups: &[ScoreGroup]) -> Vec<Reached> {
    let (mut positives, mut negatives) = (0, 0);
    groups
        .iter()
        .map(|group| {
            positives += group.positives;
            negatives += group.negatives;
            Reached { probability: group.probability, positives, negatives }
        })
        .collect()
}

/// Leaves out points that their neighbours imply; the first and the last stay.
fn thinned(points: Vec<Reached>, is_needed: impl Fn(&Reached, &Reached, &Reached) -> bool) -> Vec<Reached> {
    (0..points.len())
        .filter(|&index| {
            index == 0 || index + 1 == points.len() || is_needed(&points[index - 1], &points[index], &points[index + 1])
        })
        .map(|index| points[index])
        .collect()
}

/// scikit-learn's `roc_curve`, without points in the middle of a straight line.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RocCurve {
    /// Falling; a point counts samples with at least this probability. The first is infinite: no sample (null in JSON).
    pub thresholds: Vec<f32>,
    /// Share of negatives called positive.
    pub false_positive_rate: Vec<f64>,
    /// Share of positives called positive.
    pub true_positive_rate: Vec<f64>,
}

impl RocCurve {
    /// `None` without samples of both classes.
    pub fn of(groups: &[ScoreGroup]) -> Option<Self> {
        let (positives, negatives) = class_counts(groups);
        if positives == 0 || negatives == 0 {
            return None;
        }
        let step = |from: &Reached, to: &Reached| (to.positives - from.positives, to.negatives - from.negatives);
        let points = thinned(reached(groups), |before, here, after| step(before, here) != step(here, after));
        let curve =
            |start, value: &dyn Fn(&Reached) -> f64| [start].into_iter().chain(points.iter().map(value)).collect();
        Some(RocCurve {
            thresholds: [f32::INFINITY].into_iter().chain(points.iter().map(|point| point.probability)).collect(),
            false_positive_rate: curve(0.0, &|point| point.negatives as f64 / negatives as f64),
            true_positive_rate: curve(0.0, &|point| point.positives as f64 / positives as f64),
        })
    }
}

/// scikit-learn's `precision_recall_curve`, with the first and the last point of each recall only.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PrecisionRecallCurve {
    /// Rising; a point counts samples with at least this probability. One less than points: the last point, precision 1
    /// and recall 0, has none.
    pub thresholds: Vec<f32>,
    /// Share of samples called positive that are.
    pub precision: Vec<f64>,
    /// Share of positives called positive.
    pub recall: Vec<f64>,
}

impl PrecisionRecallCurve {
    /// `None` without positive samples.
    pub fn of(groups: &[ScoreGroup]) -> Option<Self> {
        let (positives, _) = class_counts(groups);
        if positives == 0 {
            return None;
        }
        let mut points = thinned(reached(groups), |before, here, after| {
            before.positives != here.positives || here.positives != after.positives
        });
        points.reverse();
        let curve = |value: &dyn Fn(&Reached) -> f64, end| points.iter().map(value).chain([end]).collect();
        Some(PrecisionRecallCurve {
            thresholds: points.iter().map(|point| point.probability).collect(),
            precision: curve(&|point| point.positives as f64 / (point.positives + point.negatives) as f64, 1.0),
            recall: curve(&|point| point.positives as f64 / positives as f64, 0.0),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lens_base::generator;

    fn ranking(samples: &[(bool, f32)]) -> Ranking {
        let scored =
            |(positive, probability): &(bool, f32)| ScoredSample { positive: *positive, probability: *probability };
        Ranking::of(&samples.iter().map(scored).collect::<Vec<_>>())
    }

    #[test]
    fn tied_ranks() {
        assert_eq!(roc_auc(&ranking(&[(true, 0.5), (false, 0.5)]).groups), Some(0.5));
        let auc = roc_auc(&ranking(&[(true, 0.7), (true, 0.5), (false, 0.5), (false, 0.1)]).groups);
        assert_eq!(auc, Some(0.875));
    }

    #[test]
    fn resample_composition() {
        let ranking = ranking(&[(true, 0.1), (false, 0.9), (false, 0.1), (true, 0.5)]);
        let mut groups = ranking.groups.clone();
        let mut seen = [0; 4];
        for number in 0..400 {
            ranking.resample(&mut groups, &mut generator(1, number));
            let counts = [groups[0].negatives, groups[1].positives, groups[2].positives, groups[2].negatives];
            assert_eq!(counts.iter().sum::<u64>(), 4);
            assert_eq!(groups[0].positives + groups[1].negatives, 0);
            seen.iter_mut().zip(counts).for_each(|(seen, count)| *seen += count);
        }
        // 1600 draws of four kinds: 400 each, give or take five standard deviations of 17.3.
        assert!(seen.iter().all(|seen| seen.abs_diff(400) < 87), "{seen:?}");
    }
}
