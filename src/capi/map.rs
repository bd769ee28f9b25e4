//! `lens_map`.

use super::arguments::{array, choice, out, required};
use super::classify::lens_prediction;
use super::generated::lens_aggregate;
use super::guard::{guard, release};
use super::status::lens_status;
use lens_base::Result;
use lens_tasks::heatmap::{HeatMap, Tile, aggregate};

/// A heatmap: a value for every pixel of an image, and the grid of tiles it was made from. Immutable, so thread-safe;
/// independent of the model and the image.
pub struct lens_map {
    pub(super) map: HeatMap,
    tiles: Vec<lens_tile>,
}

impl lens_map {
    /// To the host, who frees it.
    pub(super) fn hand_out(map: HeatMap) -> *mut Self {
        let tiles = map.tiles().iter().map(lens_tile::from).collect();
        Box::into_raw(Box::new(lens_map { map, tiles }))
    }
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
    /// _GRAD_CAM_PLUS_PLUS the logistic function of what the cell adds to the logit; for LENS_HEATMAP_METHOD_OCCLUSION of the
    /// image without the tile.
    pub probability: f32,
    /// The network's output that belongs to it, log(p / (1 - p)).
    pub logit: f32,
}

/// Summary of a heatmap.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct lens_map_summary {
    /// Values in a row: the image's width in pixels; for LENS_MAP_RESOLUTION_TILES columns.
    pub width: u32,
    /// Rows of values: the image's height in pixels; for LENS_MAP_RESOLUTION_TILES rows.
    pub height: u32,
    /// Mean of the map (the reference pipeline's confidence) over the pixels of the resampled image, whatever the map's
    /// resolution; of lens_map_aggregate(), over the map's values.
    pub mean: f32,
    /// Highest value of the map, taken likewise.
    pub maximum: f32,
    /// Tiles in a row.
    pub columns: u32,
    /// Rows of tiles.
    pub rows: u32,
    /// Index, row by row, of the tile that matters most, the first of equals: with the highest probability; for
    /// LENS_HEATMAP_METHOD_GRAD_CAM_PLUS_PLUS with the strongest evidence, for LENS_HEATMAP_METHOD_OCCLUSION with the
    /// lowest probability, for that is of the image without it.
    pub hottest_tile: u32,
    /// What the map says of the image: for LENS_HEATMAP_METHOD_TILES, the mean of the tiles' probabilities (and its
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

/// The map's values, 0 to 1, row by row, width x height of its summary without gaps: of the image's pixels, or with
/// LENS_MAP_RESOLUTION_TILES one for each tile.
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

/// Makes one map of several of the same size and with the same tiles, such as those of a cine's frames.
///
/// The new map's prediction is that of the best frame (LENS_AGGREGATE_MAX), or of the mean of the maps' probabilities
/// with the first map's threshold (LENS_AGGREGATE_MEAN). The maps stay as they are.
///
/// @param maps An array of count maps.
/// @param count How many, at least 1.
/// @param how LENS_AGGREGATE_...
/// @param[out] map Receives the map; free it with lens_map_free(). NULL on failure.
/// @param[out] best_frame Receives the index of the map with the highest probability, the first of equals; 0 on
/// failure.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lens_map_aggregate(
    maps: *const *const lens_map,
    count: usize,
    how: lens_aggregate,
    map: *mut *mut lens_map,
    best_frame: *mut usize,
) -> lens_status {
    guard(|| {
        // SAFETY: NULL or writable by the contract of every out parameter.
        let map = unsafe { out("map", map) };
        // SAFETY: as above.
        let best_frame = unsafe { out("best_frame", best_frame) };
        let (map, best_frame) = (map?, best_frame?);
        // SAFETY: NULL or an array of count handles by contract.
        let handles = unsafe { array("maps", maps, count) }?;
        let how = choice("how", how)?;
        let maps = handles
            .iter()
            .enumerate()
            // SAFETY: NULL or live handles by contract.
            .map(|(index, handle)| Ok(&unsafe { required(&format!("map {index}"), *handle) }?.map))
            .collect::<Result<Vec<&HeatMap>>>()?;
        let (made, best) = aggregate(&maps, how)?;
        *map = lens_map::hand_out(made);
        *best_frame = best;
        Ok(())
    })
}

/// Frees the map; NULL is a no-op. Its values and tiles become invalid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lens_map_free(map: *mut lens_map) {
    release(|| {
        if !map.is_null() {
            // SAFETY: from this library and freed once, by contract.
            drop(unsafe { Box::from_raw(map) });
        }
    });
}
