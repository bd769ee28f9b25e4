//! Images beside their heatmaps, small enough for a page.

use crate::heatmap::{Colormap, Heatmap, OverlayOptions, OverlayScale};
use lens_base::Result;
use lens_images::{PixelFormat, PixelView, Raster, encode_png};

/// Width and height that thumbnails fit into, in pixels.
pub const FIT: usize = 224;

/// Red, green, blue, 8 bits each, row by row.
#[derive(Clone)]
pub struct Thumbnail {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// 3 x width x height bytes.
    pub pixels: Vec<u8>,
}

impl Thumbnail {
    /// The thumbnail of an image.
    pub fn of(raster: &Raster) -> Result<Self> {
        let (width, height) = fitting(raster.width(), raster.height());
        let small = raster.resized(width, height)?;
        let pixels = (0..width * height)
            .flat_map(|index| small.rgb(index % width, index / width))
            .map(|value| (value.clamp(0.0, 1.0) * 255.0).round() as u8)
            .collect();
        Ok(Thumbnail { width: width as u32, height: height as u32, pixels })
    }

    /// Of RGBA pixels, whose alpha is 255.
    fn of_rgba(rgba: &[u8], width: usize, height: usize) -> Result<Self> {
        let samples = rgba.chunks_exact(4).flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]);
        let samples = samples.map(|value| f32::from(value) / 255.0).collect();
        Thumbnail::of(&Raster::new(width, height, 3, samples)?)
    }

    /// The thumbnail as a PNG file.
    pub fn to_png(&self) -> Result<Vec<u8>> {
        encode_png(&PixelView::plain(&self.pixels, self.width, self.height, PixelFormat::Rgb8)?)
    }
}

/// The largest size within the limits that has the image's shape.
fn fitting(width: usize, height: usize) -> (usize, usize) {
    let scale = FIT as f64 / width.max(height) as f64;
    let side = |length: usize| ((length as f64 * scale).round() as usize).max(1);
    (side(width), side(height))
}

/// A sample's thumbnails.
#[derive(Clone)]
pub struct Thumbnails {
    /// The image.
    pub image: Thumbnail,
    /// The image with its heatmap, in the colours of the overlays.
    pub overlay: Thumbnail,
    /// The image with its heatmap on the absolute scale, in the colours of the sample sheet.
    pub absolute: Thumbnail,
}

/// The reference pipeline's sample sheet: Reds from 0 to 1.
fn sheet_overlay() -> OverlayOptions {
    OverlayOptions { colormap: Colormap::Reds, scale: OverlayScale::Absolute, alpha: 0.8, ..OverlayOptions::default() }
}

impl Thumbnails {
    /// The thumbnails of an image and of its heatmap over it.
    pub fn of(raster: &Raster, heatmap: &Heatmap) -> Result<Self> {
        let (bytes, format, width, height) = raster.stored();
        let view = PixelView::plain(&bytes, width, height, format)?;
        let drawn = |options: &OverlayOptions| -> Result<Thumbnail> {
            Thumbnail::of_rgba(&heatmap.overlay(&view, options)?, raster.width(), raster.height())
        };
        Ok(Thumbnails {
            image: Thumbnail::of(raster)?,
            overlay: drawn(&OverlayOptions::default())?,
            absolute: drawn(&sheet_overlay())?,
        })
    }
}
