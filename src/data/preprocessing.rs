//! From 0..1 pixels to the network's input.

use super::raster::Raster;
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use tch::{Device, Tensor};

/// What is done to an image before the network; stored in the model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Preprocessing {
    /// Width and height that whole images are resized to.
    pub image_size: u32,
    /// Subtracted from red, green and blue.
    pub mean: [f32; 3],
    /// Then divided by.
    pub standard_deviation: [f32; 3],
}

impl Default for Preprocessing {
    /// The reference pipeline's: 128 pixels, no normalisation.
    fn default() -> Self {
        Preprocessing { image_size: 128, mean: [0.0; 3], standard_deviation: [1.0; 3] }
    }
}

impl Preprocessing {
    /// Refuses what cannot work.
    pub fn check(&self) -> Result<()> {
        if !(32..=4096).contains(&self.image_size) {
            return Err(Error::argument(format!("image_size {} is not in 32..4096", self.image_size)));
        }
        for (channel, (mean, deviation)) in self.mean.iter().zip(self.standard_deviation).enumerate() {
            if !mean.is_finite() {
                return Err(Error::argument(format!("mean[{channel}] is {mean}; it must be finite")));
            }
            if !deviation.is_finite() || deviation <= 0.0 {
                return Err(Error::argument(format!(
                    "standard_deviation[{channel}] is {deviation}; it must be above 0"
                )));
            }
        }
        Ok(())
    }

    /// A whole image at the network's input size.
    pub fn resize(&self, raster: &Raster) -> Result<Raster> {
        raster.resized(self.image_size as usize, self.image_size as usize)
    }
}

/// Images of one size, normalised, on their way to the network: pixel by pixel in memory (NHWC).
pub struct Batch {
    width: usize,
    height: usize,
    values: Vec<f32>,
}

impl Batch {
    /// An empty batch for images of this size.
    pub fn new(width: usize, height: usize) -> Self {
        Batch { width, height, values: Vec::new() }
    }

    /// How many images it holds.
    pub fn len(&self) -> usize {
        self.values.len() / (self.width * self.height * 3)
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Width and height of its images.
    pub fn size(&self) -> (usize, usize) {
        (self.width, self.height)
    }

    /// Adds the part of an image that begins at `x`, `y`.
    pub fn push(&mut self, raster: &Raster, x: usize, y: usize, preprocessing: &Preprocessing) {
        debug_assert!(x + self.width <= raster.width() && y + self.height <= raster.height());
        let scale: [f32; 3] = std::array::from_fn(|channel| 1.0 / preprocessing.standard_deviation[channel]);
        let mean = preprocessing.mean;
        self.values.reserve(self.width * self.height * 3);
        let channels = raster.channels();
        for row in y..y + self.height {
            let samples = &raster.samples()[(row * raster.width() + x) * channels..][..self.width * channels];
            if channels == 1 {
                for value in samples {
                    self.values
                        .extend(std::array::from_fn::<f32, 3, _>(|channel| (value - mean[channel]) * scale[channel]));
                }
            } else {
                for pixel in samples.as_chunks::<3>().0 {
                    self.values.extend(std::array::from_fn::<f32, 3, _>(|channel| {
                        (pixel[channel] - mean[channel]) * scale[channel]
                    }));
                }
            }
        }
    }

    /// Takes the images out, from index `first` on, `count` of them: N x 3 x H x W with channels-last strides.
    pub fn tensor(&self, first: usize, count: usize, device: Device) -> Tensor {
        let image = self.width * self.height * 3;
        Tensor::from_slice(&self.values[first * image..(first + count) * image])
            .view([count as i64, self.height as i64, self.width as i64, 3])
            .permute([0, 3, 1, 2])
            .to_device(device)
    }

    /// Forgets its images, keeps its memory.
    pub fn clear(&mut self) {
        self.values.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gray_fills_three_channels_and_each_is_normalised() {
        let raster = Raster::new(2, 1, 1, vec![0.0, 1.0]).unwrap();
        let preprocessing =
            Preprocessing { image_size: 32, mean: [0.0, 0.5, 1.0], standard_deviation: [1.0, 0.5, 0.25] };
        let mut batch = Batch::new(1, 1);
        batch.push(&raster, 0, 0, &preprocessing);
        batch.push(&raster, 1, 0, &preprocessing);
        let tensor = batch.tensor(0, 2, Device::Cpu);
        assert_eq!(tensor.size(), [2, 3, 1, 1]);
        let values: Vec<f32> = Vec::try_from(tensor.contiguous().view([-1])).unwrap();
        assert_eq!(values, [0.0, -1.0, -4.0, 1.0, 1.0, 0.0]);
    }

    #[test]
    fn a_tile_is_cut_where_it_was_asked_for() {
        let raster = Raster::new(4, 3, 1, (0..12).map(|value| value as f32).collect()).unwrap();
        let mut batch = Batch::new(2, 2);
        batch.push(&raster, 1, 1, &Preprocessing::default());
        let red: Vec<f32> =
            Vec::try_from(batch.tensor(0, 1, Device::Cpu).select(1, 0).contiguous().view([-1])).unwrap();
        assert_eq!(red, [5.0, 6.0, 9.0, 10.0]);
    }
}
