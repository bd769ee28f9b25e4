//! `lens_map` and `lens_heatmap`.

use super::arguments::{array, choice, out, out_array, required};
use super::cancel::lens_cancel_token;
use super::classify::{chosen_threshold, lens_prediction};
use super::guard::{guard, release};
use super::image::{lens_image, view, views};
use super::model::lens_model;
use super::options::{self, Options};
use super::progress::{control, lens_progress_fn};
use super::status::lens_status;
use crate::error::Error;
use crate::heatmap::{
    Blend, Colormap, Edge, HeatMap, HeatmapOptions, Method, OverlayOptions, OverlayScale, Resample, Tile, heatmap,
};
use std::ffi::c_void;
use std::ptr;
use std::sync::Arc;

/// A heatmap: a probability for every pixel of an image, and the grid of tiles it was made from. Immutable, so
/// thread-safe; independent of the model and the image.
pub struct lens_map {
    map: HeatMap,
    tiles: Vec<lens_tile>,
}

/// How a heatmap is made.
pub type lens_heatmap_method = i32;
/// Overlapping tiles, each classified by itself: "what would the model say of this part alone?"
pub const LENS_HEATMAP_METHOD_TILES: lens_heatmap_method = 0;
/// Class activation map: one pass over the whole image; each place's share in the image's logit (their mean is the
/// logit), through the logistic function: "which parts made the model say this of the whole?"
pub const LENS_HEATMAP_METHOD_CAM: lens_heatmap_method = 1;

/// Where the last tiles go when the stride does not end at the border.
pub type lens_edge = i32;
/// A last row and column of tiles flush with the border, so that every pixel is covered.
pub const LENS_EDGE_COVER: lens_edge = 0;
/// No such tiles; pixels that no tile covers are 0, as in the reference pipeline.
pub const LENS_EDGE_REFERENCE: lens_edge = 1;

/// How overlapping tiles are weighted where they meet.
pub type lens_blend = i32;
/// Each tile counts the same in all its pixels, as in the reference pipeline.
pub const LENS_BLEND_MEAN: lens_blend = 0;
/// A tile counts most in its middle: a Gaussian with a standard deviation of 1/8 of the tile, at least 1/1000 of its
/// peak, as in sliding-window inference of segmentation networks. Smoother maps.
pub const LENS_BLEND_GAUSSIAN: lens_blend = 1;

/// One tile (for LENS_HEATMAP_METHOD_CAM one cell of the network's feature map) in pixels of the image.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct lens_tile {
    /// Left edge.
    pub x: f32,
    /// Upper edge.
    pub y: f32,
    /// Width.
    pub width: f32,
    /// Height.
    pub height: f32,
    /// Probability of the positive class, 0 to 1.
    pub probability: f32,
    /// The network's output for the tile, log(p / (1 - p)).
    pub logit: f32,
}

/// The figures of a heatmap.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct lens_map_summary {
    /// Width of the map and of its image, in pixels.
    pub width: u32,
    /// Height of the map and of its image, in pixels.
    pub height: u32,
    /// Mean of the map (the reference pipeline's confidence), taken at the resolution the image was tiled at.
    pub mean: f32,
    /// Highest value of the map, taken likewise.
    pub maximum: f32,
    /// Tiles in a row.
    pub columns: u32,
    /// Rows of tiles.
    pub rows: u32,
    /// Index, row by row, of the tile with the highest probability; the first of equals.
    pub hottest_tile: u32,
    /// What the map says of the image: for tiles, the mean of the tiles' probabilities (and its logit); for CAM, what
    /// the model says of the whole image at the size it was given (lens_classify() resizes it to the model's size).
    pub prediction: lens_prediction,
}

/// Options of lens_heatmap(). Fill with lens_heatmap_options_init(), then change what you need.
///
/// The reference pipeline is: resize_width = resize_height = 128, edge = LENS_EDGE_REFERENCE, all else default.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct lens_heatmap_options {
    /// sizeof(lens_heatmap_options); set by lens_heatmap_options_init().
    pub struct_size: usize,
    /// LENS_HEATMAP_METHOD_...; default LENS_HEATMAP_METHOD_TILES.
    pub method: lens_heatmap_method,
    /// Width and height of a tile in pixels of the resampled image, 32 to 4096; default 64. Tiles go into the network
    /// at this size, whatever size it was trained at.
    pub tile_size: u32,
    /// Distance of tiles in pixels of the resampled image, 1 to tile_size; default 0: three quarters of tile_size (48).
    pub stride: u32,
    /// LENS_EDGE_...; default LENS_EDGE_COVER.
    pub edge: lens_edge,
    /// LENS_BLEND_...; default LENS_BLEND_MEAN.
    pub blend: lens_blend,
    /// The image is resampled by this factor before tiling, above 0, at most 16; default 1. The map has the image's own
    /// size all the same.
    pub scale: f64,
    /// Instead of scale: the image is resized to this width before tiling, 1 to 65536; default 0: by scale. Give both
    /// width and height, and leave scale at 1.
    pub resize_width: u32,
    /// As resize_width.
    pub resize_height: u32,
    /// Tiles that go through the network at once, 1 to 65536; default 64. Tiles of different images share a batch.
    pub batch_limit: u32,
    /// Probability from which an image is called positive (greater than), 0 to 1; default -1: the model's own.
    pub threshold: f32,
    /// Called about once a batch; default NULL.
    pub progress: lens_progress_fn,
    /// Handed to progress.
    pub progress_user_data: *mut c_void,
    /// Stops the call when triggered; default NULL.
    pub cancel: *const lens_cancel_token,
}

// SAFETY: repr(C), struct_size first, numbers, raw pointers and an optional function pointer only.
unsafe impl Options for lens_heatmap_options {
    const NAME: &'static str = "lens_heatmap_options";
    const FIRST_SIZE: usize = size_of::<Self>();
    fn defaults() -> Self {
        let defaults = HeatmapOptions::default();
        lens_heatmap_options {
            struct_size: size_of::<Self>(),
            method: LENS_HEATMAP_METHOD_TILES,
            tile_size: defaults.tile_size,
            stride: defaults.stride,
            edge: LENS_EDGE_COVER,
            blend: LENS_BLEND_MEAN,
            scale: 1.0,
            resize_width: 0,
            resize_height: 0,
            batch_limit: defaults.batch_limit,
            threshold: -1.0,
            progress: None,
            progress_user_data: ptr::null_mut(),
            cancel: ptr::null(),
        }
    }
}

impl lens_heatmap_options {
    /// The same for the core.
    pub(super) fn core(&self) -> crate::Result<HeatmapOptions> {
        Ok(HeatmapOptions {
            method: choice(
                "method",
                self.method,
                &[
                    (LENS_HEATMAP_METHOD_TILES, "LENS_HEATMAP_METHOD_TILES", Method::Tiles),
                    (LENS_HEATMAP_METHOD_CAM, "LENS_HEATMAP_METHOD_CAM", Method::Cam),
                ],
            )?,
            tile_size: self.tile_size,
            stride: self.stride,
            edge: choice(
                "edge",
                self.edge,
                &[
                    (LENS_EDGE_COVER, "LENS_EDGE_COVER", Edge::Cover),
                    (LENS_EDGE_REFERENCE, "LENS_EDGE_REFERENCE", Edge::Reference),
                ],
            )?,
            blend: choice(
                "blend",
                self.blend,
                &[
                    (LENS_BLEND_MEAN, "LENS_BLEND_MEAN", Blend::Mean),
                    (LENS_BLEND_GAUSSIAN, "LENS_BLEND_GAUSSIAN", Blend::Gaussian),
                ],
            )?,
            resample: match (self.resize_width, self.resize_height) {
                (0, 0) => Resample::Scale(self.scale),
                (width, height) if width > 0 && height > 0 && self.scale == 1.0 => Resample::Size(width, height),
                (width, height) => {
                    return Err(Error::argument(format!(
                        "resize_width {width}, resize_height {height} and scale {} exclude each other: give both sizes \
                         and scale 1, or scale alone",
                        self.scale
                    )));
                }
            },
            batch_limit: self.batch_limit,
            threshold: chosen_threshold(self.threshold),
        })
    }
}

/// Fills the options with their defaults; NULL is a no-op.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lens_heatmap_options_init(options: *mut lens_heatmap_options) {
    // SAFETY: NULL or writable by contract.
    unsafe { options::init(options) }
}

/// Draws a heatmap of each image.
///
/// Tiles: the value of a pixel is the (weighted) mean of the probabilities of the tiles that cover it. An image
/// (after resampling) smaller than a tile in either direction is classified whole, at its own size, stretched where a side
/// is under 32 pixels, and its map is constant. All images are checked
/// before work begins. May be called from several threads at once.
///
/// @param images An array of count images; NULL when count is 0.
/// @param count How many.
/// @param options NULL for all defaults.
/// @param[out] maps An array that receives count maps; free each with lens_map_free(). All NULL on failure.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lens_heatmap(
    model: *const lens_model,
    images: *const lens_image,
    count: usize,
    options: *const lens_heatmap_options,
    maps: *mut *mut lens_map,
) -> lens_status {
    guard(|| {
        // SAFETY: NULL or an array of count places by contract.
        let maps = unsafe { out_array("maps", maps, count) }?;
        // SAFETY: NULL or a live handle by contract.
        let model = unsafe { required("model", model) }?;
        // SAFETY: NULL or an array of count images by contract.
        let images = unsafe { array("images", images, count) }?;
        // SAFETY: NULL or a struct as large as its struct_size, by contract.
        let options = unsafe { options::read(options) }?;
        let core = options.core()?;
        // SAFETY: the pixels are as the structs describe, by contract.
        let views = unsafe { views(images) }?;
        // SAFETY: token and callback are as their contracts say for the time of the call.
        let mut control = unsafe { control(options.progress, options.progress_user_data, options.cancel) };
        // Held, so that the call goes on when the host frees its handle meanwhile.
        let model = Arc::clone(&model.0);
        for (place, map) in maps.iter_mut().zip(heatmap(&model, &views, &core, &mut control)?) {
            let tiles = map.tiles().iter().map(lens_tile::from).collect();
            *place = Box::into_raw(Box::new(lens_map { map, tiles }));
        }
        Ok(())
    })
}

impl From<&Tile> for lens_tile {
    fn from(tile: &Tile) -> Self {
        lens_tile {
            x: tile.x,
            y: tile.y,
            width: tile.width,
            height: tile.height,
            probability: tile.probability,
            logit: tile.logit,
        }
    }
}

/// The map's figures.
///
/// @param[out] summary Receives them; all zero on failure.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lens_map_get_summary(map: *const lens_map, summary: *mut lens_map_summary) -> lens_status {
    guard(|| {
        // SAFETY: NULL or writable by the contract of every out parameter.
        let summary = unsafe { out("summary", summary) }?;
        // SAFETY: NULL or a live handle by contract.
        let map = &unsafe { required("map", map) }?.map;
        *summary = lens_map_summary {
            width: map.width() as u32,
            height: map.height() as u32,
            mean: map.mean(),
            maximum: map.maximum(),
            columns: map.columns() as u32,
            rows: map.rows() as u32,
            hottest_tile: map.hottest_tile() as u32,
            prediction: map.prediction().into(),
        };
        Ok(())
    })
}

/// The map's values, 0 to 1, row by row, width x height without gaps.
///
/// @param[out] values Receives the address of the first value; valid until the map is freed. NULL on failure.
/// @param[out] count Receives width x height; 0 on failure.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lens_map_values(
    map: *const lens_map,
    values: *mut *const f32,
    count: *mut usize,
) -> lens_status {
    guard(|| {
        // SAFETY: NULL or writable by the contract of every out parameter.
        let values = unsafe { out("values", values) };
        // SAFETY: as above.
        let count = unsafe { out("count", count) };
        let (values, count) = (values?, count?);
        // SAFETY: NULL or a live handle by contract.
        let map = &unsafe { required("map", map) }?.map;
        *values = map.values().as_ptr();
        *count = map.values().len();
        Ok(())
    })
}

/// The map's tiles, row by row.
///
/// @param[out] tiles Receives the address of the first tile; valid until the map is freed. NULL on failure.
/// @param[out] count Receives columns x rows; 0 on failure.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lens_map_tiles(
    map: *const lens_map,
    tiles: *mut *const lens_tile,
    count: *mut usize,
) -> lens_status {
    guard(|| {
        // SAFETY: NULL or writable by the contract of every out parameter.
        let tiles = unsafe { out("tiles", tiles) };
        // SAFETY: as above.
        let count = unsafe { out("count", count) };
        let (tiles, count) = (tiles?, count?);
        // SAFETY: NULL or a live handle by contract.
        let map = unsafe { required("map", map) }?;
        *tiles = map.tiles.as_ptr();
        *count = map.tiles.len();
        Ok(())
    })
}

/// Frees the map; NULL is a no-op. Its values and tiles become invalid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lens_map_free(map: *mut lens_map) {
    release(|| {
        if !map.is_null() {
            // SAFETY: from lens_heatmap and freed once, by contract.
            drop(unsafe { Box::from_raw(map) });
        }
    });
}

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
}

// SAFETY: repr(C), struct_size first, numbers only.
unsafe impl Options for lens_overlay_options {
    const NAME: &'static str = "lens_overlay_options";
    const FIRST_SIZE: usize = size_of::<Self>();
    fn defaults() -> Self {
        lens_overlay_options {
            struct_size: size_of::<Self>(),
            colormap: LENS_COLORMAP_INFERNO,
            scale: LENS_OVERLAY_SCALE_MINMAX,
            alpha: 0.5,
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
        };
        if rgba.is_null() {
            return Err(Error::argument("rgba is NULL; it must be the address of height x stride bytes"));
        }
        let row_bytes = 4 * map.width();
        if stride < row_bytes {
            return Err(Error::argument(format!("stride {stride} is less than width {} x 4 bytes", map.width())));
        }
        // SAFETY: the pixels are as the struct describes, by contract.
        let view = unsafe { view("image", image) }?;
        let rows = map.overlay(&view, &core)?;
        for (y, row) in rows.chunks_exact(row_bytes).enumerate() {
            // SAFETY: the caller's buffer has height rows, stride bytes apart, each of at least 4 x width bytes.
            unsafe { ptr::copy_nonoverlapping(row.as_ptr(), rgba.add(y * stride), row_bytes) };
        }
        Ok(())
    })
}
