//! From 0..1 pixels to the network's input.

use super::raster::Raster;
use crate::error::{Error, Result};
use crate::runtime::HostBuffer;
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

/// Images of one size, normalised, in the tensor that the network takes: pixel by pixel in memory (NHWC).
pub struct Batch {
    width: usize,
    height: usize,
    len: usize,
    buffer: HostBuffer,
}

impl Batch {
    /// An empty batch with room for `capacity` images of this size, which grows when it has to; for `device`.
    pub fn new(width: usize, height: usize, capacity: usize, device: Device) -> Self {
        Batch { width, height, len: 0, buffer: HostBuffer::new(capacity * width * height * 3, device) }
    }

    /// How many images it holds.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
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
        let normalised = |channel: usize, value: f32| (value - mean[channel]) * scale[channel];
        let image = self.width * self.height * 3;
        if self.buffer.count() < (self.len + 1) * image {
            self.buffer = self.buffer.grown(2 * (self.len + 1) * image);
        }
        let pixels = self.buffer.values_mut()[self.len * image..][..image].as_chunks_mut::<3>().0;
        let channels = raster.channels();
        for (row, pixels) in pixels.chunks_exact_mut(self.width).enumerate() {
            let samples = &raster.samples()[((y + row) * raster.width() + x) * channels..][..self.width * channels];
            if channels == 1 {
                for (pixel, value) in pixels.iter_mut().zip(samples) {
                    *pixel = std::array::from_fn(|channel| normalised(channel, *value));
                }
            } else {
                for (pixel, values) in pixels.iter_mut().zip(samples.as_chunks::<3>().0) {
                    *pixel = std::array::from_fn(|channel| normalised(channel, values[channel]));
                }
            }
        }
        self.len += 1;
    }

    /// Its images, one after the other, row by row, pixel by pixel.
    pub fn samples(&self) -> &[f32] {
        &self.buffer.values()[..self.len * self.width * self.height * 3]
    }

    /// `count` of its images from index `first` on: N x 3 x H x W with channels-last strides. On CPU it shares the
    /// batch's memory: use it up before the batch is changed.
    pub fn tensor(&self, first: usize, count: usize) -> Tensor {
        let image = self.width * self.height * 3;
        self.buffer
            .part(first * image, count * image)
            .view([count as i64, self.height as i64, self.width as i64, 3])
            .permute([0, 3, 1, 2])
    }

    /// Forgets its images, keeps its memory.
    pub fn clear(&mut self) {
        self.len = 0;
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
        let mut batch = Batch::new(1, 1, 1, Device::Cpu);
        batch.push(&raster, 0, 0, &preprocessing);
        batch.push(&raster, 1, 0, &preprocessing);
        let tensor = batch.tensor(0, 2);
        assert_eq!(tensor.size(), [2, 3, 1, 1]);
        let values: Vec<f32> = Vec::try_from(tensor.contiguous().view([-1])).unwrap();
        assert_eq!(values, [0.0, -1.0, -4.0, 1.0, 1.0, 0.0]);
    }

    #[test]
    fn a_tile_is_cut_where_it_was_asked_for() {
        let raster = Raster::new(4, 3, 1, (0..12).map(|value| value as f32).collect()).unwrap();
        let mut batch = Batch::new(2, 2, 1, Device::Cpu);
        batch.push(&raster, 1, 1, &Preprocessing::default());
        let red: Vec<f32> = Vec::try_from(batch.tensor(0, 1).select(1, 0).contiguous().view([-1])).unwrap();
        assert_eq!(red, [5.0, 6.0, 9.0, 10.0]);
    }
}
