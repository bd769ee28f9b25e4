//! `lens_heatmap`.

use super::arguments::{array, out_array, required};
use super::generated::lens_heatmap_options;
use super::guard::guard;
use super::image::{lens_image, views};
use super::map::lens_map;
use super::model::lens_model;
use super::options;
use super::progress::control;
use super::status::lens_status;
use lens_tasks::heatmap::heatmap;
use std::sync::Arc;

/// Draws a heatmap of each image, such as the frames of a cine.
///
/// LENS_HEATMAP_METHOD_TILES: the value of a pixel is the (weighted) mean of the probabilities of the tiles that cover
/// it. An image (after resampling) smaller than a tile in either direction is classified whole, at its own size,
/// stretched where a side is under 32 pixels, and its map is constant. Images are worked through in bands of rows, so
/// that one of any size needs little more memory than its map (4 bytes a pixel; almost none with
/// LENS_MAP_RESOLUTION_TILES) and its batches.
///
/// The other methods put the whole image through the network, which takes several hundred bytes a pixel: after
/// resampling it must have at most 4096 x 4096 pixels. Tiles larger than the image are as large as the image.
///
/// All images are checked before work begins. May be called from several threads at once.
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
        // SAFETY: NULL or an array of count out parameters by contract.
        let maps = unsafe { out_array("maps", maps, count) }?;
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
        // Held, so that the call goes on when the host frees its handle meanwhile.
        let model = Arc::clone(&model.0);
        for (handle, map) in maps.iter_mut().zip(heatmap(&model, &views, &core, &mut control)?) {
            *handle = lens_map::hand_out(map);
        }
        Ok(())
    })
}
