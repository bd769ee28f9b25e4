//! Writes the files of a report.

use super::charts::{confusion, reliability, roc};
use super::npy::write_npy;
use super::output::{
    CONFUSION, DOCUMENT, FLAGGED_OVERLAYS, FLAGGED_RAW, Output, PAGE, PREDICTIONS, RELIABILITY, ROC, SAMPLE_RESULTS,
};
use super::page::Page;
use super::sheet::sheet;
use super::thumbnails::Thumbnails;
use crate::evaluate::classified_sample::{ClassifiedSample, FlagRule, evenly_spread};
use crate::evaluate::figures::Figures;
use crate::evaluate::ranking::RocCurve;
use crate::evaluate::scoring::map_samples;
use crate::heatmap::{Heatmap, HeatmapOptions, Method, OverlayOptions};
use crate::plot::Chart;
use lens_base::{Control, Error, Options, Phase, Result, write_atomically};
use lens_images::{PixelFormat, PixelView, Raster, Sample, write_png};
use lens_runtime::Classifier;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::Path;

/// Samples on the sheet, as in the reference pipeline.
const SAMPLES: usize = 12;
/// Mistakes of each kind on the page.
const MISTAKES: usize = 24;

/// What to write. The defaults are the reference pipeline's.
#[derive(Clone, Debug, Options)]
pub struct ReportOptions {
    /// Whether flagged images' heatmaps are written into flagged_raw/, as .npy (32-bit floats) and as 16-bit PNG.
    #[option(
        name = "save_heatmap_raw",
        default = true,
        flag = "--no-raw",
        switch = "Leave out flagged_raw/, the heatmaps of flagged images as numbers"
    )]
    pub save_raw: bool,
    /// Whether flagged images' heatmaps are written over their images into flagged_overlays/.
    #[option(
        name = "save_heatmap_overlay",
        default = true,
        flag = "--no-overlays",
        switch = "Leave out flagged_overlays/, the heatmaps of flagged images over these"
    )]
    pub save_overlays: bool,
    /// Which images are flagged.
    #[option(nested)]
    pub flag: FlagRule,
    /// Share of flagged ones among the 12 images of sample_results.png.
    #[option(
        name = "sample_flagged_ratio",
        default = 0.75,
        minimum = 0,
        maximum = 1,
        flag = "--sample-flagged-ratio|--sample-bad-ratio X"
    )]
    pub sample_flagged_share: f64,
}

/// Writes a report; the target directory stays as it was until it is finished.
pub struct Writer<'a> {
    output: Output,
    options: &'a ReportOptions,
    heatmap: &'a HeatmapOptions,
    /// Samples whose files are written already.
    kept: BTreeSet<usize>,
}

impl<'a> Writer<'a> {
    /// Into a directory, which is made when missing.
    pub fn begin(directory: &Path, options: &'a ReportOptions, heatmap: &'a HeatmapOptions) -> Result<Self> {
        Ok(Writer { output: Output::begin(directory)?, options, heatmap, kept: BTreeSet::new() })
    }

    /// Writes the files of the sample at `index` when it is flagged.
    pub fn keep_if_flagged(
        &mut self,
        index: usize,
        classified: &ClassifiedSample,
        raster: &Raster,
        heatmap: &Heatmap,
    ) -> Result<()> {
        if !self.options.flag.applies(classified) || !self.kept.insert(index) {
            return Ok(());
        }
        let stem = classified.file_stem(index);
        let (width, height) = (heatmap.width(), heatmap.height());
        if self.options.save_raw {
            write_npy(&self.output.file_in(FLAGGED_RAW, &format!("{stem}.npy"))?, width, height, heatmap.values())?;
            let bytes: Vec<u8> = heatmap.values().iter().flat_map(|value| value.to_ne_bytes()).collect();
            let view = PixelView::plain(&bytes, width as u32, height as u32, PixelFormat::GrayF32)?;
            write_png(&self.output.file_in(FLAGGED_RAW, &format!("{stem}.png"))?, &view)?;
        }
        if self.options.save_overlays {
            let (bytes, format, ..) = raster.stored();
            let image = PixelView::plain(&bytes, width as u32, height as u32, format)?;
            let overlay = heatmap.overlay(&image, &OverlayOptions::default())?;
            let view = PixelView::plain(&overlay, width as u32, height as u32, PixelFormat::Rgba8)?;
            write_png(&self.output.file_in(FLAGGED_OVERLAYS, &format!("{stem}.png"))?, &view)?;
        }
        Ok(())
    }

    /// Writes everything else, and moves the report to its directory.
    pub fn finish(
        mut self,
        model: &Classifier,
        classified: &[ClassifiedSample],
        figures: &Figures,
        report: &Value,
        control: &mut Control,
    ) -> Result<()> {
        let flagged: Vec<bool> = classified.iter().map(|one| self.options.flag.applies(one)).collect();
        let shown = evenly_spread(&flagged, SAMPLES, self.options.sample_flagged_share);
        let (missed, false_alarms) = (mistakes(classified, true), mistakes(classified, false));
        let illustrated: BTreeSet<usize> =
            [&shown[..], first(&missed), first(&false_alarms)].concat().into_iter().collect();
        let thumbnails = self.draw(model, classified, &flagged, &illustrated, control)?;
        let with_thumbnails = |indices: &[usize]| -> Vec<(&ClassifiedSample, &Thumbnails)> {
            indices.iter().filter_map(|index| Some((&classified[*index], thumbnails.get(index)?))).collect()
        };

        let samples = with_thumbnails(&shown);
        self.chart(SAMPLE_RESULTS, &sheet(&samples)?)?;
        let called = format!("Calls above {:.3}", self.heatmap.threshold.unwrap_or(model.threshold()));
        let charts = [
            (CONFUSION, confusion(&figures.metrics.matrix, &called)?, "confusion matrix"),
            (ROC, roc_of(figures)?, "ROC curve"),
            (RELIABILITY, reliability_of(figures)?, "reliability diagram"),
        ];
        for (name, chart, _) in &charts {
            self.chart(name, chart)?;
        }
        let page = Page {
            report,
            charts: charts.iter().map(|(_, chart, text)| (chart, *text)).collect(),
            missed: (missed.len(), with_thumbnails(first(&missed))),
            false_alarms: (false_alarms.len(), with_thumbnails(first(&false_alarms))),
            samples,
            classified,
            heatmaps: meaning(self.heatmap.method),
        };
        let page = page.render()?;
        write_atomically(&self.output.file(PAGE), |file| file.write_all(page.as_bytes()))?;
        write_predictions(&self.output.file(PREDICTIONS), classified)?;
        write_atomically(&self.output.file(DOCUMENT), |file| {
            serde_json::to_writer_pretty(&mut *file, report)?;
            file.write_all(b"\n")
        })?;
        control.check()?;
        self.output.publish()
    }

    /// Thumbnails of the `illustrated` samples, and the files of flagged ones that have none yet.
    fn draw(
        &mut self,
        model: &Classifier,
        classified: &[ClassifiedSample],
        flagged: &[bool],
        illustrated: &BTreeSet<usize>,
        control: &mut Control,
    ) -> Result<BTreeMap<usize, Thumbnails>> {
        let files = self.options.save_raw || self.options.save_overlays;
        let needed =
            |index: &usize| illustrated.contains(index) || (files && flagged[*index] && !self.kept.contains(index));
        let indices: Vec<usize> = (0..classified.len()).filter(needed).collect();
        let samples: Vec<&Sample> = indices.iter().map(|index| classified[*index].sample).collect();
        let mut thumbnails = BTreeMap::new();
        let mut left = indices.into_iter();
        map_samples(model, &samples, self.heatmap, Phase::Heatmap, control, |sample, result| {
            let index = left.next().ok_or_else(|| Error::internal("more heatmaps than samples"))?;
            let (raster, heatmap) = result.map_err(|skipped| {
                Error::data(format!("{} could be read before, and cannot now: {}", sample.id, skipped.reason))
            })?;
            if files {
                self.keep_if_flagged(index, &classified[index], raster, heatmap)?;
            }
            if illustrated.contains(&index) {
                thumbnails.insert(index, Thumbnails::of(raster, heatmap)?);
            }
            Ok(())
        })?;
        Ok(thumbnails)
    }

    fn chart(&self, name: &str, chart: &Chart) -> Result<()> {
        write_png(&self.output.file(name), &chart.view()?)
    }
}

/// Misclassified samples of a class, the most confident first.
fn mistakes(classified: &[ClassifiedSample], positive: bool) -> Vec<usize> {
    let wrong = |index: &usize| {
        let one = &classified[*index];
        one.sample.positive == positive && one.prediction.positive != positive
    };
    let mut wrong: Vec<usize> = (0..classified.len()).filter(wrong).collect();
    let logit = |index: &usize| classified[*index].prediction.logit;
    wrong.sort_by(|one, other| {
        let order = logit(one).total_cmp(&logit(other));
        if positive { order } else { order.reverse() }
    });
    wrong
}

fn first(indices: &[usize]) -> &[usize] {
    &indices[..indices.len().min(MISTAKES)]
}

/// What a method's heatmaps show, for readers.
fn meaning(method: Method) -> &'static str {
    match method {
        Method::Tiles => "how positive each part looks when seen alone",
        Method::Cam => "which regions made the whole image look positive",
        Method::GradCamPlusPlus => "where the evidence for positive is, relative to its strongest point",
        Method::Occlusion => "without which parts the image would look less positive",
    }
}

fn roc_of(figures: &Figures) -> Result<Chart> {
    let pairs = |curve: &RocCurve| -> Vec<(f64, f64)> {
        curve.false_positive_rate.iter().copied().zip(curve.true_positive_rate.iter().copied()).collect()
    };
    let points = figures.roc.as_ref().map(pairs).unwrap_or_default();
    let matrix = &figures.metrics.matrix;
    let at_threshold = matrix.specificity().map(|share| 1.0 - share).zip(matrix.sensitivity());
    let caption = match (figures.metrics.roc_auc, figures.intervals.get("roc_auc")) {
        (Some(area), Some(interval)) => format!("ROC: area {area:.3} ({:.3} to {:.3})", interval.low, interval.high),
        (Some(area), None) => format!("ROC: area {area:.3}"),
        _ => "ROC: needs both classes".into(),
    };
    roc(&points, at_threshold, &caption)
}

fn reliability_of(figures: &Figures) -> Result<Chart> {
    let caption = match figures.metrics.ece {
        Some(error) => format!("Reliability: calibration error {error:.3}"),
        None => "Reliability".into(),
    };
    reliability(&figures.reliability, &caption)
}

/// The reference pipeline's table.
fn write_predictions(path: &Path, classified: &[ClassifiedSample]) -> Result<()> {
    write_atomically(path, |file| {
        let mut table = csv::Writer::from_writer(file);
        table.write_record(["filename", "filepath", "true_label", "predicted_label", "prediction_confidence"])?;
        for one in classified {
            table.write_record([
                &*one.sample.id,
                one.path().as_deref().unwrap_or(""),
                if one.sample.positive { "1" } else { "0" },
                if one.prediction.positive { "1" } else { "0" },
                &one.confidence.to_string(),
            ])?;
        }
        table.flush()
    })
}
