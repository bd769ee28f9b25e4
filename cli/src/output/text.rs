//! Lines with a name and a figure, out of the library's documents.

use super::json::{count, find};
use crate::progress::duration;
use serde_json::Value;
use std::fmt::Write;

/// With so many significant digits at most, and no zeros at the end: C's %g.
pub fn short(number: f64, digits: usize) -> String {
    if number == 0.0 || !number.is_finite() {
        return number.to_string();
    }
    let rounded = format!("{number:.*e}", digits - 1);
    let (mantissa, exponent) = rounded.split_once('e').expect("it is written so");
    let exponent: i32 = exponent.parse().expect("an exponent is a number");
    let without_zeros = |text: &str| match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_string(),
        false => text.to_string(),
    };
    if (-4..digits as i32).contains(&exponent) {
        let decimals = (digits as i32 - 1 - exponent).max(0) as usize;
        return without_zeros(&format!("{number:.decimals$}"));
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{}e{sign}{:02}", without_zeros(mantissa), exponent.abs())
}

fn shown(number: f64) -> String {
    short(number, 4)
}

/// Lines of figures.
#[derive(Default)]
pub struct Figures(pub String);

impl Figures {
    /// A name and what it is.
    pub fn text(&mut self, name: &str, text: &str) {
        // Writing to a string does not fail.
        let _ = writeln!(self.0, "{name:<18}{text}");
    }

    /// The number at a path; `reason`: the path of why there may be none.
    pub fn number(&mut self, name: &str, document: &Value, path: &str, reason: Option<&str>) {
        let text = match (find(document, path).as_f64(), reason.map(|reason| find(document, reason))) {
            (Some(number), _) => shown(number),
            (None, Some(Value::String(reason))) => format!("undefined: {reason}"),
            (None, _) => "unknown".into(),
        };
        self.text(name, &text);
    }

    /// A figure of merit of an evaluation, with its interval.
    pub fn metric(&mut self, name: &str, report: &Value, metric: &str) {
        let interval = find(report, &format!("intervals.{metric}"));
        let numbers = [&find(report, "metrics")[metric], &interval["low"], &interval["high"]].map(Value::as_f64);
        match numbers {
            [Some(number), Some(low), Some(high)] => {
                self.text(name, &format!("{:<10}({} to {})", shown(number), shown(low), shown(high)));
            }
            _ => self.number(name, report, &format!("metrics.{metric}"), Some(&format!("undefined.{metric}"))),
        }
    }

    /// A threshold of an evaluation and what it gives.
    pub fn operating_point(&mut self, name: &str, report: &Value, rule: &str) {
        let path = format!("operating_points.{rule}");
        let point = find(report, &path);
        let numbers = ["threshold", "sensitivity.value", "specificity.value"].map(|path| find(point, path).as_f64());
        match numbers {
            [Some(threshold), Some(sensitivity), Some(specificity)] => {
                let (sensitivity, specificity) = (shown(sensitivity), shown(specificity));
                let text = format!("{:<10}sensitivity {sensitivity}, specificity {specificity}", shown(threshold));
                self.text(name, &text);
            }
            _ => self.number(name, report, &path, Some(&format!("undefined.operating_point_{rule}"))),
        }
    }

    /// How many images there are, of which class, and how many were left out.
    pub fn samples(&mut self, name: &str, counts: &Value) {
        let mut text = format!("{} images", count(counts, "samples"));
        if !counts["positives"].is_null() {
            let _ = write!(text, ": {} positive, {} negative", count(counts, "positives"), count(counts, "negatives"));
        }
        match count(counts, "skipped.count") {
            0 => {}
            skipped => {
                let _ = write!(text, "; {skipped} unreadable, left out");
            }
        }
        self.text(name, &text);
    }

    /// Two numbers, where both are there.
    pub fn change(&mut self, name: &str, report: &Value, figure: &str) {
        if let [Some(before), Some(after)] = ["before", "after"].map(|when| report[when][figure].as_f64()) {
            self.text(name, &format!("{} -> {}", shown(before), shown(after)));
        }
    }

    /// Seconds, where they are there.
    pub fn duration(&mut self, name: &str, document: &Value, path: &str) {
        if let Some(seconds) = find(document, path).as_f64() {
            self.text(name, &duration(seconds));
        }
    }
}

/// A document with its own names, so that what later versions add is shown, too.
pub fn outline(document: &Value) -> String {
    let mut text = String::new();
    members(&mut text, document, 0, true);
    text
}

fn scalar(value: &Value) -> String {
    match value {
        Value::Null => "none".into(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn is_container(value: &Value) -> bool {
    value.is_object() || value.is_array()
}

/// A value that fits into a line; `None` when it has members that need lines of their own.
fn line_of(value: &Value) -> Option<String> {
    match value {
        Value::Object(members) if members.is_empty() => Some("none".into()),
        Value::Array(elements) if elements.is_empty() => Some("none".into()),
        Value::Array(elements) if !elements.iter().any(is_container) => {
            Some(elements.iter().map(scalar).collect::<Vec<_>>().join(", "))
        }
        Value::Object(members) => match (members.get("value"), members.get("reason")) {
            (Some(value), Some(reason)) if !is_container(value) => {
                Some(format!("{}  ({})", scalar(value), scalar(reason)))
            }
            _ => None,
        },
        Value::Array(_) => None,
        value => Some(scalar(value)),
    }
}

/// Behind a dash the first member stands on the same line, without an indent.
fn members(text: &mut String, container: &Value, indent: usize, indent_first: bool) {
    let mut at = if indent_first { indent } else { 0 };
    let mut member = |text: &mut String, name: Option<&str>, value: &Value| {
        let _ = write!(text, "{:at$}{}", "", name.map_or_else(|| "-".into(), |name| format!("{name}:")));
        at = indent;
        match line_of(value) {
            Some(line) => {
                let _ = writeln!(text, " {line}");
            }
            None => {
                text.push(if name.is_none() { ' ' } else { '\n' });
                members(text, value, indent + 2, name.is_some());
            }
        }
    };
    match container {
        Value::Object(named) => named.iter().for_each(|(name, value)| member(text, Some(name), value)),
        Value::Array(elements) => elements.iter().for_each(|value| member(text, None, value)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_are_short() {
        let numbers = [0.0, 1.0, 0.5, 0.12345, 0.99996, 123.456, 12345.6, 0.00012346, 0.000012346, -2.5];
        let expected = ["0", "1", "0.5", "0.1235", "1", "123.5", "1.235e+04", "0.0001235", "1.235e-05", "-2.5"];
        assert_eq!(numbers.map(|number| short(number, 4)), expected);
    }

    #[test]
    fn an_outline_has_a_line_for_each_value() {
        let document = json!({
            "a": null,
            "b": [],
            "c": [1, "x"],
            "d": { "e": true, "f": { "value": 2, "reason": "so" } },
            "g": [{ "h": 1, "i": [] }, { "h": 2 }],
        });
        let expected = "a: none\nb: none\nc: 1, x\nd:\n  e: true\n  f: 2  (so)\ng:\n  - h: 1\n    i: none\n  - h: 2\n";
        assert_eq!(outline(&document), expected);
    }

    #[test]
    fn what_does_not_exist_has_its_reason() {
        let report = json!({
            "metrics": { "accuracy": 0.5, "mcc": null },
            "intervals": { "accuracy": { "low": 0.21521, "high": 0.78479 } },
            "undefined": { "mcc": "one class" },
        });
        let mut figures = Figures::default();
        figures.metric("accuracy", &report, "accuracy");
        figures.metric("MCC", &report, "mcc");
        figures.number("ECE", &report, "metrics.ece", None);
        let expected = "accuracy          0.5       (0.2152 to 0.7848)\nMCC               undefined: one class\nECE               unknown\n";
        assert_eq!(figures.0, expected);
    }
}
