//! Predictions for all samples of a data set.

use super::case::Case;
use crate::classify::classify_batch;
use crate::heatmap::{HeatMap, HeatmapOptions, heatmap};
use lens_base::{Control, Error, Phase, Result};
use lens_images::{Batch, Dataset, PixelView, Raster, Sample, Skipped, for_each_image};
use lens_runtime::Classifier;
use std::sync::Arc;
use std::time::Instant;

/// Cases of a data set, and the samples that were left out.
pub struct Scores<'a> {
    /// In the data set's order.
    pub cases: Vec<Case<'a>>,
    /// Samples that could not be read.
    pub skipped: Vec<Skipped>,
}

impl Scores<'_> {
    fn checked(self, samples: usize) -> Result<Self> {
        if self.cases.is_empty() {
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
    let mut scores = Scores { cases: Vec::with_capacity(samples.len()), skipped: dataset.skipped().to_vec() };
    let mut batch = Batch::new(side, side);
    let (mut members, mut seen): (Vec<&Sample>, usize) = (Vec::new(), 0);
    let threads = model.context().policy().threads.value;
    let resize = |raster: Arc<Raster>| preprocessing.resize(&raster);
    for_each_image(samples, resize, threads, |sample, image| {
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
            scores.cases.extend(members.drain(..).zip(predictions).map(|(sample, prediction)| Case {
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
/// gets the index of the case, the case, its pixels and its map.
pub fn classify_by_heatmap<'a>(
    model: &Classifier,
    dataset: &'a Dataset,
    options: &HeatmapOptions,
    control: &mut Control,
    mut each: impl FnMut(usize, &Case, &Raster, &HeatMap) -> Result<()>,
) -> Result<Scores<'a>> {
    let samples: Vec<&Sample> = dataset.samples().iter().collect();
    let mut scores = Scores { cases: Vec::with_capacity(samples.len()), skipped: dataset.skipped().to_vec() };
    let Scores { cases, skipped } = &mut scores;
    map_samples(model, &samples, options, Phase::Evaluate, control, |sample, result| {
        match result {
            Ok((raster, map)) => {
                let case = Case { sample, prediction: map.prediction(), confidence: map.mean() };
                each(cases.len(), &case, raster, map)?;
                cases.push(case);
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
    mut each: impl FnMut(&'a Sample, std::result::Result<(&Raster, &HeatMap), Skipped>) -> Result<()>,
) -> Result<()> {
    let start = Instant::now();
    let mut group: Vec<(&'a Sample, std::result::Result<Arc<Raster>, Skipped>)> = Vec::new();
    let (mut pixels, mut seen, mut done) = (0, 0, 0);
    for_each_image(samples, Ok, model.context().policy().threads.value, |_, image| {
        pixels += image.as_ref().map_or(0, |raster| raster.width() * raster.height());
        group.push((samples[seen], image));
        seen += 1;
        if group.len() < GROUP && pixels < GROUP_PIXELS && seen < samples.len() {
            return Ok(());
        }
        let maps = {
            let stored: Vec<_> =
                group.iter().filter_map(|(_, image)| image.as_ref().ok().map(|r| r.stored())).collect();
            let views = stored
                .iter()
                .map(|(bytes, format, width, height)| PixelView::plain(bytes, *width, *height, *format))
                .collect::<Result<Vec<_>>>()?;
            heatmap(model, &views, options, &mut control.within(phase, done, samples.len(), start))?
        };
        let mut maps = maps.into_iter();
        for (sample, image) in group.drain(..) {
            match image {
                Ok(raster) => {
                    let map = maps.next().ok_or_else(|| Error::internal("fewer heatmaps than images"))?;
                    each(sample, Ok((&raster, &map)))?;
                }
                Err(reason) => each(sample, Err(reason))?,
            }
        }
        (done, pixels) = (seen, 0);
        control.report_steady(phase, done, samples.len(), start)
    })
}
