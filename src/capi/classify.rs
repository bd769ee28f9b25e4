//! `lens_classify`.

use super::arguments::{array, out_array, required};
use super::cancel::lens_cancel_token;
use super::guard::guard;
use super::image::{lens_image, views};
use super::model::lens_model;
use super::options::{self, Options};
use super::progress::{control, lens_progress_fn};
use super::status::lens_status;
use lens_tasks::classify::{ClassifyOptions, Prediction, classify};
use std::ffi::c_void;
use std::ptr;
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

/// Options of lens_classify(). Fill with lens_classify_options_init(), then change what you need.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct lens_classify_options {
    /// sizeof(lens_classify_options); set by lens_classify_options_init().
    pub struct_size: usize,
    /// Probability from which an image is called positive (greater than), 0 to 1; default -1: the model's own.
    pub threshold: f32,
    /// Images that go through the network at once, up to 65536; default 0: automatic, 32 on the CPU, and on GPUs as
    /// many as have 4 million pixels. Results do not depend on it beyond rounding.
    pub batch_limit: u32,
    /// Called about once a batch; default NULL.
    pub progress: lens_progress_fn,
    /// Handed to progress.
    pub progress_user_data: *mut c_void,
    /// Stops the call when triggered; default NULL.
    pub cancel: *const lens_cancel_token,
}

// SAFETY: repr(C), struct_size first, numbers, raw pointers and an optional function pointer only.
unsafe impl Options for lens_classify_options {
    const NAME: &'static str = "lens_classify_options";
    const FIRST_SIZE: usize = size_of::<Self>();
    fn defaults() -> Self {
        lens_classify_options {
            struct_size: size_of::<Self>(),
            threshold: -1.0,
            batch_limit: ClassifyOptions::default().batch_limit,
            progress: None,
            progress_user_data: ptr::null_mut(),
            cancel: ptr::null(),
        }
    }
}

/// What the options say of the threshold: -1 leaves it to the model.
pub(super) fn chosen_threshold(threshold: f32) -> Option<f32> {
    (threshold != -1.0).then_some(threshold)
}

/// Fills the options with their defaults; NULL is a no-op.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lens_classify_options_init(options: *mut lens_classify_options) {
    // SAFETY: NULL or writable by contract.
    unsafe { options::init(options) }
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
        let core = ClassifyOptions { threshold: chosen_threshold(options.threshold), batch_limit: options.batch_limit };
        // Held, so that the call goes on when the host frees its handle meanwhile.
        let model = Arc::clone(&model.0);
        for (place, prediction) in predictions.iter_mut().zip(classify(&model, &views, &core, &mut control)?) {
            *place = prediction.into();
        }
        Ok(())
    })
}
