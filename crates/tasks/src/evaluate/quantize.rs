//! Optimised variants of a model; for 8-bit convolutions a model is calibrated: how large its activations become on images
//! like those to be classified.

use crate::classify::{AUTOMATIC_WHOLE, MOST_AT_ONCE, whole_images};
use lens_base::{Control, Error, Options, Phase, Result};
use lens_images::{Batch, Dataset, for_each_image};
use lens_model::{ActivationRanges, LAYOUT};
use lens_runtime::{Classifier, Variant};
use std::path::Path;
use std::time::Instant;

/// What to write as an optimised variant.
#[derive(Clone, Copy, Debug, Options)]
pub struct OptimizeOptions {
    /// Which variant is written.
    #[option(flag = "--variant")]
    pub variant: Variant,
    /// Images that go through the network at once in calibration for 8-bit convolutions.
    #[option(maximum = MOST_AT_ONCE, unset = AUTOMATIC_WHOLE, flag = "--batch-limit N")]
    pub batch_limit: u32,
}

/// Writes an optimised variant. `calibration`: for 8-bit convolutions, images like those to be classified, a few hundred of
/// both classes, whose labels do not matter; `None` for all other variants.
pub fn optimize(
    model: &Classifier,
    path: &Path,
    calibration: Option<&Dataset>,
    options: &OptimizeOptions,
    control: &mut Control,
) -> Result<()> {
    options.check_ranges()?;
    match (options.variant, calibration) {
        (Variant::Int8, Some(images)) => {
            quantize(model, images, options.batch_limit, control)?.optimize(Variant::Int8, path)
        }
        (Variant::Int8, None) => {
            Err(Error::argument("calibration is NULL; the variant INT8 needs images like those to be classified"))
        }
        (_, Some(_)) => Err(Error::argument("calibration is not NULL, but variant is not INT8")),
        (variant, None) => model.optimize(variant, path),
    }
}

/// The model with the ranges of its activations on a data set, whose labels do not matter.
pub fn quantize(model: &Classifier, dataset: &Dataset, at_once: u32, control: &mut Control) -> Result<Classifier> {
    let samples = dataset.samples();
    let (context, preprocessing) = (model.context(), model.preprocessing());
    let side = preprocessing.image_size as usize;
    let batch_limit = whole_images(model, at_once);
    let start = Instant::now();
    // Every batch reads the parameters; held here, they are read from the model's file only once.
    let _held = model.model().parameters()?;
    let mut largest = vec![0f32; LAYOUT.parameters().len()];
    let mut batch = Batch::new(side, side);
    let (mut seen, mut read) = (0, 0);
    let threads = context.policy().threads.value;
    for_each_image(
        samples,
        |sample| sample.load_resized(preprocessing),
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
    metadata.activation_ranges = Some(ActivationRanges::from_maxima(&largest)?);
    model.with_metadata(metadata)
}
