//! report.html: the report as one page that needs no other file.

use super::thumbnails::Thumbnails;
use crate::evaluate::classified_sample::ClassifiedSample;
use crate::plot::Chart;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lens_base::Result;
use lens_images::encode_png;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde_json::Value;

const STYLE: &str = include_str!("page.css");

/// Rows of the table of all samples; predictions.csv has the rest.
const LISTED: usize = 5000;

/// What the page shows beside the report's figures.
pub struct Page<'a> {
    /// The report.
    pub report: &'a Value,
    /// Charts, with what they show in words.
    pub charts: Vec<(&'a Chart, &'a str)>,
    /// Positives called negative: how many there are, and some with thumbnails.
    pub missed: (usize, Vec<(&'a ClassifiedSample<'a>, &'a Thumbnails)>),
    /// Negatives called positive, likewise.
    pub false_alarms: (usize, Vec<(&'a ClassifiedSample<'a>, &'a Thumbnails)>),
    /// Some of all.
    pub samples: Vec<(&'a ClassifiedSample<'a>, &'a Thumbnails)>,
    /// All classified samples.
    pub classified: &'a [ClassifiedSample<'a>],
    /// What the heatmaps show.
    pub heatmaps: &'a str,
}

/// Key in the report, name for readers, and what it means.
const FIGURES: [(&str, &str, &str); 13] = [
    ("sensitivity", "Sensitivity", "share of the images labelled positive that were called positive"),
    ("specificity", "Specificity", "share of the images labelled negative that were called negative"),
    ("accuracy", "Accuracy", "share of all images that were called as they are labelled"),
    ("roc_auc", "ROC AUC", "how often a positive image scores higher than a negative one; 0.5 is chance"),
    ("balanced_accuracy", "Balanced accuracy", "mean of sensitivity and specificity"),
    (
        "ppv",
        "Positive predictive value",
        "share of the images called positive that are; depends on how common positives are",
    ),
    (
        "npv",
        "Negative predictive value",
        "share of the images called negative that are; depends on how common positives are",
    ),
    ("f1", "F1", "harmonic mean of sensitivity and positive predictive value"),
    ("mcc", "Matthews correlation", "correlation of call and label, -1 to 1; 0 is chance"),
    ("pr_auc", "PR AUC", "average precision; chance is the share of positives"),
    ("brier", "Brier score", "mean squared distance of probability and label; 0 is best"),
    ("log_loss", "Log loss", "mean negative log likelihood of the labels; 0 is best"),
    ("ece", "Calibration error", "mean distance of probability and share of positives over ten bins; 0 is best"),
];
/// How many of them are shown large.
const LARGE: usize = 4;

impl Page<'_> {
    /// The page's text.
    pub fn render(&self) -> Result<String> {
        let charts = self.charts.iter().map(|(chart, text)| Ok((data_url(&encode_png(&chart.view()?)?), *text)));
        let charts = charts.collect::<Result<Vec<_>>>()?;
        let report = self.report;
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    title { "Evaluation report" }
                    style { (PreEscaped(STYLE)) }
                }
                body {
                    (self.head())
                    (figures_large(report))
                    (self.in_words())
                    h2 { "Charts" }
                    div.charts { @for (url, text) in &charts { img src=(url) alt=(text) title=(text); } }
                    h2 { "All figures" }
                    (figures_table(report))
                    (operating_points(report))
                    (self.group("Missed", "Labelled positive, called negative; the surest mistakes first", &self.missed)?)
                    (self.group("False alarms", "Labelled negative, called positive; the surest mistakes first",
                        &self.false_alarms)?)
                    (self.group("Samples", "Evenly spread over the data set", &(self.samples.len(), self.samples.clone()))?)
                    (self.listing())
                    (provenance(report))
                }
            }
        };
        Ok(page.into_string())
    }

    fn head(&self) -> Markup {
        let report = self.report;
        html! {
            h1 { "Evaluation report" }
            p.soft {
                (count(&report["samples"])) " images, called positive above a probability of " (figure(&report["threshold"]))
                " by model " code { (short(&report["model_sha256"])) } ", " (text(&report["started"]))
            }
            p.notice {
                "Not a medical device. These figures describe how a model did on one set of labelled images, and say "
                "nothing about a single patient. Intervals are 95 %; they cover chance in drawing the images, not "
                "differences between hospitals, machines or patients."
            }
        }
    }

    /// The confusion matrix as sentences.
    fn in_words(&self) -> Markup {
        let matrix = &self.report["confusion_matrix"];
        let number = |name: &str| matrix[name].as_u64().unwrap_or(0);
        let (missed, found) = (number("false_negative"), number("true_positive"));
        let (alarms, quiet) = (number("false_positive"), number("true_negative"));
        let skipped = self.report["skipped"]["count"].as_u64().unwrap_or(0);
        html! {
            p {
                "Of " (found + missed) " images labelled positive, " (found) " were called positive and "
                strong { (missed) " missed" } ". Of " (quiet + alarms) " labelled negative, " (quiet)
                " were called negative and " strong { (alarms) " raised a false alarm" } "."
                @if skipped > 0 { " " (skipped) " more could not be read and are not counted." }
            }
        }
    }

    fn group(
        &self,
        title: &str,
        what: &str,
        (count, shown): &(usize, Vec<(&ClassifiedSample, &Thumbnails)>),
    ) -> Result<Markup> {
        let cards =
            shown.iter().map(|(classified, thumbnails)| card(classified, thumbnails)).collect::<Result<Vec<_>>>()?;
        Ok(html! {
            h2 { (title) " (" (count) ")" }
            @if cards.is_empty() {
                p.soft { "None." }
            } @else {
                p.soft {
                    (what) @if cards.len() < *count { "; " (cards.len()) " of " (count) " are shown" }
                    ". Left the image, right its heatmap: " (self.heatmaps) "."
                }
                div.cards { @for card in cards { (card) } }
            }
        })
    }

    fn listing(&self) -> Markup {
        html! {
            h2 { "Every image" }
            details {
                summary { "Show the table" }
                @if self.classified.len() > LISTED {
                    p.soft { "The first " (LISTED) "; predictions.csv has all " (self.classified.len()) "." }
                }
                table {
                    tr { th { "Image" } th { "Label" } th { "Called" } th.number { "Probability" } th.number { "Confidence" } }
                    @for classified in self.classified.iter().take(LISTED) {
                        tr {
                            td { (&*classified.sample.id) }
                            td { (class(classified.sample.positive)) }
                            td { (called(classified)) }
                            td.number { (format!("{:.4}", classified.prediction.probability)) }
                            td.number { (format!("{:.4}", classified.confidence)) }
                        }
                    }
                }
            }
        }
    }
}

fn figures_large(report: &Value) -> Markup {
    html! {
        div.cards {
            @for (key, name, meaning) in &FIGURES[..LARGE] {
                div.card title=(meaning) {
                    div.name { (name) }
                    div.figure { (figure(&report["metrics"][key])) }
                    @if let (Some(value), Some((low, high))) = (report["metrics"][key].as_f64(), interval(report, key)) {
                        div.bar {
                            span style=(format!("left:{:.1}%;width:{:.1}%", 100.0 * low, 100.0 * (high - low))) {}
                            i style=(format!("left:{:.1}%", 100.0 * value)) {}
                        }
                        div.soft { (format!("{low:.3} to {high:.3}")) }
                    } @else {
                        div.soft { (text(&report["undefined"][key])) }
                    }
                }
            }
        }
    }
}

fn figures_table(report: &Value) -> Markup {
    html! {
        table {
            tr { th { "Figure" } th.number { "Value" } th.number { "95 % interval" } th { "Meaning" } }
            @for (key, name, meaning) in FIGURES {
                @if report["metrics"].get(key).is_some() {
                    tr {
                        td { (name) }
                        td.number { (figure(&report["metrics"][key])) }
                        td.number {
                            @if let Some((low, high)) = interval(report, key) { (format!("{low:.3} to {high:.3}")) }
                        }
                        td.soft {
                            (meaning)
                            @if let Some(reason) = report["undefined"][key].as_str() { "; undefined: " (reason) }
                        }
                    }
                }
            }
        }
    }
}

fn operating_points(report: &Value) -> Markup {
    let points: Vec<(&str, &Value)> =
        [("Largest sensitivity + specificity (Youden)", "youden"), ("Wanted sensitivity", "sensitivity")]
            .into_iter()
            .map(|(name, key)| (name, &report["operating_points"][key]))
            .filter(|(_, point)| point["threshold"].is_number())
            .collect();
    html! {
        @if !points.is_empty() {
            h2 { "Other thresholds" }
            p.soft {
                "Found on these very images, so on others they do a little worse. A threshold to work with is chosen on "
                "images kept for that."
            }
            table {
                tr { th { "Rule" } th.number { "Threshold" } th.number { "Sensitivity" } th.number { "Specificity" } }
                @for (name, point) in points {
                    tr {
                        td { (name) @if let Some(target) = point["target"].as_f64() { " " (format!("{target:.2}")) } }
                        td.number { (figure(&point["threshold"])) }
                        td.number { (share(&point["sensitivity"])) }
                        td.number { (share(&point["specificity"])) }
                    }
                }
            }
        }
    }
}

fn provenance(report: &Value) -> Markup {
    let rows = [
        ("Model (SHA-256 of its weights)", "model_sha256"),
        ("Library", "library"),
        ("libtorch", "libtorch"),
        ("Device", "device"),
        ("Precision", "precision"),
        ("Engine", "engine"),
        ("Started", "started"),
        ("Seconds", "seconds"),
    ];
    html! {
        h2 { "How this was made" }
        table {
            @for (name, key) in rows { tr { th { (name) } td { code { (text(&report[key])) } } } }
        }
    }
}

fn card(classified: &ClassifiedSample, thumbnails: &Thumbnails) -> Result<Markup> {
    let (image, overlay) = (data_url(&thumbnails.image.to_png()?), data_url(&thumbnails.overlay.to_png()?));
    Ok(html! {
        figure {
            div.pair {
                img src=(image) alt="image" loading="lazy";
                img src=(overlay) alt="heatmap over the image" loading="lazy";
            }
            figcaption {
                (&*classified.sample.id) br;
                "labelled " (class(classified.sample.positive)) ", called " (called(classified)) ", confidence "
                (format!("{:.3}", classified.confidence))
            }
        }
    })
}

fn called(classified: &ClassifiedSample) -> Markup {
    let wrong = classified.prediction.positive != classified.sample.positive;
    html! { span.wrong[wrong] { (class(classified.prediction.positive)) } }
}

fn class(positive: bool) -> &'static str {
    if positive { "positive" } else { "negative" }
}

fn interval(report: &Value, key: &str) -> Option<(f64, f64)> {
    let interval = &report["intervals"][key];
    Some((interval["low"].as_f64()?, interval["high"].as_f64()?))
}

fn figure(value: &Value) -> String {
    value.as_f64().map_or_else(|| "undefined".into(), |value| format!("{value:.3}"))
}

fn share(value: &Value) -> String {
    format!("{} ({} to {})", figure(&value["value"]), figure(&value["low"]), figure(&value["high"]))
}

fn count(value: &Value) -> u64 {
    value.as_u64().unwrap_or(0)
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Number(number) if number.is_f64() => format!("{:.1}", number.as_f64().unwrap_or(0.0)),
        other => other.to_string(),
    }
}

fn short(value: &Value) -> String {
    value.as_str().unwrap_or("").chars().take(12).collect()
}

fn data_url(png: &[u8]) -> String {
    format!("data:image/png;base64,{}", STANDARD.encode(png))
}
