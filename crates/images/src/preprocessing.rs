//! From 0..1 pixels to the network's input.

use super::pixels::CheckedView;
use super::raster::Raster;
use super::read_options::ReadOptions;
use super::resampled::ResampledView;
use lens_base::{Options, Result};
use serde::{Deserialize, Serialize};

/// Images of more pixels are converted and resized in parts: as floats, a whole one of 2^30 takes 4 GiB.
const MOST_WHOLE_PIXELS: usize = 1 << 26;

/// What is done to an image before the network; stored in the model. The defaults are the reference pipeline's: 128
/// pixels, no normalisation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Options)]
pub struct Preprocessing {
    /// Images are resized to this many pixels in width and height. Stored in the model.
    #[option(default = 128, minimum = 32, maximum = 4096, flag = "--size PX")]
    pub image_size: u32,
    /// Subtracted from the 0..1 values of red, green and blue before the network. Stored in the model.
    #[option(default = [0.0; 3], flag = "--mean X[,X,X]")]
    pub mean: [f32; 3],
    /// Then red, green and blue are divided by it. Stored in the model.
    #[option(default = [1.0; 3], above = 0, flag = "--standard-deviation X[,X,X]")]
    pub standard_deviation: [f32; 3],
    /// How image files are read; stored in the model.
    #[option(nested)]
    #[serde(default)]
    pub reading: ReadOptions,
}

impl Preprocessing {
    /// Refuses what cannot work.
    pub fn check(&self) -> Result<()> {
        self.check_ranges()
    }

    /// A whole image at the network's input size.
    pub fn resize(&self, raster: &Raster) -> Result<Raster> {
        raster.resized(self.image_size as usize, self.image_size as usize)
    }

    /// As `resize`, but for rounding where the image is large.
    pub fn resize_view(&self, view: CheckedView) -> Result<Raster> {
        if view.width() * view.height() <= MOST_WHOLE_PIXELS {
            return self.resize(&view.to_raster()?);
        }
        let side = self.image_size as usize;
        ResampledView::new(view, (side, side)).rows(0..side)
    }

    /// Whether gray images stay gray: every channel is normalised alike.
    pub fn keeps_gray(&self) -> bool {
        self.mean == [self.mean[0]; 3] && self.standard_deviation == [self.standard_deviation[0]; 3]
    }

    /// Appends some rows of an image, normalised, to `values`: one channel where the image is gray and stays so, else red,
    /// green and blue beside each other. Returns how many channels.
    pub fn normalise(
        &self,
        raster: &Raster,
        (x, y): (usize, usize),
        (width, height): (usize, usize),
        values: &mut Vec<f32>,
    ) -> usize {
        debug_assert!(x + width <= raster.width() && y + height <= raster.height());
        let scale: [f32; 3] = std::array::from_fn(|channel| 1.0 / self.standard_deviation[channel]);
        let normalised = |channel: usize, value: f32| (value - self.mean[channel]) * scale[channel];
        let stored = raster.channels();
        let channels = if stored == 1 && self.keeps_gray() { 1 } else { 3 };
        values.reserve(width * height * channels);
        for row in y..y + height {
            let samples = &raster.samples()[(row * raster.width() + x) * stored..][..width * stored];
            match (stored, channels) {
                (1, 1) => values.extend(samples.iter().map(|value| normalised(0, *value))),
                (1, _) => values.extend(
                    samples
                        .iter()
                        .flat_map(|value| -> [f32; 3] { std::array::from_fn(|channel| normalised(channel, *value)) }),
                ),
                _ => values.extend(samples.as_chunks::<3>().0.iter().flat_map(|values| -> [f32; 3] {
                    std::array::from_fn(|channel| normalised(channel, values[channel]))
                })),
            }
        }
        channels
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{PixelFormat, PixelView};

    #[test]
    fn large_images_in_parts() {
        let (width, height) = (9_000u32, 8_000);
        assert!(width as usize * height as usize > MOST_WHOLE_PIXELS);
        let bytes: Vec<u8> =
            (0..width * height).map(|index| (index % width / 100 + index / width / 50) as u8).collect();
        let view = PixelView::plain(&bytes, width, height, PixelFormat::Gray8).unwrap().checked().unwrap();
        let preprocessing = Preprocessing { image_size: 64, ..Preprocessing::default() };
        let part = preprocessing.resize_view(view).unwrap();
        let whole = preprocessing.resize(&view.to_raster().unwrap()).unwrap();
        assert_eq!((part.width(), part.height(), part.channels()), (64, 64, 1));
        assert!(part.samples().iter().zip(whole.samples()).all(|(one, other)| (one - other).abs() < 1e-5));
    }
}
