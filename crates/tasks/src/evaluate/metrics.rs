//! Figures of merit from labels and probabilities.

use super::confusion::ConfusionMatrix;
use super::probabilities::{brier_score, expected_calibration_error, log_loss, reliability};
use super::ranking::{Ranking, ScoreGroup, ScoredSample, average_precision, roc_auc};

/// All figures of merit; `None` is one that does not exist for these samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Metrics {
    /// How many samples of each class were called what.
    pub matrix: ConfusionMatrix,
    /// Area under the ROC curve, by ranks, ties counting half.
    pub roc_auc: Option<f64>,
    /// Area under the precision-recall curve: average precision.
    pub pr_auc: Option<f64>,
    /// Mean squared difference of probability and label.
    pub brier: Option<f64>,
    /// Mean negative log-likelihood.
    pub log_loss: Option<f64>,
    /// Expected calibration error over ten bins of equal width.
    pub ece: Option<f64>,
}

/// A figure by its name in reports.
pub struct Named {
    /// Its name.
    pub name: &'static str,
    /// It; `None` when it does not exist.
    pub value: Option<f64>,
    /// Why it does not, when it does not.
    pub reason: &'static str,
}

const NO_SAMPLES: &str = "there are no samples";
const NO_POSITIVES: &str = "there are no positive samples";
const NO_NEGATIVES: &str = "there are no negative samples";
const ONE_CLASS: &str = "there are samples of one class only";

impl Metrics {
    /// The metrics of these samples, positive meaning a probability greater than the threshold.
    pub fn of(samples: &[ScoredSample], threshold: f32) -> Self {
        Metrics::of_groups(&Ranking::of(samples).groups, threshold)
    }

    /// The same from ranked samples.
    pub fn of_groups(groups: &[ScoreGroup], threshold: f32) -> Self {
        Metrics {
            matrix: ConfusionMatrix::of(groups, threshold),
            roc_auc: roc_auc(groups),
            pr_auc: average_precision(groups),
            brier: brier_score(groups),
            log_loss: log_loss(groups),
            ece: expected_calibration_error(&reliability(groups)),
        }
    }

    /// Every figure, always in the same order.
    pub fn named(&self) -> [Named; 13] {
        let matrix = &self.matrix;
        let one_class = matrix.positives() == 0 || matrix.negatives() == 0;
        [
            ("accuracy", matrix.accuracy(), NO_SAMPLES),
            ("balanced_accuracy", matrix.balanced_accuracy(), ONE_CLASS),
            ("sensitivity", matrix.sensitivity(), NO_POSITIVES),
            ("specificity", matrix.specificity(), NO_NEGATIVES),
            ("ppv", matrix.ppv(), "no sample is called positive"),
            ("npv", matrix.npv(), "no sample is called negative"),
            ("f1", matrix.f1(), "no sample is positive or called positive"),
            ("mcc", matrix.mcc(), if one_class { ONE_CLASS } else { "all samples are called the same" }),
            ("roc_auc", self.roc_auc, ONE_CLASS),
            ("pr_auc", self.pr_auc, NO_POSITIVES),
            ("brier", self.brier, NO_SAMPLES),
            ("log_loss", self.log_loss, NO_SAMPLES),
            ("ece", self.ece, NO_SAMPLES),
        ]
        .map(|(name, value, reason)| Named { name, value, reason })
    }
}
