//! `lens_heatmap`.

use super::arguments::{array, choice, out, out_array, required};
use super::classify::lens_prediction;
use super::generated::{lens_aggregate, lens_heatmap_options};
use super::guard::{guard, release};
use super::image::{lens_image, views};
use super::model::lens_model;
use super::options;
use super::progress::control;
use super::status::lens_status;
use lens_base::Result;
use lens_tasks::heatmap::{Heatmap, Tile, aggregate, compute_heatmaps};
use std::sync::Arc;

/// A heatmap: a value for every pixel of an image, and the grid of tiles it was made from. Immutable, so thread-safe;
/// independent of the model and the image.
pub struct lens_heatmap {
    pub(super) heatmap: Heatmap,
    tiles: Vec<lens_tile>,
}

impl lens_heatmap {
    /// Hands it to the caller, who frees it.
    pub(super) fn hand_out(heatmap: Heatmap) -> *mut Self {
        let tiles = heatmap.tiles().iter().map(lens_tile::from).collect();
        Box::into_raw(Box::new(lens_heatmap { heatmap, tiles }))
    }
}

/// Draws a heatmap of each image, such as the frames of a cine.
///
/// LENS_HEATMAP_METHOD_TILES: the value of a pixel is the (weighted) mean of the probabilities of the tiles that cover
/// it. An image (after resampling) smaller than a tile in either direction is classified whole, at its own size,
/// stretched where a side is under 32 pixels, and its heatmap is constant. Images are worked through in bands of rows,
/// so that one of any size needs little more memory than its heatmap (4 bytes a pixel; almost none with
/// LENS_HEATMAP_RESOLUTION_TILES) and its batches.
///
/// The other methods put the whole image through the network, which takes several hundred bytes a pixel: after
/// resampling it must have at most 4096 x 4096 pixels. Tiles larger than the image are as large as the image.
///
/// All images are checked before work begins. May be called from several threads at once.
///
/// @param images An array of count images; NULL when count is 0.
/// @param count How many.
/// @param options NULL for all defaults.
/// @param[out] heatmaps An array that receives count heatmaps; free each with lens_heatmap_free(). All NULL on failure.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lens_heatmap_compute(
    model: *const lens_model,
    images: *const lens_image,
    count: usize,
    options: *const lens_heatmap_options,
    heatmaps: *mut *mut lens_heatmap,
) -> lens_status {
    guard(|| {
        // SAFETY: NULL or an array of count out parameters by contract.
        let heatmaps = unsafe { out_array("heatmaps", heatmaps, count) }?;
        // SAFETY: NULL or a live handle by contract.
        let model = unsafe { required("model", model) }?;
        // SAFETY: NULL or an array of count images by contract.
        let images = unsafe { array("images", images, count) }?;
        // SAFETY: NULL or a struct as large as its struct_size, by contract.
        let options = unsafe { options::read(options) }?;
        // SAFETY: its strings are NULL or C strings, by contract.
        let core = unsafe { options.to_library() }?;
        // SAFETY: the pixels are as the structs describe, by contract.
        let views = unsafe { views(images) }?;
        // SAFETY: token and callback are as their contracts say for the time of the call.
        let mut control = unsafe { control(options.progress, options.progress_user_data, options.cancel) };
        // Held, so that the call goes on when the caller frees its handle meanwhile.
        let model = Arc::clone(&model.0);
        for (handle, heatmap) in heatmaps.iter_mut().zip(compute_heatmaps(&model, &views, &core, &mut control)?) {
            *handle = lens_heatmap::hand_out(heatmap);
        }
        Ok(())
    })
}

/// One tile (for LENS_HEATMAP_METHOD_CAM and _GRAD_CAM_PLUS_PLUS one cell of the network's feature map) in pixels of
/// the image.
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
    /// Probability of the positive class, 0 to 1: of the tile alone; for LENS_HEATMAP_METHOD_CAM and
    /// _GRAD_CAM_PLUS_PLUS the logistic function of what the cell adds to the logit; for LENS_HEATMAP_METHOD_OCCLUSION
    /// of the image without the tile.
    pub probability: f32,
    /// The network's output that belongs to it, log(p / (1 - p)).
    pub logit: f32,
}

/// Summary of a heatmap.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct lens_heatmap_summary {
    /// Values in a row: the image's width in pixels; for LENS_HEATMAP_RESOLUTION_TILES columns.
    pub width: u32,
    /// Rows of values: the image's height in pixels; for LENS_HEATMAP_RESOLUTION_TILES rows.
    pub height: u32,
    /// Mean of the heatmap (the reference pipeline's confidence) over the pixels of the resampled image, whatever the
    /// heatmap's resolution; of lens_heatmap_aggregate(), over the heatmap's values.
    pub mean: f32,
    /// Highest value of the heatmap, taken likewise.
    pub maximum: f32,
    /// Tiles in a row.
    pub columns: u32,
    /// Rows of tiles.
    pub rows: u32,
    /// Index, row by row, of the tile that matters most, the first of equals: with the highest probability; for
    /// LENS_HEATMAP_METHOD_GRAD_CAM_PLUS_PLUS with the strongest evidence, for LENS_HEATMAP_METHOD_OCCLUSION with the
    /// lowest probability, for that is of the image without it.
    pub hottest_tile: u32,
    /// What the heatmap says of the image: for LENS_HEATMAP_METHOD_TILES, the mean of the tiles' probabilities (and its
    /// logit); for the other methods, what the model says of the whole image at the size it was given (lens_classify()
    /// resizes it to the model's size).
    pub prediction: lens_prediction,
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

/// The heatmap's figures.
///
/// @param[out] summary Receives them; all zero on failure.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lens_heatmap_get_summary(
    heatmap: *const lens_heatmap,
    summary: *mut lens_heatmap_summary,
) -> lens_status {
    guard(|| {
        // SAFETY: NULL or writable by the contract of every out parameter.
        let summary = unsafe { out("summary", summary) }?;
        // SAFETY: NULL or a live handle by contract.
        let heatmap = &unsafe { required("heatmap", heatmap) }?.heatmap;
        *summary = lens_heatmap_summary {
            width: heatmap.width() as u32,
            height: heatmap.height() as u32,
            mean: heatmap.mean(),
            maximum: heatmap.maximum(),
            columns: heatmap.columns() as u32,
            rows: heatmap.rows() as u32,
            hottest_tile: heatmap.hottest_tile() as u32,
            prediction: heatmap.prediction().into(),
        };
        Ok(())
    })
}

/// The heatmap's values, 0 to 1, row by row, width x height of its summary without gaps: of the image's pixels, or with
/// LENS_HEATMAP_RESOLUTION_TILES one for each tile.
///
/// @param[out] values Receives the address of the first value; valid until the heatmap is freed. NULL on failure.
/// @param[out] count Receives width x height; 0 on failure.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lens_heatmap_get_values(
    heatmap: *const lens_heatmap,
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
        let heatmap = &unsafe { required("heatmap", heatmap) }?.heatmap;
        *values = heatmap.values().as_ptr();
        *count = heatmap.values().len();
        Ok(())
    })
}

/// The heatmap's tiles, row by row.
///
/// @param[out] tiles Receives the address of the first tile; valid until the heatmap is freed. NULL on failure.
/// @param[out] count Receives columns x rows; 0 on failure.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lens_heatmap_get_tiles(
    heatmap: *const lens_heatmap,
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
        let heatmap = unsafe { required("heatmap", heatmap) }?;
        *tiles = heatmap.tiles.as_ptr();
        *count = heatmap.tiles.len();
        Ok(())
    })
}

/// Makes one heatmap of several of the same size and with the same tiles, such as those of a cine's frames.
///
/// The new heatmap's prediction is that of the best frame (LENS_AGGREGATE_MAX), or of the mean of the heatmaps'
/// probabilities with the first heatmap's threshold (LENS_AGGREGATE_MEAN). The heatmaps stay as they are.
///
/// @param heatmaps An array of count heatmaps.
/// @param count How many, at least 1.
/// @param how LENS_AGGREGATE_...
/// @param[out] heatmap Receives the heatmap; free it with lens_heatmap_free(). NULL on failure.
/// @param[out] best_frame Receives the index of the heatmap with the highest probability, the first of equals; 0 on
/// failure.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lens_heatmap_aggregate(
    heatmaps: *const *const lens_heatmap,
    count: usize,
    how: lens_aggregate,
    heatmap: *mut *mut lens_heatmap,
    best_frame: *mut usize,
) -> lens_status {
    guard(|| {
        // SAFETY: NULL or writable by the contract of every out parameter.
        let heatmap = unsafe { out("heatmap", heatmap) };
        // SAFETY: as above.
        let best_frame = unsafe { out("best_frame", best_frame) };
        let (heatmap, best_frame) = (heatmap?, best_frame?);
        // SAFETY: NULL or an array of count handles by contract.
        let handles = unsafe { array("heatmaps", heatmaps, count) }?;
        let how = choice("how", how)?;
        let heatmaps = handles
            .iter()
            .enumerate()
            // SAFETY: NULL or live handles by contract.
            .map(|(index, handle)| Ok(&unsafe { required(&format!("heatmap {index}"), *handle) }?.heatmap))
            .collect::<Result<Vec<&Heatmap>>>()?;
        let (made, best) = aggregate(&heatmaps, how)?;
        *heatmap = lens_heatmap::hand_out(made);
        *best_frame = best;
        Ok(())
    })
}

/// Frees the heatmap; NULL is a no-op. Its values and tiles become invalid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lens_heatmap_free(heatmap: *mut lens_heatmap) {
    release(|| {
        if !heatmap.is_null() {
            // SAFETY: from this library and freed once, by contract.
            drop(unsafe { Box::from_raw(heatmap) });
        }
    });
}
