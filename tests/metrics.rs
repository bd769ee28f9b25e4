//! Metrics against scikit-learn's (tests/golden/metrics.py).

use lesionlens::evaluate::{Metrics, Scored};
use serde_json::Value;

#[test]
fn metrics_are_scikit_learns() {
    let golden: Value = serde_json::from_str(include_str!("golden/metrics.json")).unwrap();
    for set in golden["sets"].as_array().unwrap() {
        let name = set["name"].as_str().unwrap();
        let labels = set["labels"].as_array().unwrap();
        let samples: Vec<Scored> = labels
            .iter()
            .zip(set["probabilities"].as_array().unwrap())
            .map(|(label, probability)| {
                let score = probability.as_f64().unwrap() as f32;
                Scored { positive: label == 1, score, called_positive: score > 0.5 }
            })
            .collect();
        let found = Value::Object(Metrics::of(&samples).describe());
        let expected = &set["expected"];
        for metric in ["accuracy", "roc_auc", "sensitivity", "specificity"] {
            let (found, expected) = (found["metrics"][metric].as_f64(), expected[metric].as_f64());
            match (found, expected) {
                (Some(found), Some(expected)) => {
                    assert!((found - expected).abs() < 1e-12, "{name} {metric}: {found} {expected}");
                }
                _ => assert_eq!(found, expected, "{name} {metric}"),
            }
        }
        assert_eq!(found["confusion_matrix"], expected["confusion_matrix"], "{name}");
    }
}
