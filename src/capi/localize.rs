//! `lens_localize`.

use super::arguments::{out, required, text};
use super::generated::lens_localize_options;
use super::guard::guard;
use super::model::lens_model;
use super::options;
use super::progress::control;
use super::status::lens_status;
use super::text::to_host;
use lens_tasks::evaluate::localize;
use std::ffi::c_char;
use std::path::Path;
use std::sync::Arc;

/// Draws the heatmap of every image that has boxes, and compares the two.
///
/// The directory holds boxes.csv (columns filename, x, y, width, height in pixels and, where files have several frames,
/// frame, from 0; one row per box) and images/. The report has
/// - "hit_rate": the pointing game (Zhang et al. 2018), the share of images whose hottest point (the middle of the hottest
///   pixels when several are equal) lies in a box or within the tolerance of one, beside "hit_rate_by_chance", the mean
///   share of the image within that reach;
/// - "intersection": of the hottest pixels, as many as the boxes have, the share inside the boxes, as a mean over images,
///   beside "intersection_by_chance", the mean share of the image inside boxes;
/// - "results": the same for every image.
///
/// @param directory UTF-8.
/// @param options NULL for all defaults.
/// @param[out] json Receives the report; free it with lens_string_free(). NULL on failure.
/// @return LENS_ERROR_IO, LENS_ERROR_FORMAT or LENS_ERROR_DATA when the table or an image cannot be used.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lens_localize(
    model: *const lens_model,
    directory: *const c_char,
    options: *const lens_localize_options,
    json: *mut *mut c_char,
) -> lens_status {
    guard(|| {
        // SAFETY: NULL or writable by the contract of every out parameter.
        let json = unsafe { out("json", json) }?;
        // SAFETY: NULL or a live handle by contract.
        let model = unsafe { required("model", model) }?;
        // SAFETY: NULL or a C string by contract.
        let directory = unsafe { text("directory", directory) }?;
        // SAFETY: NULL or a struct as large as its struct_size, by contract.
        let options = unsafe { options::read(options) }?;
        // SAFETY: its strings are NULL or C strings, by contract.
        let mut core = unsafe { options.to_library() }?;
        // SAFETY: NULL or a struct as large as its struct_size, by contract.
        core.heatmap = unsafe { options::read(options.heatmap)?.to_library() }?;
        // SAFETY: token and callback are as their contracts say for the time of the call.
        let mut control = unsafe { control(options.progress, options.progress_user_data, options.cancel) };
        // Held, so that the call goes on when the caller frees its handle meanwhile.
        let model = Arc::clone(&model.0);
        *json = to_host(localize(&model, Path::new(directory), &core, &mut control)?.to_string())?;
        Ok(())
    })
}
