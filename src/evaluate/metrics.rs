//! Figures of merit from labels and probabilities.

use serde_json::{Map, Value, json};

/// A sample's label and what the model said.
#[derive(Clone, Copy, Debug)]
pub struct Scored {
    /// Whether it is of the positive class.
    pub positive: bool,
    /// Anything that rises with the probability: ROC AUC needs the order only, and logits keep it where probabilities
    /// round to the same number.
    pub score: f32,
    /// Whether the model called it positive.
    pub called_positive: bool,
}

/// The confusion matrix and what follows from it, and the area under the ROC curve.
#[derive(Clone, Debug, PartialEq)]
pub struct Metrics {
    /// Positives called positive.
    pub true_positive: usize,
    /// Negatives called positive.
    pub false_positive: usize,
    /// Negatives called negative.
    pub true_negative: usize,
    /// Positives called negative.
    pub false_negative: usize,
    /// Share of samples called right; `None` without samples.
    pub accuracy: Option<f64>,
    /// Share of positives called positive; `None` without positives.
    pub sensitivity: Option<f64>,
    /// Share of negatives called negative; `None` without negatives.
    pub specificity: Option<f64>,
    /// Probability that a positive scores higher than a negative, ties counting half; `None` without both.
    pub roc_auc: Option<f64>,
}

fn share(part: usize, whole: usize) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// Area under the ROC curve, by ranks (Mann-Whitney), ties counting half.
pub fn roc_auc(samples: &[Scored]) -> Option<f64> {
    let mut sorted: Vec<&Scored> = samples.iter().collect();
    sorted.sort_by(|one, other| one.score.total_cmp(&other.score));
    let (mut negatives_below, mut twice_wins, mut positives) = (0u64, 0u64, 0u64);
    for tied in sorted.chunk_by(|one, other| one.score == other.score) {
        let here = tied.iter().filter(|sample| sample.positive).count() as u64;
        let negatives = tied.len() as u64 - here;
        twice_wins += here * (2 * negatives_below + negatives);
        negatives_below += negatives;
        positives += here;
    }
    let pairs = positives * negatives_below;
    (pairs > 0).then(|| twice_wins as f64 / (2 * pairs) as f64)
}

impl Metrics {
    /// Of these samples.
    pub fn of(samples: &[Scored]) -> Self {
        let count = |positive, called| {
            samples.iter().filter(|sample| sample.positive == positive && sample.called_positive == called).count()
        };
        let (true_positive, false_negative) = (count(true, true), count(true, false));
        let (false_positive, true_negative) = (count(false, true), count(false, false));
        Metrics {
            true_positive,
            false_positive,
            true_negative,
            false_negative,
            accuracy: share(true_positive + true_negative, samples.len()),
            sensitivity: share(true_positive, true_positive + false_negative),
            specificity: share(true_negative, true_negative + false_positive),
            roc_auc: roc_auc(samples),
        }
    }

    /// `metrics`, `undefined` and `confusion_matrix` of a report.
    pub fn describe(&self) -> Map<String, Value> {
        let figures = [
            ("accuracy", self.accuracy, "there are no samples"),
            ("roc_auc", self.roc_auc, "there are samples of one class only"),
            ("sensitivity", self.sensitivity, "there are no positive samples"),
            ("specificity", self.specificity, "there are no negative samples"),
        ];
        let (mut metrics, mut undefined, mut fields) = (Map::new(), Map::new(), Map::new());
        for (name, value, reason) in figures {
            metrics.insert(name.into(), json!(value));
            if value.is_none() {
                undefined.insert(name.into(), json!(reason));
            }
        }
        fields.insert("metrics".into(), Value::Object(metrics));
        fields.insert("undefined".into(), Value::Object(undefined));
        fields.insert(
            "confusion_matrix".into(),
            json!({
                "true_negative": self.true_negative,
                "false_positive": self.false_positive,
                "false_negative": self.false_negative,
                "true_positive": self.true_positive,
            }),
        );
        fields
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scored(samples: &[(bool, f32)]) -> Vec<Scored> {
        samples
            .iter()
            .map(|(positive, score)| Scored { positive: *positive, score: *score, called_positive: *score > 0.5 })
            .collect()
    }

    #[test]
    fn a_metric_that_does_not_exist_is_null_with_the_reason() {
        let described = Metrics::of(&scored(&[(true, 0.9), (true, 0.1)])).describe();
        assert_eq!(described["metrics"]["accuracy"], 0.5);
        assert_eq!(described["metrics"]["roc_auc"], Value::Null);
        assert!(described["undefined"]["roc_auc"].as_str().unwrap().contains("one class"));
        assert!(described["undefined"]["specificity"].is_string());
        assert!(described["undefined"].get("sensitivity").is_none());
    }

    #[test]
    fn ties_count_half() {
        assert_eq!(roc_auc(&scored(&[(true, 0.5), (false, 0.5)])), Some(0.5));
        assert_eq!(roc_auc(&scored(&[(true, 0.7), (true, 0.5), (false, 0.5), (false, 0.1)])), Some(0.875));
    }
}
