//! All figures of a set of predictions, with intervals and curves.

use super::confusion::ClassificationReport;
use super::intervals::{Bootstrap, Interval, delong, proportion, wilson};
use super::metrics::{Metrics, Named};
use super::operating_point::operating_point;
use super::probabilities::{ReliabilityBin, reliability};
use super::ranking::{PrecisionRecallCurve, Ranking, RocCurve, ScoredSample};
use lens_base::{Control, Options, Result};
use lens_model::{OperatingPoint, OperatingRule};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Options of the metrics.
#[derive(Clone, Copy, Debug, PartialEq, Options)]
pub struct MetricOptions {
    /// The sensitivity that the operating point "sensitivity" has at least.
    #[option(default = TARGET_SENSITIVITY, above = 0, maximum = 1, flag = "--sensitivity X")]
    pub target_sensitivity: f64,
    /// How the intervals that have no formula are found.
    #[option(nested)]
    pub bootstrap: Bootstrap,
}

/// What operating points aim at where nothing else is asked for.
pub(crate) const TARGET_SENSITIVITY: f64 = 0.95;

/// Figures of merit with their intervals, and what can be drawn of the predictions.
#[derive(Clone, Debug)]
pub struct Figures {
    /// The figures of merit.
    pub metrics: Metrics,
    /// 95 % confidence intervals, by the figures' names.
    pub intervals: BTreeMap<&'static str, Interval>,
    /// Why a figure, its interval (`<figure>_interval`) or an operating point (`operating_point_<rule>`) does not
    /// exist.
    pub undefined: BTreeMap<String, String>,
    /// Precision, recall and F1 by class.
    pub report: ClassificationReport,
    /// `None` without samples of both classes.
    pub roc: Option<RocCurve>,
    /// `None` without positive samples.
    pub precision_recall: Option<PrecisionRecallCurve>,
    /// Ten bins.
    pub reliability: Vec<ReliabilityBin>,
    /// The best threshold by Youden's index.
    pub youden: Option<OperatingPoint>,
    /// The highest threshold with the sensitivity that is aimed at.
    pub sensitivity: Option<OperatingPoint>,
}

impl Figures {
    /// The figures of these samples, positive meaning a probability greater than the threshold.
    pub fn of(samples: &[ScoredSample], threshold: f32, options: &MetricOptions, control: &Control) -> Result<Self> {
        options.check_ranges()?;
        let ranking = Ranking::of(samples);
        let metrics = Metrics::of_groups(&ranking.groups, threshold);
        let mut undefined = BTreeMap::new();
        let intervals = intervals(&metrics, &ranking, threshold, options, control, &mut undefined)?;
        let mut point = |rule, name: &str| {
            operating_point(&ranking.groups, rule)
                .map_err(|reason| undefined.insert(format!("operating_point_{name}"), reason))
                .ok()
        };
        Ok(Figures {
            youden: point(OperatingRule::Youden, "youden"),
            sensitivity: point(OperatingRule::Sensitivity(options.target_sensitivity), "sensitivity"),
            report: ClassificationReport::of(&metrics.matrix),
            roc: RocCurve::of(&ranking.groups),
            precision_recall: PrecisionRecallCurve::of(&ranking.groups),
            reliability: reliability(&ranking.groups),
            metrics,
            intervals,
            undefined,
        })
    }

    /// The fields of a report.
    pub fn describe(&self) -> Map<String, Value> {
        let named = self.metrics.named();
        let values: Map<_, _> = named.iter().map(|metric| (metric.name.into(), json!(metric.value))).collect();
        let interval = |metric: &Named| self.intervals.get(metric.name).map(Interval::describe);
        let intervals: Map<_, _> = named.iter().map(|metric| (metric.name.into(), json!(interval(metric)))).collect();
        let fields = [
            ("metrics", Value::Object(values)),
            ("undefined", json!(self.undefined)),
            ("intervals", Value::Object(intervals)),
            ("confusion_matrix", json!(self.metrics.matrix)),
            ("classification_report", json!(self.report)),
            ("roc", json!(self.roc)),
            ("precision_recall", json!(self.precision_recall)),
            ("reliability", json!(self.reliability)),
            ("operating_points", json!({ "youden": self.youden, "sensitivity": self.sensitivity })),
        ];
        fields.into_iter().map(|(name, value)| (name.to_string(), value)).collect()
    }
}

/// The interval of each figure that has one; reasons for the others, and for figures that do not exist.
fn intervals(
    metrics: &Metrics,
    ranking: &Ranking,
    threshold: f32,
    options: &MetricOptions,
    control: &Control,
    undefined: &mut BTreeMap<String, String>,
) -> Result<BTreeMap<&'static str, Interval>> {
    let mut found: BTreeMap<&'static str, std::result::Result<Interval, String>> = BTreeMap::new();
    let mut resampled = Vec::new();
    for Named { name, value, reason } in metrics.named() {
        if value.is_none() {
            undefined.insert(name.into(), reason.into());
        } else if let Some((part, whole)) = proportion(name, &metrics.matrix) {
            found.insert(name, Ok(wilson(part, whole)));
        } else if name == "roc_auc" {
            found.insert(name, delong(&ranking.groups));
        } else {
            resampled.push(name);
        }
    }
    let bootstrap = options.bootstrap.intervals(ranking, threshold, &resampled, control)?;
    found.extend(resampled.into_iter().zip(bootstrap));
    let mut kept = BTreeMap::new();
    for (name, interval) in found {
        match interval {
            Ok(interval) => {
                kept.insert(name, interval);
            }
            Err(reason) => {
                undefined.insert(format!("{name}_interval"), reason);
            }
        }
    }
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn undefined_figures() {
        let samples = [0.9, 0.1].map(|probability| ScoredSample { positive: true, probability });
        let figures = Figures::of(&samples, 0.5, &MetricOptions::default(), &Control::default()).unwrap();
        let described = figures.describe();
        assert_eq!(described["metrics"]["accuracy"], 0.5);
        let undefined = described["undefined"].as_object().unwrap();
        for name in ["roc_auc", "balanced_accuracy", "specificity", "mcc"] {
            assert_eq!(described["metrics"][name], Value::Null, "{name}");
            assert_eq!(described["intervals"][name], Value::Null, "{name}");
            assert!(undefined[name].is_string(), "{name}");
        }
        assert_eq!(described["roc"], Value::Null);
        assert_eq!(described["operating_points"]["youden"], Value::Null);
        assert!(undefined["operating_point_youden"].as_str().unwrap().contains("one class"));
        assert!(!undefined.contains_key("sensitivity") && described["intervals"]["sensitivity"].is_object());
        // Average precision is 1 in every resample, which is no interval.
        assert_eq!(described["metrics"]["pr_auc"], 1.0);
        assert!(undefined["pr_auc_interval"].is_string());
    }

    #[test]
    fn resamples_without_figure() {
        let samples: Vec<ScoredSample> = (0..60)
            .map(|index| ScoredSample { positive: index == 30, probability: if index % 7 == 2 { 0.75 } else { 0.25 } })
            .collect();
        let figures = Figures::of(&samples, 0.5, &MetricOptions::default(), &Control::default()).unwrap();
        let interval = figures.describe()["intervals"]["balanced_accuracy"].clone();
        // A positive is missing from a resample with probability (59/60)^60 = 0.365.
        let left_out = interval["left_out"].as_u64().unwrap();
        assert!((650..=810).contains(&left_out), "{left_out}");
        assert_eq!(interval["resamples"].as_u64().unwrap(), 2000 - left_out);
    }

    #[test]
    fn bootstrap_seed() {
        let samples: Vec<ScoredSample> = (0..50)
            .map(|index| ScoredSample { positive: index % 3 == 0, probability: (index * 29 % 50) as f32 / 64.0 })
            .collect();
        let with = |seed| {
            let options = MetricOptions { bootstrap: Bootstrap { samples: 200, seed }, ..MetricOptions::default() };
            Figures::of(&samples, 0.5, &options, &Control::default()).unwrap().intervals
        };
        assert_eq!(with(1), with(1));
        assert_ne!(with(1), with(2));
    }
}
