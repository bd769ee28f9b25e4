//! Classifying a data set, comparing with its labels, and reporting.

use super::classified_sample::ClassifiedSample;
use super::figures::{Figures, MetricOptions};
use super::ranking::ScoredSample;
use super::report::{ReportOptions, Writer};
use super::scoring::{Scores, classify_by_heatmap, classify_whole};
use crate::classify::{AUTOMATIC_WHOLE, MOST_AT_ONCE, whole_images};
use crate::heatmap::{HeatmapOptions, Method};
use lens_base::{Control, Error, LogLevel, Options, Result};
use lens_images::{Dataset, Skipped};
use lens_runtime::{Classifier, RunReport};
use serde_json::{Value, json};
use std::path::PathBuf;

/// How to evaluate.
#[derive(Clone, Debug, Options)]
pub struct EvaluateOptions {
    /// Probability above which an image is called positive.
    #[option(minimum = 0, maximum = 1, none = -1, unset = "the model's own", flag = "--threshold X")]
    pub threshold: Option<f32>,
    /// Images that go through the network at once.
    #[option(maximum = MOST_AT_ONCE, unset = AUTOMATIC_WHOLE, flag = "--batch-limit N")]
    pub batch_limit: u32,
    /// Directory (made when missing) that receives the report's files.
    #[option(unset = "nothing is written", flag = "--out DIR")]
    pub output_dir: Option<PathBuf>,
    /// Whether images are called by the mean of their heatmap's tiles, as in the reference pipeline, and not whole, at the
    /// model's size. An image's confidence is the mean of its heatmap, or its probability.
    #[option(
        flag = "--by-heatmap",
        switch = "Call images by the mean of their heatmap's tiles, as the reference pipeline does, and not whole, at the \
                  model's size"
    )]
    pub by_heatmap: bool,
    /// How heatmaps are drawn; `None`: tiles as they are by default when images are called by them, otherwise class
    /// activation maps at the model's size, which show what a call is made of.
    #[option(skip)]
    pub heatmap: Option<HeatmapOptions>,
    /// What the report holds.
    #[option(nested)]
    pub report: ReportOptions,
    /// What is up to the caller of the figures.
    #[option(nested)]
    pub metrics: MetricOptions,
}

/// The report, which is also written when a directory is given.
pub fn evaluate(
    model: &Classifier,
    dataset: &Dataset,
    options: &EvaluateOptions,
    control: &mut Control,
) -> Result<Value> {
    let run = RunReport::begin();
    let mut metric_options = options.metrics;
    if metric_options.bootstrap.seed == 0 {
        metric_options.bootstrap.seed = model.context().seed();
    }
    let threshold = options.threshold.unwrap_or(model.threshold());
    options.check_ranges()?;
    let batch_limit = whole_images(model, options.batch_limit);
    if dataset.samples().is_empty() {
        return Err(Error::data("the data set is empty: add samples before evaluating"));
    }
    if let Some(warning) = dataset.warning() {
        model.context().log(LogLevel::Warning, &format!("the data set: {warning}"));
    }
    let heatmap = HeatmapOptions { threshold: Some(threshold), ..heatmap_options(model, options) };
    heatmap.check_for_pixels()?;
    let directory = options.output_dir.as_deref();
    let mut writer = directory.map(|path| Writer::begin(path, &options.report, &heatmap)).transpose()?;
    let Scores { classified, skipped } = match options.by_heatmap {
        false => classify_whole(model, dataset, threshold, batch_limit, control)?,
        true => classify_by_heatmap(model, dataset, &heatmap, control, |index, one, raster, heatmap| {
            writer.as_mut().map_or(Ok(()), |writer| writer.keep_if_flagged(index, one, raster, heatmap))
        })?,
    };
    let seconds = run.seconds();
    let figures = Figures::of(&scored(&classified), threshold, &metric_options, control)?;
    let mut fields = run.header("lesionlens.evaluation", 1, model.context(), model.sha256(), model.engine());
    fields.insert("timings".into(), json!({ "images_per_second": classified.len() as f64 / seconds }));
    fields.insert("threshold".into(), json!(threshold));
    fields.insert("called_by".into(), json!(if options.by_heatmap { "heatmap" } else { "image" }));
    fields.insert("samples".into(), json!(classified.len()));
    fields.insert("skipped".into(), Skipped::describe(&skipped));
    fields.insert("flagged".into(), json!(classified.iter().filter(|one| options.report.flag.applies(one)).count()));
    fields.extend(figures.describe());
    fields.insert("results".into(), classified.iter().map(ClassifiedSample::describe).collect());
    let report = Value::Object(fields);
    if let Some(writer) = writer {
        writer.finish(model, &classified, &figures, &report, control)?;
    }
    Ok(report)
}

fn scored(classified: &[ClassifiedSample]) -> Vec<ScoredSample> {
    let scored = |one: &ClassifiedSample| ScoredSample {
        positive: one.sample.positive,
        probability: one.prediction.probability,
    };
    classified.iter().map(scored).collect()
}

fn heatmap_options(model: &Classifier, options: &EvaluateOptions) -> HeatmapOptions {
    let side = model.preprocessing().image_size;
    match &options.heatmap {
        Some(given) => given.clone(),
        None if options.by_heatmap => HeatmapOptions::default(),
        None => {
            HeatmapOptions { method: Method::Cam, resize_width: side, resize_height: side, ..HeatmapOptions::default() }
        }
    }
}
