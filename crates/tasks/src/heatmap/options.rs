//! How heatmaps are made.

use super::accumulate::Blend;
use super::tiles::Edge;
use crate::classify::MOST_AT_ONCE;
use lens_base::options::{Choice, Options};
use lens_base::{Error, Result};
use lens_images::{LONGEST_SIDE, MOST_PIXELS};
use lens_model::SMALLEST_SIDE;

/// How a heatmap is made: which question it answers. None of them proves where a lesion is: they show what the model
/// goes by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Choice)]
#[choice(name = "heatmap_method")]
pub enum Method {
    /// Overlapping tiles, each classified by itself: "which parts would be called positive if they were seen alone?"
    /// The sharpest method for models trained on patches of the tile's size; it knows nothing of what is around a tile.
    #[default]
    Tiles,
    /// Class activation map (Zhou et al. 2016), one pass over the whole image: "which parts push the whole image's logit
    /// up or down?" Each cell of the network's last feature map (every 32 pixels) adds its share; their mean is the logit,
    /// exactly, for pooling and head are linear. The value is a share through the logistic function: above 0.5 speaks for
    /// the positive class, below 0.5 against it. As cells see far beyond their 32 pixels, it is coarse.
    Cam,
    /// Grad-CAM++ (Chattopadhay et al. 2018), one pass over the whole image: "where is the evidence for the positive
    /// class, also when it shows in several places?" Channels that speak against it are left out. Values are relative
    /// to the image's strongest cell, which has 1: they say where, not how much, and cannot be compared between images;
    /// a heatmap without any evidence is 0 everywhere.
    #[choice(word = "grad-cam++")]
    GradCamPlusPlus,
    /// Occlusion sensitivity (Zeiler and Fergus 2014): "which parts would the probability of the whole image fall without?"
    /// The whole image goes through the network once for each tile, with the tile filled with the image's mean colour; the
    /// value is the fall of the probability, 0 where it does not fall. The slowest method, and the only one that asks the
    /// model as it is used; a finding that shows in two places does not fall when only one is hidden.
    Occlusion,
}

/// What a heatmap has a value for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Choice)]
#[choice(name = "heatmap_resolution")]
pub enum Resolution {
    /// Every pixel of the image.
    #[default]
    Image,
    /// Every tile: columns x rows values, for images whose heatmap would be too large. Such a heatmap cannot be laid
    /// over an image; its tiles say where they lie.
    Tiles,
}

/// How to draw heatmaps. The defaults are the reference pipeline's tiles, on the image as it is, with every pixel covered;
/// the reference pipeline itself is resize_width = resize_height = 128, edge = reference, all else default.
#[derive(Clone, Debug, Options)]
pub struct HeatmapOptions {
    /// How a heatmap is made.
    #[option(flag = "--method")]
    pub method: Method,
    /// Width and height of a tile in pixels of the resampled image. Tiles go into the network at this size, whatever size
    /// it was trained at.
    #[option(default = 64, minimum = SMALLEST_SIDE, maximum = 4096, flag = "--tile PX")]
    pub tile_size: u32,
    /// Distance of tiles in pixels of the resampled image, at most tile_size.
    #[option(maximum = 4096, unset = "three quarters of tile_size", flag = "--stride PX")]
    pub stride: u32,
    /// Where the last tiles go when the stride does not end at the border.
    #[option(flag = "--edge")]
    pub edge: Edge,
    /// How overlapping tiles are weighted where they meet.
    #[option(flag = "--blend")]
    pub blend: Blend,
    /// The image is resampled by this factor before tiling. The heatmap has the image's own size all the same.
    #[option(default = 1.0, above = 0, maximum = 16, flag = "--scale X")]
    pub scale: f64,
    /// Instead of scale: the image is resized to this width before tiling. Give both width and height, and leave scale at
    /// 1.
    #[option(maximum = LONGEST_SIDE, unset = "by scale")]
    pub resize_width: u32,
    /// The height that belongs to resize_width.
    #[option(maximum = LONGEST_SIDE, unset = "by scale")]
    pub resize_height: u32,
    /// Tiles that go through the network at once; those of different images share a batch. It bounds the memory that
    /// the call needs beside the heatmaps. For occlusion a batch holds as many whole images as fit into the pixels of
    /// so many tiles, at least one; CAM and Grad-CAM++ take one image at a time.
    #[option(
        maximum = MOST_AT_ONCE,
        unset = "automatic, 64 on the CPU, and on GPUs as many as have 4 million pixels (1024 of 64 x 64)",
        flag = "--batch-limit N"
    )]
    pub batch_limit: u32,
    /// Probability above which an image is called positive.
    #[option(minimum = 0, maximum = 1, none = -1, unset = "the model's own", flag = "--threshold X")]
    pub threshold: Option<f32>,
    /// What the heatmap has a value for.
    #[option(flag = "--resolution")]
    pub resolution: Resolution,
}

impl HeatmapOptions {
    /// Refuses what cannot work, by name and value.
    pub fn check(&self) -> Result<()> {
        self.check_ranges()?;
        if self.stride > self.tile_size {
            return Err(Error::argument(format!(
                "stride {} is more than tile_size {}, which leaves gaps",
                self.stride, self.tile_size
            )));
        }
        match (self.resize_width, self.resize_height) {
            (0, 0) => Ok(()),
            (width, height) if width > 0 && height > 0 && self.scale == 1.0 => Ok(()),
            (width, height) => Err(Error::argument(format!(
                "resize_width {width}, resize_height {height} and scale {} exclude each other: give both sizes and scale \
                 1, or scale alone",
                self.scale
            ))),
        }
    }

    /// Refuses also what gives no value for every pixel.
    pub(crate) fn check_for_pixels(&self) -> Result<()> {
        self.check()?;
        match self.resolution {
            Resolution::Image => Ok(()),
            Resolution::Tiles => {
                Err(Error::argument("the heatmap's resolution is TILES; it must be IMAGE, for pixels are compared"))
            }
        }
    }

    /// The width and height that images are resized to, where not by scale.
    fn size(&self) -> Option<(u32, u32)> {
        (self.resize_width > 0).then_some((self.resize_width, self.resize_height))
    }

    /// How much larger than an image it is tiled, taking width and height together.
    pub(crate) fn scale_of(&self, width: usize, height: usize) -> f64 {
        match self.size() {
            None => self.scale,
            Some((to_width, to_height)) => {
                (f64::from(to_width) / width as f64 * f64::from(to_height) / height as f64).sqrt()
            }
        }
    }

    /// Distance of tiles; the reference pipeline's 48 for its tiles of 64.
    pub(super) fn stride(&self) -> usize {
        match self.stride {
            0 => self.tile_size as usize * 3 / 4,
            stride => stride as usize,
        }
    }

    /// The size an image is tiled at.
    pub(super) fn resampled_size(&self, width: usize, height: usize) -> Result<(usize, usize)> {
        let scaled = |side: usize| (side as f64 * self.scale).round().max(1.0);
        let (new_width, new_height) = match self.size() {
            None => (scaled(width), scaled(height)),
            Some((width, height)) => (f64::from(width), f64::from(height)),
        };
        let longest = f64::from(LONGEST_SIDE);
        if new_width > longest || new_height > longest || new_width * new_height > MOST_PIXELS as f64 {
            return Err(Error::argument(format!(
                "{width} x {height} pixels would be resampled to {new_width} x {new_height}; the most is {LONGEST_SIDE} \
                 a side and {MOST_PIXELS} in all"
            )));
        }
        Ok((new_width as usize, new_height as usize))
    }
}
