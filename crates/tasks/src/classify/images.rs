//! Classifying whole images.

use super::batch_limit::{AUTOMATIC_WHOLE, MOST_AT_ONCE, whole_images};
use super::engine::logits;
use lens_base::{Control, Options, Phase, Result};
use lens_images::{Batch, PixelView, check_all_values};
use lens_runtime::Classifier;
use serde::Serialize;
use std::time::Instant;

/// The prediction for one image.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Prediction {
    /// Probability of the positive class.
    pub probability: f32,
    /// log(p / (1 - p)).
    pub logit: f32,
    /// Whether the probability is greater than the threshold.
    pub positive: bool,
    /// The threshold.
    pub threshold: f32,
}

impl Prediction {
    /// The prediction of a logit.
    pub fn from_logit(logit: f32, threshold: f32) -> Self {
        let probability = (1.0 / (1.0 + (-f64::from(logit)).exp())) as f32;
        Prediction { probability, logit, positive: probability > threshold, threshold }
    }

    /// The prediction of a probability, such as a mean of several.
    pub fn from_probability(probability: f32, threshold: f32) -> Self {
        let exact = f64::from(probability);
        let logit = ((exact / (1.0 - exact)).ln() as f32).clamp(f32::MIN, f32::MAX);
        Prediction { probability, logit, positive: probability > threshold, threshold }
    }
}

/// How to classify.
#[derive(Clone, Debug, Options)]
pub struct ClassifyOptions {
    /// Probability above which an image is called positive.
    #[option(minimum = 0, maximum = 1, none = -1, unset = "the model's own", flag = "--threshold X")]
    pub threshold: Option<f32>,
    /// Images that go through the network at once. With the library's own engine results do not depend on it; with libtorch
    /// beyond rounding.
    #[option(maximum = MOST_AT_ONCE, unset = AUTOMATIC_WHOLE, flag = "--batch-limit N")]
    pub batch_limit: u32,
}

/// Classifies a batch of prepared images.
pub fn classify_batch(model: &Classifier, batch: &Batch, threshold: f32) -> Result<Vec<Prediction>> {
    Ok(logits(model, batch)?.into_iter().map(|logit| Prediction::from_logit(logit, threshold)).collect())
}

/// Classifies images, in order, after checking all of them.
pub fn classify(
    model: &Classifier,
    images: &[PixelView],
    options: &ClassifyOptions,
    control: &mut Control,
) -> Result<Vec<Prediction>> {
    options.check_ranges()?;
    let batch_limit = whole_images(model, options.batch_limit);
    let threshold = options.threshold.unwrap_or(model.threshold());
    let start = Instant::now();
    let side = model.preprocessing().image_size as usize;
    let mut batch = Batch::new(side, side);
    let mut predictions = Vec::with_capacity(images.len());
    control.check()?;
    let images = check_all_values(images)?;
    for chunk in images.chunks(batch_limit) {
        batch.clear();
        for view in chunk {
            let raster = model.preprocessing().resize_view(*view)?;
            batch.push(&raster, 0, 0, model.preprocessing());
        }
        predictions.extend(classify_batch(model, &batch, threshold)?);
        control.report_steady(Phase::Classify, predictions.len(), images.len(), start)?;
    }
    Ok(predictions)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn label_at_the_threshold() {
        assert!(!Prediction::from_logit(0.0, 0.5).positive);
        assert!(Prediction::from_logit(1e-3, 0.5).positive);
        assert!(!Prediction::from_probability(1.0, 1.0).positive);
    }

    #[test]
    fn extreme_probabilities_and_logits() {
        assert_eq!(Prediction::from_logit(-200.0, 0.5).probability, 0.0);
        assert_eq!(Prediction::from_logit(200.0, 0.5).probability, 1.0);
        assert!(Prediction::from_probability(1.0, 0.5).logit.is_finite());
        assert!((Prediction::from_probability(0.75, 0.5).logit - 3f32.ln()).abs() < 1e-6);
    }
}
