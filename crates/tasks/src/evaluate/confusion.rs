//! Figures from the confusion matrix.

use super::ranking::ScoreGroup;
use serde::Serialize;

/// How many samples of each class were called what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ConfusionMatrix {
    /// Positives called positive.
    pub true_positive: u64,
    /// Negatives called positive.
    pub false_positive: u64,
    /// Negatives called negative.
    pub true_negative: u64,
    /// Positives called negative.
    pub false_negative: u64,
}

pub(super) fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

impl ConfusionMatrix {
    /// Counts samples, positive meaning a probability greater than the threshold.
    pub fn of(groups: &[ScoreGroup], threshold: f32) -> Self {
        let mut matrix = ConfusionMatrix::default();
        for group in groups {
            if group.probability > threshold {
                matrix.true_positive += group.positives;
                matrix.false_positive += group.negatives;
            } else {
                matrix.false_negative += group.positives;
                matrix.true_negative += group.negatives;
            }
        }
        matrix
    }

    /// All samples.
    pub fn samples(&self) -> u64 {
        self.positives() + self.negatives()
    }

    /// Samples of the positive class.
    pub fn positives(&self) -> u64 {
        self.true_positive + self.false_negative
    }

    /// Samples of the negative class.
    pub fn negatives(&self) -> u64 {
        self.true_negative + self.false_positive
    }

    /// Samples called positive.
    pub fn called_positive(&self) -> u64 {
        self.true_positive + self.false_positive
    }

    /// Samples called negative.
    pub fn called_negative(&self) -> u64 {
        self.true_negative + self.false_negative
    }

    /// Samples called what they are.
    pub fn right(&self) -> u64 {
        self.true_positive + self.true_negative
    }

    /// Share of samples called right; `None` without samples.
    pub fn accuracy(&self) -> Option<f64> {
        share(self.right(), self.samples())
    }

    /// Share of positives called positive; `None` without positives.
    pub fn sensitivity(&self) -> Option<f64> {
        share(self.true_positive, self.positives())
    }

    /// Share of negatives called negative; `None` without negatives.
    pub fn specificity(&self) -> Option<f64> {
        share(self.true_negative, self.negatives())
    }

    /// Mean of sensitivity and specificity; `None` without samples of both classes.
    pub fn balanced_accuracy(&self) -> Option<f64> {
        Some((self.sensitivity()? + self.specificity()?) / 2.0)
    }

    /// Positive predictive value; `None` when no sample is called positive.
    pub fn ppv(&self) -> Option<f64> {
        share(self.true_positive, self.called_positive())
    }

    /// Negative predictive value; `None` when no sample is called negative.
    pub fn npv(&self) -> Option<f64> {
        share(self.true_negative, self.called_negative())
    }

    /// F1 of the positive class; `None` when no sample is positive or called so.
    pub fn f1(&self) -> Option<f64> {
        share(2 * self.true_positive, self.positives() + self.called_positive())
    }

    /// Matthews' correlation of labels and calls; `None` when all labels or all calls are the same.
    pub fn mcc(&self) -> Option<f64> {
        let sides = [self.positives(), self.negatives(), self.called_positive(), self.called_negative()];
        if sides.contains(&0) {
            return None;
        }
        let wide = |count: u64| count as f64;
        let covariance =
            wide(self.true_positive) * wide(self.true_negative) - wide(self.false_positive) * wide(self.false_negative);
        Some(covariance / sides.into_iter().map(|side| wide(side).sqrt()).product::<f64>())
    }

    fn of_the_negative_class(&self) -> Self {
        ConfusionMatrix {
            true_positive: self.true_negative,
            false_positive: self.false_negative,
            true_negative: self.true_positive,
            false_negative: self.false_positive,
        }
    }
}

/// Precision, recall and F1 of a class, or averages of them. What does not exist is `None`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ClassFigures {
    /// Share of samples called so that are.
    pub precision: Option<f64>,
    /// Share of the class's samples called so.
    pub recall: Option<f64>,
    /// Harmonic mean of both.
    pub f1: Option<f64>,
    /// Samples.
    pub support: u64,
}

impl ClassFigures {
    fn of(matrix: &ConfusionMatrix) -> Self {
        ClassFigures {
            precision: matrix.ppv(),
            recall: matrix.sensitivity(),
            f1: matrix.f1(),
            support: matrix.positives(),
        }
    }

    fn average(classes: &[ClassFigures; 2], weight: impl Fn(&ClassFigures) -> f64) -> Self {
        let mean = |figure: fn(&ClassFigures) -> Option<f64>| {
            let known = || classes.iter().filter_map(|class| Some((figure(class)?, weight(class))));
            let total: f64 = known().map(|(_, weight)| weight).sum();
            if total > 0.0 {
                return Some(known().map(|(value, weight)| value * weight).sum::<f64>() / total);
            }
            let count = known().count();
            (count > 0).then(|| known().map(|(value, _)| value).sum::<f64>() / count as f64)
        };
        ClassFigures {
            precision: mean(|class| class.precision),
            recall: mean(|class| class.recall),
            f1: mean(|class| class.f1),
            support: classes.iter().map(|class| class.support).sum(),
        }
    }
}

/// scikit-learn's `classification_report` with `zero_division=nan`: what does not exist is left out of the averages.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ClassificationReport {
    /// Figures of the negative class.
    pub negative: ClassFigures,
    /// Figures of the positive class.
    pub positive: ClassFigures,
    /// Share of samples called right.
    pub accuracy: Option<f64>,
    /// Each class counting the same.
    pub macro_average: ClassFigures,
    /// Each class counting by its samples.
    pub weighted_average: ClassFigures,
}

impl ClassificationReport {
    /// The report of a confusion matrix.
    pub fn of(matrix: &ConfusionMatrix) -> Self {
        let classes = [ClassFigures::of(&matrix.of_the_negative_class()), ClassFigures::of(matrix)];
        ClassificationReport {
            negative: classes[0],
            positive: classes[1],
            accuracy: matrix.accuracy(),
            macro_average: ClassFigures::average(&classes, |_| 1.0),
            weighted_average: ClassFigures::average(&classes, |class| class.support as f64),
        }
    }
}
