//! Batches of images with targets.

use crate::formula::uniform;
use lens_images::{ImageView, Images};

/// Images of one size, channels last, and their targets.
#[derive(Clone)]
pub struct Batch {
    /// Width of each image, in pixels.
    pub width: usize,
    /// Height of each image, in pixels.
    pub height: usize,
    /// 1 or 3.
    pub channels: usize,
    /// All pixels.
    pub values: Vec<f32>,
    /// The target of each image.
    pub targets: Vec<f32>,
}

impl Batch {
    /// The batch of tests/golden/densenet.py.
    pub fn golden([images, height, width]: [usize; 3]) -> Self {
        let name = format!("input.{images}x3x{height}x{width}");
        let area = height * width;
        // It is NCHW there.
        let nchw_index = |index: usize| index / (3 * area) * 3 * area + index % 3 * area + index / 3 % area;
        let values =
            (0..images * area * 3).map(|index| (0.5 + 0.5 * uniform(&name, nchw_index(index) as u64)) as f32).collect();
        let targets = (0..images).map(|image| [1.0, 0.0, 0.0, 1.0][image % 4]).collect();
        Batch { width, height, channels: 3, values, targets }
    }

    /// Images with areas of one value, as real ones have, where the maximum of a pooling window is not unique.
    pub fn with_even_areas([images, height, width]: [usize; 3]) -> Self {
        let name = format!("{images} images of {width} x {height}");
        let value = |index: usize| {
            let row = index / (3 * width) % height;
            if row < height / 2 { 0.25 } else { (0.5 + 0.5 * uniform(&name, index as u64)).clamp(0.3, 0.9) as f32 }
        };
        let targets = (0..images).map(|image| [1.0, 0.0, 0.05, 0.95, 0.0][image % 5]).collect();
        let values = (0..images * height * width * 3).map(value).collect();
        Batch { width, height, channels: 3, values, targets }
    }

    /// The first channel as a gray image.
    pub(crate) fn to_gray(&self) -> Self {
        Batch { channels: 1, values: self.values.iter().copied().step_by(self.channels).collect(), ..self.clone() }
    }

    /// The same with three channels.
    pub(crate) fn to_rgb(&self) -> Self {
        let values =
            self.values.chunks_exact(self.channels).flat_map(|pixel| [0, 1, 2].map(|index| pixel[index % pixel.len()]));
        Batch { channels: 3, values: values.collect(), ..self.clone() }
    }

    /// Floats of an image.
    fn image_len(&self) -> usize {
        self.height * self.width * self.channels
    }

    /// Number of images.
    pub(crate) fn count(&self) -> usize {
        self.values.len() / self.image_len()
    }

    /// Views of all images.
    pub fn images(&self) -> Images<'_> {
        let view = |image| ImageView {
            memory: &self.values,
            offset: image * self.image_len(),
            row_step: self.width * self.channels,
            channels: self.channels,
        };
        Images { width: self.width, height: self.height, views: (0..self.count()).map(view).collect() }
    }
}

/// Some of the images.
pub(crate) fn subset<'a>(images: &Images<'a>, range: std::ops::Range<usize>) -> Images<'a> {
    Images { views: images.views[range].to_vec(), ..*images }
}
