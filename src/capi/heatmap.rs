//! `lens_heatmap`.

use super::arguments::{array, choice, out_array, required};
use super::cancel::lens_cancel_token;
use super::classify::chosen_threshold;
use super::guard::guard;
use super::image::{lens_image, views};
use super::map::lens_map;
use super::model::lens_model;
use super::options::{self, Options};
use super::progress::{control, lens_progress_fn};
use super::status::lens_status;
use lens_base::{Error, Result};
use lens_tasks::heatmap::{Blend, Edge, HeatmapOptions, Method, Resample, Resolution, heatmap};
use std::ffi::c_void;
use std::ptr;
use std::sync::Arc;

/// How a heatmap is made: which question it answers. None of them proves where a lesion is: they show what the model
/// goes by.
pub type lens_heatmap_method = i32;
/// Overlapping tiles, each classified by itself: "which parts would be called positive if they were seen alone?"
/// The sharpest method for models trained on patches of the tile's size; it knows nothing of what is around a tile.
pub const LENS_HEATMAP_METHOD_TILES: lens_heatmap_method = 0;
/// Class activation map (Zhou et al. 2016), one pass over the whole image: "which places push the whole image's logit
/// up or down?" Each place of the network's last feature map (every 32 pixels) adds its share; their mean is the logit,
/// exactly, for pooling and head are linear. The value is a share through the logistic function: above 0.5 speaks for
/// the positive class, below 0.5 against it. As places see far beyond their 32 pixels, it is coarse.
pub const LENS_HEATMAP_METHOD_CAM: lens_heatmap_method = 1;
/// Grad-CAM++ (Chattopadhay et al. 2018), one pass over the whole image: "where is the evidence for the positive class,
/// also when it shows in several places?" Channels that speak against it are left out. Values are relative to the
/// image's strongest place, which has 1: they say where, not how much, and cannot be compared between images; a map
/// without any evidence is 0 everywhere.
pub const LENS_HEATMAP_METHOD_GRAD_CAM_PLUS_PLUS: lens_heatmap_method = 2;
/// Occlusion sensitivity (Zeiler and Fergus 2014): "which parts would the probability of the whole image fall without?"
/// The whole image goes through the network once for each tile, with the tile filled with the image's mean colour; the
/// value is the fall of the probability, 0 where it does not fall. The slowest method, and the only one that asks the
/// model as it is used; a finding that shows in two places does not fall when only one is hidden.
pub const LENS_HEATMAP_METHOD_OCCLUSION: lens_heatmap_method = 3;

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

/// What a map has a value for.
pub type lens_map_resolution = i32;
/// Every pixel of the image.
pub const LENS_MAP_RESOLUTION_IMAGE: lens_map_resolution = 0;
/// Every tile: columns x rows values, for images whose map would be too large. Such a map cannot be laid over an image
/// with lens_map_overlay(); lens_map_tiles() says where its tiles lie.
pub const LENS_MAP_RESOLUTION_TILES: lens_map_resolution = 1;

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
    /// Tiles that go through the network at once, up to 65536; default 0: automatic, 64 on the CPU, and on GPUs as many
    /// as have 4 million pixels (1024 of 64 x 64). Tiles of different images share a batch. It bounds the memory that
    /// the call needs beside the maps. For LENS_HEATMAP_METHOD_OCCLUSION as many images go
    /// through at once as have no more pixels than so many tiles, and one at least; for the two maps of the whole image
    /// always one.
    pub batch_limit: u32,
    /// Probability from which an image is called positive (greater than), 0 to 1; default -1: the model's own.
    pub threshold: f32,
    /// Called about once a batch; default NULL.
    pub progress: lens_progress_fn,
    /// Handed to progress.
    pub progress_user_data: *mut c_void,
    /// Stops the call when triggered; default NULL.
    pub cancel: *const lens_cancel_token,
    /// LENS_MAP_RESOLUTION_...; default LENS_MAP_RESOLUTION_IMAGE.
    pub resolution: lens_map_resolution,
}

// SAFETY: repr(C), struct_size first, numbers, raw pointers and an optional function pointer only.
unsafe impl Options for lens_heatmap_options {
    const NAME: &'static str = "lens_heatmap_options";
    const FIRST_SIZE: usize = std::mem::offset_of!(lens_heatmap_options, resolution);
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
            resolution: LENS_MAP_RESOLUTION_IMAGE,
        }
    }
}

impl lens_heatmap_options {
    /// The same for the core.
    pub(super) fn core(&self) -> Result<HeatmapOptions> {
        Ok(HeatmapOptions {
            method: choice(
                "method",
                self.method,
                &[
                    (LENS_HEATMAP_METHOD_TILES, "LENS_HEATMAP_METHOD_TILES", Method::Tiles),
                    (LENS_HEATMAP_METHOD_CAM, "LENS_HEATMAP_METHOD_CAM", Method::Cam),
                    (
                        LENS_HEATMAP_METHOD_GRAD_CAM_PLUS_PLUS,
                        "LENS_HEATMAP_METHOD_GRAD_CAM_PLUS_PLUS",
                        Method::GradCamPlusPlus,
                    ),
                    (LENS_HEATMAP_METHOD_OCCLUSION, "LENS_HEATMAP_METHOD_OCCLUSION", Method::Occlusion),
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
            resolution: choice(
                "resolution",
                self.resolution,
                &[
                    (LENS_MAP_RESOLUTION_IMAGE, "LENS_MAP_RESOLUTION_IMAGE", Resolution::Image),
                    (LENS_MAP_RESOLUTION_TILES, "LENS_MAP_RESOLUTION_TILES", Resolution::Tiles),
                ],
            )?,
        })
    }
}

/// Fills the options with their defaults; NULL is a no-op.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lens_heatmap_options_init(options: *mut lens_heatmap_options) {
    // SAFETY: NULL or writable by contract.
    unsafe { options::init(options) }
}

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
            *place = lens_map::hand_out(map);
        }
        Ok(())
    })
}
