//! `lens_model_calibrate`.

use super::arguments::{choice, flag, out, required};
use super::cancel::lens_cancel_token;
use super::dataset::lens_dataset;
use super::guard::guard;
use super::model::lens_model;
use super::options::{self, Options};
use super::progress::{control, lens_progress_fn};
use super::status::lens_status;
use super::text::to_host;
use ::lens_model::OperatingRule;
use lens_tasks::evaluate::{CalibrateOptions, calibrate};
use std::ffi::{c_char, c_void};
use std::ptr;
use std::sync::Arc;

/// How a threshold is chosen.
pub type lens_operating_point = i32;
/// The model's own: with a new temperature it moves so that the same images stay positive, up to rounding. 0.5 stays.
pub const LENS_OPERATING_POINT_KEEP: lens_operating_point = 0;
/// The largest sensitivity + specificity - 1 (Youden's index); of equal ones the highest threshold.
pub const LENS_OPERATING_POINT_YOUDEN: lens_operating_point = 1;
/// The highest threshold with at least target_sensitivity.
pub const LENS_OPERATING_POINT_SENSITIVITY: lens_operating_point = 2;

/// Options of lens_model_calibrate(). Fill with lens_calibrate_options_init(), then change what you need.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct lens_calibrate_options {
    /// sizeof(lens_calibrate_options); set by lens_calibrate_options_init().
    pub struct_size: usize,
    /// Whether to fit the temperature, 0 or 1; default 1.
    pub fit_temperature: i32,
    /// How to choose the threshold (LENS_OPERATING_POINT_...); default LENS_OPERATING_POINT_KEEP.
    pub operating_point: lens_operating_point,
    /// For LENS_OPERATING_POINT_SENSITIVITY, above 0, at most 1; default 0.95.
    pub target_sensitivity: f64,
    /// Images that go through the network at once, up to 65536; default 0: automatic, 32 on the CPU, and on GPUs as
    /// many as have 4 million pixels.
    pub batch_limit: u32,
    /// Called about once a batch; default NULL.
    pub progress: lens_progress_fn,
    /// Handed to progress.
    pub progress_user_data: *mut c_void,
    /// Stops the call when triggered; default NULL.
    pub cancel: *const lens_cancel_token,
}

// SAFETY: repr(C), struct_size first, numbers, raw pointers and an optional function pointer only.
unsafe impl Options for lens_calibrate_options {
    const NAME: &'static str = "lens_calibrate_options";
    const FIRST_SIZE: usize = size_of::<Self>();
    fn defaults() -> Self {
        let defaults = CalibrateOptions::default();
        lens_calibrate_options {
            struct_size: size_of::<Self>(),
            fit_temperature: i32::from(defaults.fit_temperature),
            operating_point: LENS_OPERATING_POINT_KEEP,
            target_sensitivity: CalibrateOptions::target_sensitivity(),
            batch_limit: defaults.batch_limit,
            progress: None,
            progress_user_data: ptr::null_mut(),
            cancel: ptr::null(),
        }
    }
}

/// Fills the options with their defaults; NULL is a no-op.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lens_calibrate_options_init(options: *mut lens_calibrate_options) {
    // SAFETY: NULL or writable by contract.
    unsafe { options::init(options) }
}

/// Makes a calibrated model: the same weights (and model_sha256) with another temperature, threshold, or both.
///
/// Use a data set that the model was not trained on, and is not tested on afterwards: the validation set, or one of its
/// own. The temperature (Guo et al. 2017) divides the network's output; the one with the least mean log loss on the data
/// set is taken. It changes how far probabilities can be taken at their word, and no order among images: ROC AUC stays. It
/// applies to all that the new model says, heatmaps too; training that starts from the model starts at 1 again. Then the
/// threshold is chosen on the calibrated probabilities. Both are saved with the model, with where they come from.
///
/// The report has "data" (fingerprint, samples, positives, negatives), "skipped", "before" and "after" (temperature,
/// threshold, log_loss, brier, ece, sensitivity, specificity), and "operating_point" as lens_model_describe() has it.
///
/// @param options NULL for all defaults.
/// @param[out] calibrated Receives the new model; free it with lens_model_free(). NULL on failure. model stays as it is.
/// @param[out] json Receives the report; free it with lens_string_free(). NULL on failure.
/// @return LENS_ERROR_DATA when the data set lacks a class, when no temperature from 0.01 to 100 is best (the classes are
///         separated without error, or told apart no better than chance), or when there is no such operating point.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lens_model_calibrate(
    model: *const lens_model,
    dataset: *const lens_dataset,
    options: *const lens_calibrate_options,
    calibrated: *mut *mut lens_model,
    json: *mut *mut c_char,
) -> lens_status {
    guard(|| {
        // SAFETY: NULL or writable by the contract of every out parameter; both are cleared before either is looked at.
        let (calibrated, json) = unsafe { (out("calibrated", calibrated), out("json", json)) };
        let (calibrated, json) = (calibrated?, json?);
        // SAFETY: NULL or a live handle by contract.
        let model = unsafe { required("model", model) }?;
        // SAFETY: NULL or a live handle by contract.
        let dataset = unsafe { required("dataset", dataset) }?.snapshot();
        // SAFETY: NULL or a struct as large as its struct_size, by contract.
        let options = unsafe { options::read(options) }?;
        let core = CalibrateOptions {
            fit_temperature: flag("fit_temperature", options.fit_temperature)?,
            operating_point: choice(
                "operating_point",
                options.operating_point,
                &[
                    (LENS_OPERATING_POINT_KEEP, "LENS_OPERATING_POINT_KEEP", None),
                    (LENS_OPERATING_POINT_YOUDEN, "LENS_OPERATING_POINT_YOUDEN", Some(OperatingRule::Youden)),
                    (
                        LENS_OPERATING_POINT_SENSITIVITY,
                        "LENS_OPERATING_POINT_SENSITIVITY",
                        Some(OperatingRule::Sensitivity(options.target_sensitivity)),
                    ),
                ],
            )?,
            batch_limit: options.batch_limit,
        };
        // SAFETY: token and callback are as their contracts say for the time of the call.
        let mut control = unsafe { control(options.progress, options.progress_user_data, options.cancel) };
        // Held, so that the call goes on when the host frees its handle meanwhile.
        let model = Arc::clone(&model.0);
        let (made, report) = calibrate(&model, &dataset, &core, &mut control)?;
        *json = to_host(report.to_string())?;
        *calibrated = lens_model::to_host(made);
        Ok(())
    })
}
