//! `lens_model_calibrate`.

use super::arguments::{out, required};
use super::dataset::lens_dataset;
use super::generated::lens_calibrate_options;
use super::guard::guard;
use super::model::lens_model;
use super::options;
use super::progress::control;
use super::status::lens_status;
use super::text::to_host;
use lens_tasks::evaluate::calibrate;
use std::ffi::c_char;
use std::sync::Arc;

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
        let dataset = unsafe { required("dataset", dataset) }?.snapshot()?;
        // SAFETY: NULL or a struct as large as its struct_size, by contract.
        let options = unsafe { options::read(options) }?;
        // SAFETY: its strings are NULL or C strings, by contract.
        let core = unsafe { options.to_library() }?;
        // SAFETY: token and callback are as their contracts say for the time of the call.
        let mut control = unsafe { control(options.progress, options.progress_user_data, options.cancel) };
        // Held, so that the call goes on when the caller frees its handle meanwhile.
        let model = Arc::clone(&model.0);
        let (made, report) = calibrate(&model, &dataset, &core, &mut control)?;
        *json = to_host(report.to_string())?;
        *calibrated = lens_model::to_host(made);
        Ok(())
    })
}
