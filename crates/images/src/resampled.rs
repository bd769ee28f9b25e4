//! Images at another size than their own, converted a few rows at a time.

use super::pixels::CheckedView;
use super::raster::{Raster, RowResampler};
use lens_base::Result;
use std::ops::Range;

/// About how many samples of the source are converted at once on the way to another size.
const PIECE_SAMPLES: usize = 4 << 20;

/// An image at another size, resampled in parts.
pub struct ResampledView<'a> {
    view: CheckedView<'a>,
    gray: bool,
    width: usize,
    height: usize,
}

impl<'a> ResampledView<'a> {
    /// A view resampled to this width and height.
    pub fn new(view: CheckedView<'a>, (width, height): (usize, usize)) -> Self {
        ResampledView { view, gray: view.is_gray(), width, height }
    }

    /// Width after resampling.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Height after resampling.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Some rows of it. Besides them, only about as many rows of the source are held as one of them depends on.
    pub fn rows(&self, rows: Range<usize>) -> Result<Raster> {
        let from = (self.view.width(), self.view.height());
        if from == (self.width, self.height) {
            return self.view.rows_to_raster(rows, self.gray);
        }
        let channels = if self.gray { 1 } else { 3 };
        let resampler = RowResampler::new(from, (self.width, self.height));
        let share = PIECE_SAMPLES as f64 / (from.0 * channels) as f64 * self.height as f64 / from.1 as f64;
        let mut samples = Vec::with_capacity(rows.len() * self.width * channels);
        for first in rows.clone().step_by((share as usize).max(1)) {
            let part = first..(first + (share as usize).max(1)).min(rows.end);
            let needed = resampler.needed(&part);
            let source = self.view.rows_to_raster(needed.clone(), self.gray)?;
            samples.extend_from_slice(resampler.resample(&source, needed.start, &part)?.samples());
        }
        Raster::new(self.width, rows.len(), channels, samples)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{PixelFormat, PixelView, Windowing};

    #[test]
    fn resampled_rows() {
        // So wide that the source is read in several pieces.
        let (width, height) = (40_000, 300);
        let bytes: Vec<u8> = (0..width * height).map(|index| (index * 31 % 251) as u8).collect();
        let size = (width as u32, height as u32);
        let view = PixelView::new(&bytes, size.0, size.1, width, PixelFormat::Gray8, Windowing::default()).unwrap();
        let whole = view.to_raster().unwrap().resized(500, 200).unwrap();
        let resampled = ResampledView::new(view.checked().unwrap(), (500, 200));
        for rows in [0..200, 0..1, 57..130, 199..200] {
            let part = resampled.rows(rows.clone()).unwrap();
            let expected = &whole.samples()[rows.start * 500..rows.end * 500];
            assert!(part.samples().iter().zip(expected).all(|(one, other)| (one - other).abs() < 1e-6), "{rows:?}");
        }
    }

    #[test]
    fn colour_of_the_whole_image() {
        let mut bytes = [7u8; 2 * 4 * 3];
        bytes[23] = 8;
        let view = PixelView::new(&bytes, 2, 4, 6, PixelFormat::Rgb8, Windowing::default()).unwrap();
        let resampled = ResampledView::new(view.checked().unwrap(), (2, 4));
        assert_eq!(resampled.rows(0..1).unwrap().channels(), 3);
        assert_eq!(resampled.rows(3..4).unwrap().samples()[5], 8.0 / 255.0);
    }
}
