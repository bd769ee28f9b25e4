//! Normalised images on their way into the network.
//!
//! Engines are given f32 samples only. What a stored number of 8 or 16 bits means (bits stored, window, inversion,
//! normalisation) is decided once, before them; converting takes a thousandth of the time of a heatmap.

use super::preprocessing::Preprocessing;
use super::raster::Raster;
use lens_base::{Error, Result};

/// An image, or a part of one, in borrowed memory: f32 samples, normalised, pixel by pixel.
#[derive(Clone, Copy, Debug)]
pub struct ImageView<'a> {
    /// The memory that holds it; views of one memory name the same slice.
    pub memory: &'a [f32],
    /// Index of its first sample in `memory`.
    pub offset: usize,
    /// Samples from one row to the next.
    pub row_step: usize,
    /// 1 for gray, 3 for red, green and blue beside each other.
    pub channels: usize,
}

impl<'a> ImageView<'a> {
    /// How many samples it reaches over with so many pixels, from its first to its last; refuses what is outside its memory.
    pub fn length(&self, width: usize, height: usize) -> Result<usize> {
        if !matches!(self.channels, 1 | 3) {
            return Err(Error::argument(format!("an image has {} channels; 1 or 3 are possible", self.channels)));
        }
        if width == 0 || height == 0 {
            return Err(Error::argument(format!("images of {width} x {height} pixels; both must be at least 1")));
        }
        let row = width.checked_mul(self.channels).filter(|row| *row <= self.row_step || height == 1);
        let length = row.and_then(|row| (height - 1).checked_mul(self.row_step)?.checked_add(row));
        match length.filter(|length| self.offset.checked_add(*length).is_some_and(|end| end <= self.memory.len())) {
            Some(length) => Ok(length),
            None => Err(Error::argument(format!(
                "an image of {width} x {height} pixels with {} channels, rows {} apart, from number {} on does not lie in \
                 its memory of {} numbers",
                self.channels,
                self.row_step,
                self.offset,
                self.memory.len()
            ))),
        }
    }

    /// The samples of one row of `width` pixels.
    pub fn row(&self, y: usize, width: usize) -> &'a [f32] {
        &self.memory[self.offset + y * self.row_step..][..width * self.channels]
    }
}

/// Images of one size.
#[derive(Clone, Debug)]
pub struct Images<'a> {
    /// Width of each image in pixels.
    pub width: usize,
    /// Height of each image in pixels.
    pub height: usize,
    /// A view of each image.
    pub views: Vec<ImageView<'a>>,
}

impl Images<'_> {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.views.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.views.is_empty()
    }

    /// Copies all of them to `values`, one after the other, with `channels` channels (3 where one of them has 3).
    pub fn gather(&self, channels: usize, values: &mut Vec<f32>) {
        values.clear();
        values.reserve(self.len() * self.width * self.height * channels);
        for view in &self.views {
            for y in 0..self.height {
                let row = view.row(y, self.width);
                if view.channels == channels {
                    values.extend_from_slice(row);
                } else {
                    values.extend(row.iter().flat_map(|value| [*value; 3]));
                }
            }
        }
    }

    /// 1 when all of them are gray, else 3.
    pub fn channels(&self) -> usize {
        self.views.iter().map(|view| view.channels).max().unwrap_or(1)
    }
}

/// Images of one size, normalised, in memory of their own. Gray ones take one channel.
#[derive(Clone, Debug)]
pub struct Batch {
    width: usize,
    height: usize,
    values: Vec<f32>,
    /// Where each image begins, and its channels.
    images: Vec<(usize, usize)>,
}

impl Batch {
    /// An empty batch of images of this size.
    pub fn new(width: usize, height: usize) -> Self {
        Batch { width, height, values: Vec::new(), images: Vec::new() }
    }

    /// How many images it holds.
    pub fn len(&self) -> usize {
        self.images.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.images.is_empty()
    }

    /// Width and height of its images.
    pub fn size(&self) -> (usize, usize) {
        (self.width, self.height)
    }

    /// Adds the part of an image that begins at `x`, `y`.
    pub fn push(&mut self, raster: &Raster, x: usize, y: usize, preprocessing: &Preprocessing) {
        let start = self.values.len();
        let channels = preprocessing.normalise(raster, (x, y), (self.width, self.height), &mut self.values);
        self.images.push((start, channels));
    }

    /// `count` of its images from index `first` on.
    pub fn images(&self, first: usize, count: usize) -> Images<'_> {
        let view = |&(offset, channels): &(usize, usize)| ImageView {
            memory: &self.values,
            offset,
            row_step: self.width * channels,
            channels,
        };
        let views = self.images[first..first + count].iter().map(view).collect();
        Images { width: self.width, height: self.height, views }
    }

    /// All of its images.
    pub fn all(&self) -> Images<'_> {
        self.images(0, self.len())
    }

    /// Forgets its images, keeps its memory.
    pub fn clear(&mut self) {
        self.values.clear();
        self.images.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gathered(images: &Images, channels: usize) -> Vec<f32> {
        let mut values = Vec::new();
        images.gather(channels, &mut values);
        values
    }

    #[test]
    fn gray_as_three_channels() {
        let raster = Raster::new(2, 1, 1, vec![0.0, 1.0]).unwrap();
        let preprocessing = Preprocessing {
            image_size: 32,
            mean: [0.0, 0.5, 1.0],
            standard_deviation: [1.0, 0.5, 0.25],
            ..Preprocessing::default()
        };
        let mut batch = Batch::new(1, 1);
        batch.push(&raster, 0, 0, &preprocessing);
        batch.push(&raster, 1, 0, &preprocessing);
        assert_eq!(batch.all().channels(), 3);
        assert_eq!(gathered(&batch.all(), 3), [0.0, -1.0, -4.0, 1.0, 1.0, 0.0]);
    }

    #[test]
    fn tile_position_and_gray_channel() {
        let gray = Raster::new(4, 3, 1, (0..12).map(|value| value as f32).collect()).unwrap();
        let coloured = Raster::new(2, 2, 3, (0..12).map(|value| value as f32).collect()).unwrap();
        let mut batch = Batch::new(2, 2);
        batch.push(&gray, 1, 1, &Preprocessing::default());
        batch.push(&coloured, 0, 0, &Preprocessing::default());
        assert_eq!(gathered(&batch.images(0, 1), 1), [5.0, 6.0, 9.0, 10.0]);
        assert_eq!(batch.all().channels(), 3);
        assert_eq!(gathered(&batch.all(), 3)[..6], [5.0, 5.0, 5.0, 6.0, 6.0, 6.0]);
        assert_eq!(gathered(&batch.all(), 3)[12..], *coloured.samples());
    }
}
