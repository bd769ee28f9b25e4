//! How heatmaps are made.

use super::accumulate::Blend;
use super::tiles::Edge;
use crate::classify::AUTOMATIC;
use lens_base::{Error, Result};
use lens_images::{LONGEST_SIDE, MOST_PIXELS};
use lens_model::SMALLEST_SIDE;

/// How a heatmap is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Method {
    /// Overlapping tiles, each classified by itself.
    #[default]
    Tiles,
    /// Class activation map of the whole image.
    Cam,
    /// Grad-CAM++ of the whole image.
    GradCamPlusPlus,
    /// The whole image again and again, each time with one tile hidden.
    Occlusion,
}

impl Resolution {
    /// As it is called in messages.
    pub(super) fn name(self) -> &'static str {
        match self {
            Resolution::Image => "IMAGE",
            Resolution::Tiles => "TILES",
        }
    }
}

impl Method {
    /// As it is called in messages.
    pub(super) fn name(self) -> &'static str {
        match self {
            Method::Tiles => "TILES",
            Method::Cam => "CAM",
            Method::GradCamPlusPlus => "GRAD_CAM_PLUS_PLUS",
            Method::Occlusion => "OCCLUSION",
        }
    }
}

/// What a map has a value for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Resolution {
    /// Every pixel of the image.
    #[default]
    Image,
    /// Every tile.
    Tiles,
}

/// What is done to the image's size before tiling.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Resample {
    /// Width and height times this.
    Scale(f64),
    /// To this width and height.
    Size(u32, u32),
}

/// How to draw heatmaps.
#[derive(Clone, Debug)]
pub struct HeatmapOptions {
    /// Method.
    pub method: Method,
    /// Width and height of a tile.
    pub tile_size: u32,
    /// Distance of tiles; 0: three quarters of a tile.
    pub stride: u32,
    /// Where the last tiles go.
    pub edge: Edge,
    /// How overlapping tiles are weighted.
    pub blend: Blend,
    /// What is done to the image's size before tiling.
    pub resample: Resample,
    /// Tiles that go through the network at once; `AUTOMATIC` leaves it to the library.
    pub batch_limit: u32,
    /// Instead of the model's own threshold.
    pub threshold: Option<f32>,
    /// What the map has a value for.
    pub resolution: Resolution,
}

impl Default for HeatmapOptions {
    /// The reference pipeline's tiles, on the image as it is, with every pixel covered.
    fn default() -> Self {
        HeatmapOptions {
            method: Method::Tiles,
            tile_size: 64,
            stride: 0,
            edge: Edge::Cover,
            blend: Blend::Mean,
            resample: Resample::Scale(1.0),
            batch_limit: AUTOMATIC,
            threshold: None,
            resolution: Resolution::Image,
        }
    }
}

impl HeatmapOptions {
    /// Refuses what cannot work, by name and value.
    pub(crate) fn check(&self) -> Result<()> {
        let smallest = SMALLEST_SIDE as u32;
        if !(smallest..=4096).contains(&self.tile_size) {
            return Err(Error::argument(format!("tile_size {} is not in {smallest}..4096", self.tile_size)));
        }
        if self.stride > self.tile_size {
            return Err(Error::argument(format!(
                "stride {} is more than tile_size {}, which leaves gaps",
                self.stride, self.tile_size
            )));
        }
        match self.resample {
            Resample::Scale(scale) if !(scale > 0.0 && scale <= 16.0) => {
                Err(Error::argument(format!("scale {scale} must be above 0 and at most 16")))
            }
            Resample::Size(width, height)
                if !(1..=LONGEST_SIDE).contains(&width) || !(1..=LONGEST_SIDE).contains(&height) =>
            {
                Err(Error::argument(format!(
                    "resize_width {width} and resize_height {height} must be in 1..{LONGEST_SIDE}"
                )))
            }
            _ => Ok(()),
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

    /// How much larger than an image it is tiled, taking width and height together.
    pub(crate) fn scale_of(&self, width: usize, height: usize) -> f64 {
        match self.resample {
            Resample::Scale(scale) => scale,
            Resample::Size(to_width, to_height) => {
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
        let (new_width, new_height) = match self.resample {
            Resample::Scale(scale) => {
                ((width as f64 * scale).round().max(1.0), (height as f64 * scale).round().max(1.0))
            }
            Resample::Size(width, height) => (f64::from(width), f64::from(height)),
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
