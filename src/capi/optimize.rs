//! `lens_model_optimize`.

use super::arguments::{required, text};
use super::dataset::lens_dataset;
use super::generated::lens_optimize_options;
use super::guard::guard;
use super::model::lens_model;
use super::options;
use super::progress::control;
use super::status::lens_status;
use lens_tasks::evaluate::optimize;
use std::ffi::c_char;
use std::path::Path;
use std::sync::Arc;

/// Writes an optimised variant of a model, which lens_model_load() reads: LENS_OPTIMIZED_VARIANT_INT8 for this library, or what
/// the reference pipeline calls optimised, for programs that load it with PyTorch or libtorch. Of the latter,
/// preprocessing, temperature, threshold and training record lie in the archive's entry extra/lesionlens.json.
///
/// This library's own speed needs neither of the reference's: on a CPU a model of any file is compiled when it is loaded
/// (LENS_ENGINE_PLAN), which is faster; for NVIDIA see the command lesionlens-export.
///
/// @param path UTF-8; an existing file is replaced, atomically.
/// @param options NULL for all defaults.
/// @return LENS_ERROR_DATA when no image for calibration can be read; LENS_CANCELLED, with nothing written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lens_model_optimize(
    model: *const lens_model,
    path: *const c_char,
    options: *const lens_optimize_options,
) -> lens_status {
    guard(|| {
        // SAFETY: NULL or a live handle by contract.
        let model = Arc::clone(&unsafe { required("model", model) }?.0);
        // SAFETY: NULL or a C string by contract.
        let path = unsafe { text("path", path) }?;
        // SAFETY: NULL or a struct as large as its struct_size, by contract.
        let options = unsafe { options::read(options) }?;
        // SAFETY: its strings are NULL or C strings, by contract.
        let core = unsafe { options.to_library() }?;
        // SAFETY: NULL or a live handle by contract.
        let images = unsafe { options.calibration.as_ref() }.map(lens_dataset::snapshot).transpose()?;
        // SAFETY: token and callback are as their contracts say for the time of the call.
        let mut control = unsafe { control(options.progress, options.progress_user_data, options.cancel) };
        optimize(&model, Path::new(path), images.as_deref(), &core, &mut control)
    })
}
