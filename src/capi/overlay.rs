//! `lens_map_overlay`.

use super::arguments::{choice, flag, required};
use super::guard::guard;
use super::image::{lens_image, view};
use super::map::lens_map;
use super::options::{self, Options};
use super::status::lens_status;
use lens_base::Error;
use lens_tasks::heatmap::{Colormap, OverlayOptions, OverlayScale, Resolution};
use std::ptr;

/// Colours of an overlay, from low to high.
pub type lens_colormap = i32;
/// Black, purple, orange, yellow; the reference pipeline's overlays.
pub const LENS_COLORMAP_INFERNO: lens_colormap = 0;
/// White to dark red; the reference pipeline's sample sheet.
pub const LENS_COLORMAP_REDS: lens_colormap = 1;
/// Blue, green, yellow, red.
pub const LENS_COLORMAP_JET: lens_colormap = 2;
/// Black to white.
pub const LENS_COLORMAP_GRAY: lens_colormap = 3;

/// Which values get the lowest and the highest colour.
pub type lens_overlay_scale = i32;
/// The map's own lowest and highest value (a constant map gets the lowest colour): shows where, not how much.
pub const LENS_OVERLAY_SCALE_MINMAX: lens_overlay_scale = 0;
/// 0 and 1: shows how much, comparable between images.
pub const LENS_OVERLAY_SCALE_ABSOLUTE: lens_overlay_scale = 1;

/// Options of lens_map_overlay(). Fill with lens_overlay_options_init(), then change what you need. The defaults are
/// the reference pipeline's.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct lens_overlay_options {
    /// sizeof(lens_overlay_options); set by lens_overlay_options_init().
    pub struct_size: usize,
    /// LENS_COLORMAP_...; default LENS_COLORMAP_INFERNO.
    pub colormap: lens_colormap,
    /// LENS_OVERLAY_SCALE_...; default LENS_OVERLAY_SCALE_MINMAX.
    pub scale: lens_overlay_scale,
    /// Share of the colours, 0 (image only) to 1 (colours only); default 0.5.
    pub alpha: f32,
    /// 1: a bar of the colours is drawn inside the picture at the right edge, half as high as it, with the values of
    /// the lowest and the highest colour; without them where the image's shorter side is under 96 pixels. 0 (default):
    /// not.
    pub color_bar: i32,
    /// How many of the tiles that matter most get a frame, all when there are no more; default 0.
    pub outline_tiles: u32,
}

// SAFETY: repr(C), struct_size first, numbers only.
unsafe impl Options for lens_overlay_options {
    const NAME: &'static str = "lens_overlay_options";
    const FIRST_SIZE: usize = std::mem::offset_of!(lens_overlay_options, color_bar);
    fn defaults() -> Self {
        lens_overlay_options {
            struct_size: size_of::<Self>(),
            colormap: LENS_COLORMAP_INFERNO,
            scale: LENS_OVERLAY_SCALE_MINMAX,
            alpha: 0.5,
            color_bar: 0,
            outline_tiles: 0,
        }
    }
}

/// Fills the options with their defaults; NULL is a no-op.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lens_overlay_options_init(options: *mut lens_overlay_options) {
    // SAFETY: NULL or writable by contract.
    unsafe { options::init(options) }
}

/// Blends the coloured map over its image.
///
/// A map with LENS_MAP_RESOLUTION_TILES is refused: it has no values between the tiles, and tiles that are blended
/// overlap.
///
/// @param image An image of the map's size.
/// @param options NULL for all defaults.
/// @param[out] rgba Receives height rows of width RGBA pixels, 8 bits each, alpha 255; unchanged on failure.
/// @param stride Bytes from one row to the next, at least 4 x width.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lens_map_overlay(
    map: *const lens_map,
    image: *const lens_image,
    options: *const lens_overlay_options,
    rgba: *mut u8,
    stride: usize,
) -> lens_status {
    guard(|| {
        // SAFETY: NULL or a live handle by contract.
        let map = &unsafe { required("map", map) }?.map;
        // SAFETY: NULL or a valid struct by contract.
        let image = unsafe { required("image", image) }?;
        // SAFETY: NULL or a struct as large as its struct_size, by contract.
        let options = unsafe { options::read(options) }?;
        let core = OverlayOptions {
            colormap: choice(
                "colormap",
                options.colormap,
                &[
                    (LENS_COLORMAP_INFERNO, "LENS_COLORMAP_INFERNO", Colormap::Inferno),
                    (LENS_COLORMAP_REDS, "LENS_COLORMAP_REDS", Colormap::Reds),
                    (LENS_COLORMAP_JET, "LENS_COLORMAP_JET", Colormap::Jet),
                    (LENS_COLORMAP_GRAY, "LENS_COLORMAP_GRAY", Colormap::Gray),
                ],
            )?,
            scale: choice(
                "scale",
                options.scale,
                &[
                    (LENS_OVERLAY_SCALE_MINMAX, "LENS_OVERLAY_SCALE_MINMAX", OverlayScale::MinMax),
                    (LENS_OVERLAY_SCALE_ABSOLUTE, "LENS_OVERLAY_SCALE_ABSOLUTE", OverlayScale::Absolute),
                ],
            )?,
            alpha: options.alpha,
            color_bar: flag("color_bar", options.color_bar)?,
            outline_tiles: options.outline_tiles,
        };
        if rgba.is_null() {
            return Err(Error::argument("rgba is NULL; it must be the address of height x stride bytes"));
        }
        let row_bytes = 4 * map.width();
        if map.resolution() == Resolution::Image && stride < row_bytes {
            return Err(Error::argument(format!("stride {stride} is less than width {} x 4 bytes", map.width())));
        }
        // SAFETY: the pixels are as the struct describes, by contract.
        let view = unsafe { view("image", image) }?;
        map.overlay_rows(&view, &core, |y, row| {
            // SAFETY: the caller's buffer has height rows, stride bytes apart, each of at least 4 x width bytes.
            unsafe { ptr::copy_nonoverlapping(row.as_ptr(), rgba.add(y * stride), row_bytes) };
        })
    })
}
