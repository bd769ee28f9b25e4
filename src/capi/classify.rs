//! `lens_classify`.

use super::arguments::{array, out_array, required};
use super::generated::lens_classify_options;
use super::guard::guard;
use super::image::{lens_image, views};
use super::model::lens_model;
use super::options;
use super::progress::control;
use super::status::lens_status;
use lens_tasks::classify::{Prediction, classify};
use std::sync::Arc;

/// What the model says of one image.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct lens_prediction {
    /// Probability of the positive class, 0 to 1.
    pub probability: f32,
    /// The network's output over the model's temperature, log(p / (1 - p)).
    pub logit: f32,
    /// 1 when probability is greater than threshold, else 0.
    pub label: i32,
    /// The threshold that was used.
    pub threshold: f32,
}

impl From<Prediction> for lens_prediction {
    fn from(prediction: Prediction) -> Self {
        lens_prediction {
            probability: prediction.probability,
            logit: prediction.logit,
            label: i32::from(prediction.positive),
            threshold: prediction.threshold,
        }
    }
}

/// Classifies images. Each is converted to 0..1, resized to the model's input size and normalised as in training.
///
/// All images are checked before the first is classified. May be called from several threads at once.
///
/// @param images An array of count images; NULL when count is 0.
/// @param count How many.
/// @param options NULL for all defaults.
/// @param[out] predictions An array of count results, in the order of the images. All zero on failure.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lens_classify(
    model: *const lens_model,
    images: *const lens_image,
    count: usize,
    options: *const lens_classify_options,
    predictions: *mut lens_prediction,
) -> lens_status {
    guard(|| {
        // SAFETY: NULL or an array of count results by contract.
        let predictions = unsafe { out_array("predictions", predictions, count) }?;
        // SAFETY: NULL or a live handle by contract.
        let model = unsafe { required("model", model) }?;
        // SAFETY: NULL or an array of count images by contract.
        let images = unsafe { array("images", images, count) }?;
        // SAFETY: NULL or a struct as large as its struct_size, by contract.
        let options = unsafe { options::read(options) }?;
        // SAFETY: the pixels are as the structs describe, by contract.
        let views = unsafe { views(images) }?;
        // SAFETY: token and callback are as their contracts say for the time of the call.
        let mut control = unsafe { control(options.progress, options.progress_user_data, options.cancel) };
        // SAFETY: its strings are NULL or C strings, by contract.
        let core = unsafe { options.to_library() }?;
        // Held, so that the call goes on when the caller frees its handle meanwhile.
        let model = Arc::clone(&model.0);
        for (result, prediction) in predictions.iter_mut().zip(classify(&model, &views, &core, &mut control)?) {
            *result = prediction.into();
        }
        Ok(())
    })
}
