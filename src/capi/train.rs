//! `lens_train`.

use super::arguments::{out, required};
use super::context::lens_context;
use super::dataset::lens_dataset;
use super::generated::lens_train_options;
use super::guard::guard;
use super::model::lens_model;
use super::options;
use super::progress::control;
use super::status::lens_status;
use lens_tasks::train;
use std::sync::Arc;

/// Trains DenseNet-121 with a one-logit head and returns the best model.
///
/// After each epoch the model is validated, and kept when it is better by select_by; without a validation set the last
/// epoch's model is returned. All files are decoded once before the first epoch, so an unreadable one is found before any
/// training. The training record (options, data, every epoch's figures) is part of the model's description; with what is
/// known of the machine it is written to run_directory/run.json.
///
/// On LENS_CANCELLED the checkpoint is written too. A file that cannot be written (a full disk) ends training with
/// LENS_ERROR_IO and leaves the file before it whole.
///
/// @param train Needs both classes.
/// @param validation NULL: none.
/// @param options NULL for all defaults.
/// @param[out] model Receives the model; free it with lens_model_free(). NULL on failure and on LENS_CANCELLED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lens_train(
    context: *const lens_context,
    train: *const lens_dataset,
    validation: *const lens_dataset,
    options: *const lens_train_options,
    model: *mut *mut lens_model,
) -> lens_status {
    guard(|| {
        // SAFETY: NULL or writable by the contract of every out parameter.
        let model = unsafe { out("model", model) }?;
        // SAFETY: NULL or a live handle by contract.
        let context = unsafe { required("context", context) }?;
        // SAFETY: NULL or a live handle by contract.
        let training = unsafe { required("train", train) }?.snapshot()?;
        // SAFETY: NULL or a live handle by contract.
        let validation = unsafe { validation.as_ref() }.map(lens_dataset::snapshot).transpose()?;
        // SAFETY: NULL or a struct as large as its struct_size, by contract.
        let options = unsafe { options::read(options) }?;
        // SAFETY: its strings are NULL or C strings, by contract.
        let mut core = unsafe { options.to_library() }?;
        // SAFETY: NULL or a live handle by contract.
        core.start_model = unsafe { options.start_model.as_ref() }.map(|model| Arc::clone(&model.0));
        // SAFETY: token and callback are as their contracts say for the time of the call.
        let mut control = unsafe { control(options.progress, options.progress_user_data, options.cancel) };
        // Held, so that the call goes on when the caller frees its handle meanwhile.
        let context = Arc::clone(&context.0);
        let trained = train::train(&context, &training, validation.as_deref(), &core, &mut control)?;
        *model = lens_model::to_host(trained);
        Ok(())
    })
}
