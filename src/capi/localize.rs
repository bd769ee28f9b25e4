//! `lens_localize`.

use super::arguments::{out, required, text};
use super::cancel::lens_cancel_token;
use super::guard::guard;
use super::heatmap::lens_heatmap_options;
use super::model::lens_model;
use super::options::{self, Options};
use super::progress::{control, lens_progress_fn};
use super::status::lens_status;
use super::text::to_host;
use lens_tasks::evaluate::{LocalizeOptions, localize};
use std::ffi::{c_char, c_void};
use std::path::Path;
use std::ptr;
use std::sync::Arc;

/// Options of lens_localize(). Fill with lens_localize_options_init(), then change what you need.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct lens_localize_options {
    /// sizeof(lens_localize_options); set by lens_localize_options_init().
    pub struct_size: usize,
    /// How heatmaps are drawn; its threshold, progress and cancel are not used, its
    /// resolution must be LENS_MAP_RESOLUTION_IMAGE. Default NULL: lens_heatmap()'s defaults.
    pub heatmap: *const lens_heatmap_options,
    /// How far from a box the hottest point may lie and still be a hit, in pixels of the image; default -1: half a
    /// tile.
    pub tolerance: f64,
    /// Called about once a batch; default NULL.
    pub progress: lens_progress_fn,
    /// Handed to progress.
    pub progress_user_data: *mut c_void,
    /// Stops the call when triggered; default NULL.
    pub cancel: *const lens_cancel_token,
}

// SAFETY: repr(C), struct_size first, numbers, raw pointers and an optional function pointer only.
unsafe impl Options for lens_localize_options {
    const NAME: &'static str = "lens_localize_options";
    const FIRST_SIZE: usize = size_of::<Self>();
    fn defaults() -> Self {
        lens_localize_options {
            struct_size: size_of::<Self>(),
            heatmap: ptr::null(),
            tolerance: -1.0,
            progress: None,
            progress_user_data: ptr::null_mut(),
            cancel: ptr::null(),
        }
    }
}

/// Fills the options with their defaults; NULL is a no-op.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lens_localize_options_init(options: *mut lens_localize_options) {
    // SAFETY: NULL or writable by contract.
    unsafe { options::init(options) }
}

/// Draws the heatmap of every image that has boxes, and compares the two.
///
/// The directory holds boxes.csv (columns filename, x, y, width, height in pixels, one row per box) and images/. The
/// report has
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
        // SAFETY: as above.
        let heatmap = unsafe { options::read(options.heatmap) }?.core()?;
        let tolerance = (options.tolerance != -1.0).then_some(options.tolerance);
        let core = LocalizeOptions { heatmap, tolerance };
        // SAFETY: token and callback are as their contracts say for the time of the call.
        let mut control = unsafe { control(options.progress, options.progress_user_data, options.cancel) };
        // Held, so that the call goes on when the host frees its handle meanwhile.
        let model = Arc::clone(&model.0);
        *json = to_host(localize(&model, Path::new(directory), &core, &mut control)?.to_string())?;
        Ok(())
    })
}
