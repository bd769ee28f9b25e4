//! `lens_heatmap_overlay`.

use super::arguments::required;
use super::generated::lens_overlay_options;
use super::guard::guard;
use super::heatmap::lens_heatmap;
use super::image::{lens_image, view};
use super::options;
use super::status::lens_status;
use lens_base::Error;
use lens_tasks::heatmap::Resolution;
use std::ptr;

/// Blends the coloured heatmap over its image.
///
/// A heatmap with LENS_HEATMAP_RESOLUTION_TILES is refused: it has no values between the tiles, and tiles that are
/// blended overlap.
///
/// @param image An image of the heatmap's size.
/// @param options NULL for all defaults.
/// @param[out] rgba Receives height rows of width RGBA pixels, 8 bits each, alpha 255; unchanged on failure.
/// @param stride Bytes from one row to the next, at least 4 x width.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lens_heatmap_overlay(
    heatmap: *const lens_heatmap,
    image: *const lens_image,
    options: *const lens_overlay_options,
    rgba: *mut u8,
    stride: usize,
) -> lens_status {
    guard(|| {
        // SAFETY: NULL or a live handle by contract.
        let heatmap = &unsafe { required("heatmap", heatmap) }?.heatmap;
        // SAFETY: NULL or a valid struct by contract.
        let image = unsafe { required("image", image) }?;
        // SAFETY: NULL or a struct as large as its struct_size, by contract.
        let options = unsafe { options::read(options) }?;
        // SAFETY: its strings are NULL or C strings, by contract.
        let core = unsafe { options.to_library() }?;
        if rgba.is_null() {
            return Err(Error::argument("rgba is NULL; it must be the address of height x stride bytes"));
        }
        let row_bytes = 4 * heatmap.width();
        if heatmap.resolution() == Resolution::Image && stride < row_bytes {
            return Err(Error::argument(format!("stride {stride} is less than width {} x 4 bytes", heatmap.width())));
        }
        // SAFETY: the pixels are as the struct describes, by contract.
        let view = unsafe { view("image", image) }?;
        heatmap.overlay_rows(&view, &core, |y, row| {
            // SAFETY: the caller's buffer has height rows, stride bytes apart, each of at least 4 x width bytes.
            unsafe { ptr::copy_nonoverlapping(row.as_ptr(), rgba.add(y * stride), row_bytes) };
        })
    })
}
