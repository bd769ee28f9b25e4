//! Predictions for all samples of a data set.

use super::classified_sample::ClassifiedSample;
use crate::classify::classify_batch;
use crate::heatmap::{Heatmap, HeatmapOptions, compute_heatmaps};
use lens_base::{Control, Error, Phase, Result};
use lens_images::{Batch, Dataset, PixelView, Raster, Sample, Skipped, for_each_image};
use lens_runtime::Classifier;
use std::sync::Arc;
use std::time::Instant;

/// Classified samples of a data set, and the samples that were left out.
pub struct Scores<'a> {
    /// The classified ones, in the data set's order.
    pub classified: Vec<ClassifiedSample<'a>>,
    /// Samples that could not be read.
    pub skipped: Vec<Skipped>,
}

impl Scores<'_> {
    fn checked(self, samples: usize) -> Result<Self> {
        if self.classified.is_empty() {
            return Err(Error::data(format!("none of the {samples} sample(s) could be read")));
        }
        Ok(self)
    }
}

/// Classifies every sample whole, at the model's size.
pub fn classify_whole<'a>(
    model: &Classifier,
    dataset: &'a Dataset,
    threshold: f32,
    batch_limit: usize,
    control: &mut Control,
) -> Result<Scores<'a>> {
    let samples = dataset.samples();
    let preprocessing = model.preprocessing();
    let side = preprocessing.image_size as usize;
    let start = Instant::now();
    let mut scores = Scores { classified: Vec::with_capacity(samples.len()), skipped: dataset.skipped().to_vec() };
    let mut batch = Batch::new(side, side);
    let (mut members, mut seen): (Vec<&Sample>, usize) = (Vec::new(), 0);
    let threads = model.context().policy().threads.value;
    let load = |sample: &Sample| sample.load_resized(preprocessing);
    for_each_image(samples, load, threads, |sample, image| {
        match image {
            Ok(raster) => {
                batch.push(&raster, 0, 0, preprocessing);
                members.push(sample);
            }
            Err(reason) => scores.skipped.push(reason),
        }
        seen += 1;
        if batch.len() == batch_limit || (seen == samples.len() && !batch.is_empty()) {
            let predictions = classify_batch(model, &batch, threshold)?;
            scores.classified.extend(members.drain(..).zip(predictions).map(|(sample, prediction)| ClassifiedSample {
                sample,
                prediction,
                confidence: prediction.probability,
            }));
            batch.clear();
            control.report_steady(Phase::Evaluate, seen, samples.len(), start)?;
        }
        Ok(())
    })?;
    scores.checked(samples.len())
}

/// Classifies every sample by its heatmap: the mean of its tiles' probabilities, as in the reference pipeline. `each`
/// gets the index of the sample, the classified sample, its pixels and its heatmap.
pub fn classify_by_heatmap<'a>(
    model: &Classifier,
    dataset: &'a Dataset,
    options: &HeatmapOptions,
    control: &mut Control,
    mut each: impl FnMut(usize, &ClassifiedSample, &Raster, &Heatmap) -> Result<()>,
) -> Result<Scores<'a>> {
    let samples: Vec<&Sample> = dataset.samples().iter().collect();
    let mut scores = Scores { classified: Vec::with_capacity(samples.len()), skipped: dataset.skipped().to_vec() };
    let Scores { classified, skipped } = &mut scores;
    map_samples(model, &samples, options, Phase::Evaluate, control, |sample, result| {
        match result {
            Ok((raster, heatmap)) => {
                let one = ClassifiedSample { sample, prediction: heatmap.prediction(), confidence: heatmap.mean() };
                each(classified.len(), &one, raster, heatmap)?;
                classified.push(one);
            }
            Err(reason) => skipped.push(reason),
        }
        Ok(())
    })?;
    scores.checked(samples.len())
}

/// Most images whose pixels are in memory at once, so that their tiles share batches.
const GROUP: usize = 16;
/// No further image is added to a group of so many pixels.
const GROUP_PIXELS: usize = 8 << 20;

/// Draws the heatmap of every sample; `each` gets them in order, or why a sample could not be read.
pub fn map_samples<'a>(
    model: &Classifier,
    samples: &[&'a Sample],
    options: &HeatmapOptions,
    phase: Phase,
    control: &mut Control,
    mut each: impl FnMut(&'a Sample, std::result::Result<(&Raster, &Heatmap), Skipped>) -> Result<()>,
) -> Result<()> {
    let start = Instant::now();
    let mut group: Vec<(&'a Sample, std::result::Result<Arc<Raster>, Skipped>)> = Vec::new();
    let (mut pixels, mut seen, mut done) = (0, 0, 0);
    let load = |sample: &Sample| sample.load(&model.preprocessing().reading);
    for_each_image(samples, load, model.context().policy().threads.value, |_, image| {
        pixels += image.as_ref().map_or(0, |raster| raster.width() * raster.height());
        group.push((samples[seen], image));
        seen += 1;
        if group.len() < GROUP && pixels < GROUP_PIXELS && seen < samples.len() {
            return Ok(());
        }
        let heatmaps = {
            let stored: Vec<_> =
                group.iter().filter_map(|(_, image)| image.as_ref().ok().map(|r| r.stored())).collect();
            let views = stored
                .iter()
                .map(|(bytes, format, width, height)| PixelView::plain(bytes, *width, *height, *format))
                .collect::<Result<Vec<_>>>()?;
            compute_heatmaps(model, &views, options, &mut control.within(phase, done, samples.len(), start))?
        };
        let mut heatmaps = heatmaps.into_iter();
        for (sample, image) in group.drain(..) {
            match image {
                Ok(raster) => {
                    let heatmap = heatmaps.next().ok_or_else(|| Error::internal("fewer heatmaps than images"))?;
                    each(sample, Ok((&raster, &heatmap)))?;
                }
                Err(reason) => each(sample, Err(reason))?,
            }
        }
        (done, pixels) = (seen, 0);
        control.report_steady(phase, done, samples.len(), start)
    })
}
