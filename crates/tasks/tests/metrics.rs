//! Figures of merit against scikit-learn's, SciPy's and NumPy's (tests/golden/metrics.py).

use lens_base::Control;
use lens_tasks::evaluate::{Bootstrap, Figures, MetricOptions, ScoredSample, fit_temperature};
use serde_json::Value;

fn golden() -> Value {
    serde_json::from_str(include_str!("../../../tests/golden/metrics.json")).unwrap()
}

fn labelled<T>(set: &Value, values: &str, make: impl Fn(bool, f32) -> T) -> Vec<T> {
    let labels = set["labels"].as_array().unwrap().iter();
    let values = set[values].as_array().unwrap().iter();
    labels.zip(values).map(|(label, value)| make(label == 1, value.as_f64().unwrap() as f32)).collect()
}

fn figures(golden: &Value, set: &Value, resamples: u32) -> Figures {
    let samples = labelled(set, "probabilities", |positive, probability| ScoredSample { positive, probability });
    let options = MetricOptions {
        target_sensitivity: golden["target_sensitivity"].as_f64().unwrap(),
        bootstrap: Bootstrap { samples: resamples, seed: 5 },
    };
    let threshold = golden["threshold"].as_f64().unwrap() as f32;
    Figures::of(&samples, threshold, &options, &Control::default()).unwrap()
}

/// Everything that is expected is found: numbers to 1e-9, the rest as it is.
fn check(path: &str, found: &Value, expected: &Value) {
    match expected {
        Value::Object(fields) => {
            for (name, expected) in fields {
                check(&format!("{path}.{name}"), &found[name], expected);
            }
        }
        Value::Array(elements) => {
            assert_eq!(found.as_array().map(Vec::len), Some(elements.len()), "{path}");
            for (index, expected) in elements.iter().enumerate() {
                check(&format!("{path}[{index}]"), &found[index], expected);
            }
        }
        Value::Number(number) => {
            let expected = number.as_f64().unwrap();
            let found = found.as_f64().unwrap_or_else(|| panic!("{path} is {found}, expected {expected}"));
            assert!((found - expected).abs() < 1e-9, "{path} is {found}, expected {expected}");
        }
        other => assert_eq!(found, other, "{path}"),
    }
}

#[test]
fn figures_against_scikit_learn() {
    let golden = golden();
    for set in golden["sets"].as_array().unwrap() {
        let described = Value::Object(figures(&golden, set, 0).describe());
        check(set["name"].as_str().unwrap(), &described, &set["expected"]);
    }
}

/// What is null has a reason, and what has a reason is null.
#[test]
fn reasons_of_null_figures() {
    let golden = golden();
    for set in golden["sets"].as_array().unwrap() {
        let described = figures(&golden, set, 200).describe();
        let nulls = |group: &str, name: &dyn Fn(&str) -> String| -> Vec<String> {
            let fields = described[group].as_object().unwrap().iter();
            fields.filter(|(_, value)| value.is_null()).map(|(field, _)| name(field)).collect()
        };
        let mut expected = nulls("metrics", &|name| name.to_string());
        // An interval of a figure that does not exist needs no reason of its own.
        let of_existing = nulls("intervals", &|name| format!("{name}_interval"));
        expected.extend(
            of_existing
                .into_iter()
                .filter(|name| !expected.contains(&name.replace("_interval", "")))
                .collect::<Vec<_>>(),
        );
        expected.extend(nulls("operating_points", &|name| format!("operating_point_{name}")));
        expected.sort();
        let reasons: Vec<_> = described["undefined"].as_object().unwrap().keys().cloned().collect();
        assert_eq!(reasons, expected, "{}", set["name"]);
    }
}

/// Two generators draw different data sets, so the ends agree to a fraction of the figure's spread: at 10 000 resamples
/// the standard error of such a percentile is about 0.027 deviations, and 0.012 of NumPy's from 50 000.
#[test]
fn bootstrap_intervals_against_numpy() {
    let golden = golden();
    for set in golden["sets"].as_array().unwrap() {
        let Some(expected) = set["bootstrap"].as_object() else { continue };
        let found = figures(&golden, set, 10_000).intervals;
        for (name, expected) in expected {
            let (interval, deviation) = (found[name.as_str()], expected["deviation"].as_f64().unwrap());
            for (end, found) in [("low", interval.low), ("high", interval.high)] {
                let off = (found - expected[end].as_f64().unwrap()).abs() / deviation;
                assert!(off < 0.12, "{} {name} {end}: {found} {} ({off} deviations)", set["name"], expected[end]);
            }
        }
    }
}

#[test]
fn temperatures_against_scipy() {
    for set in golden()["temperatures"].as_array().unwrap() {
        let found = fit_temperature(&labelled(set, "logits", |positive, logit| (positive, logit))).unwrap();
        let expected = set["temperature"].as_f64().unwrap();
        assert!((found / expected - 1.0).abs() < 1e-9, "{found} {expected}");
    }
}
