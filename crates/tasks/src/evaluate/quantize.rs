//! Calibrating a model for 8-bit convolutions: how large its activations become on images like those to be classified.

use crate::classify::whole_images;
use lens_base::{Control, Error, Phase, Result};
use lens_images::{Batch, Dataset, for_each_image};
use lens_model::{ActivationRanges, LAYOUT};
use lens_runtime::Classifier;
use std::time::Instant;

/// The model with the ranges of its activations on a data set, whose labels do not matter.
pub fn quantize(model: &Classifier, dataset: &Dataset, at_once: u32, control: &mut Control) -> Result<Classifier> {
    let samples = dataset.samples();
    let (context, preprocessing) = (model.context(), model.preprocessing());
    let side = preprocessing.image_size as usize;
    let batch_limit = whole_images(model, at_once)?;
    let start = Instant::now();
    // Every batch needs the numbers, which the model may have let go of.
    let _held = model.model().parameters()?;
    let mut largest = vec![0f32; LAYOUT.parameters().len()];
    let mut batch = Batch::new(side, side);
    let (mut seen, mut read) = (0, 0);
    let threads = context.policy().threads.value;
    for_each_image(
        samples,
        |raster| preprocessing.resize(&raster),
        threads,
        |_, image| {
            if let Ok(raster) = image {
                batch.push(&raster, 0, 0, preprocessing);
                read += 1;
            }
            seen += 1;
            if batch.len() == batch_limit || (seen == samples.len() && !batch.is_empty()) {
                model.network().observe(&batch.all(), &mut largest)?;
                batch.clear();
                control.report_steady(Phase::Evaluate, seen, samples.len(), start)?;
            }
            Ok(())
        },
    )?;
    if read == 0 {
        return Err(Error::data(format!("none of the {} sample(s) could be read", samples.len())));
    }
    let mut metadata = model.metadata().clone();
    metadata.activation_ranges = Some(ActivationRanges::of_largest(&largest)?);
    model.with_metadata(metadata)
}
