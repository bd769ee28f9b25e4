//! A coloured map over its image.

use super::colormap::Colormap;
use super::map::HeatMap;
use crate::data::PixelView;
use crate::error::{Error, Result};

/// Which values get the lowest and the highest colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OverlayScale {
    /// The map's own lowest and highest.
    #[default]
    MinMax,
    /// 0 and 1.
    Absolute,
}

/// How to draw an overlay.
#[derive(Clone, Debug)]
pub struct OverlayOptions {
    /// Colours.
    pub colormap: Colormap,
    /// Which values get which colour.
    pub scale: OverlayScale,
    /// Share of the colours.
    pub alpha: f32,
}

impl Default for OverlayOptions {
    /// The reference pipeline's.
    fn default() -> Self {
        OverlayOptions { colormap: Colormap::Inferno, scale: OverlayScale::MinMax, alpha: 0.5 }
    }
}

impl HeatMap {
    /// RGBA pixels of the image with the coloured map blended over it, row by row.
    pub fn overlay(&self, image: &PixelView, options: &OverlayOptions) -> Result<Vec<u8>> {
        if !(0.0..=1.0).contains(&options.alpha) {
            return Err(Error::argument(format!("alpha {} is not in 0..1", options.alpha)));
        }
        if (image.width(), image.height()) != (self.width(), self.height()) {
            return Err(Error::argument(format!(
                "the image has {} x {} pixels, the map {} x {}: give the image the map was made of",
                image.width(),
                image.height(),
                self.width(),
                self.height()
            )));
        }
        let raster = image.to_raster().map_err(|error| error.prefixed("image"))?;
        let (low, span) = match options.scale {
            OverlayScale::Absolute => (0.0, 1.0),
            OverlayScale::MinMax => {
                let low = self.values().iter().copied().fold(f32::MAX, f32::min);
                let high = self.values().iter().copied().fold(f32::MIN, f32::max);
                (low, high - low)
            }
        };
        let mut pixels = Vec::with_capacity(self.values().len() * 4);
        for (index, value) in self.values().iter().enumerate() {
            // A constant map shows no place hotter than another.
            let relative = if span > 0.0 { (value - low) / span } else { 0.0 };
            let colour = options.colormap.colour(relative);
            let below = raster.rgb(index % self.width(), index / self.width());
            for (over, under) in colour.into_iter().zip(below) {
                let blended = options.alpha * f32::from(over) + (1.0 - options.alpha) * under * 255.0;
                pixels.push(blended.round() as u8);
            }
            pixels.push(255);
        }
        Ok(pixels)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{PixelFormat, Raster, Windowing};
    use crate::infer::Prediction;

    fn map(values: Vec<f32>) -> HeatMap {
        let width = values.len();
        let values = Raster::new(width, 1, 1, values).unwrap();
        HeatMap::new(values, Vec::new(), 1, Prediction::from_logit(0.0, 0.5), (width, 1)).unwrap()
    }

    fn overlay(values: Vec<f32>, image: &[u8], options: &OverlayOptions) -> Result<Vec<u8>> {
        let width = image.len() as u32;
        let view = PixelView::new(image, width, 1, image.len(), PixelFormat::Gray8, Windowing::default()).unwrap();
        map(values).overlay(&view, options)
    }

    #[test]
    fn half_and_half_of_the_stretched_map_and_the_image() {
        let pixels = overlay(vec![0.2, 0.4], &[100, 200], &OverlayOptions::default()).unwrap();
        // inferno's ends are (0, 0, 3) and (252, 254, 164).
        assert_eq!(pixels, [50, 50, 52, 255, 226, 227, 182, 255]);
    }

    #[test]
    fn absolute_colours_do_not_stretch() {
        let options = OverlayOptions { colormap: Colormap::Gray, scale: OverlayScale::Absolute, alpha: 1.0 };
        let pixels = overlay(vec![0.25, 1.0], &[0, 0], &options).unwrap();
        assert_eq!(pixels, [64, 64, 64, 255, 255, 255, 255, 255]);
    }

    #[test]
    fn another_images_size_and_a_wrong_alpha_are_refused() {
        assert!(overlay(vec![0.1, 0.2], &[1, 2, 3], &OverlayOptions::default()).is_err());
        let options = OverlayOptions { alpha: f32::NAN, ..OverlayOptions::default() };
        assert!(overlay(vec![0.1], &[1], &options).unwrap_err().message().contains("NaN"));
    }
}
