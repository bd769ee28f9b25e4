//! An image, one horizontal band of it at a time.

use lens_base::Result;
use lens_images::{Preprocessing, ResampledView};
use std::ops::Range;
use std::sync::Arc;

/// Most bytes of a band of more than one row of tiles, with three channels. Fewer, larger bands save little: the rows that
/// neighbours share are copied, not converted again.
const BAND_BYTES: usize = 32 << 20;

/// Rows of an image, normalised.
#[derive(Clone, Debug)]
pub struct Band {
    /// Row by row, the channels of a pixel beside each other.
    pub samples: Arc<Vec<f32>>,
    /// 1 or 3.
    pub channels: usize,
    /// Pixels of a row.
    pub width: usize,
    /// Which row of the image comes first.
    pub first: usize,
}

impl Band {
    fn row_step(&self) -> usize {
        self.width * self.channels
    }

    /// How many rows it has.
    fn height(&self) -> usize {
        self.samples.len() / self.row_step()
    }
}

/// The bands of an image from top to bottom. Each row of the image is converted once.
pub struct Bands<'a> {
    image: &'a ResampledView<'a>,
    preprocessing: &'a Preprocessing,
    /// Where rows of tiles begin.
    tops: &'a [usize],
    tile: usize,
    next: usize,
    last: Option<Band>,
    most_rows: usize,
}

impl<'a> Bands<'a> {
    /// For rows of tiles that begin at `tops`.
    pub fn new(image: &'a ResampledView<'a>, preprocessing: &'a Preprocessing, tops: &'a [usize], tile: usize) -> Self {
        let most_rows = BAND_BYTES / (image.width() * 3 * size_of::<f32>());
        Bands { image, preprocessing, tops, tile, next: 0, last: None, most_rows }
    }

    /// The next band, and the indices of the rows of tiles that are in it; `None` after the last.
    pub fn next(&mut self) -> Result<Option<(&Band, Range<usize>)>> {
        let Some(&first) = self.tops.get(self.next) else { return Ok(None) };
        let fitting = self.tops[self.next..].iter().take_while(|top| *top + self.tile <= first + self.most_rows);
        let inside = self.next..self.next + fitting.count().max(1);
        let end = self.tops[inside.end - 1] + self.tile;
        let mut samples = Vec::new();
        let mut new = first;
        if let Some(last) = self.last.take().filter(|last| last.first + last.height() > first) {
            samples.extend_from_slice(&last.samples[(first - last.first) * last.row_step()..]);
            new = last.first + last.height();
        }
        let raster = self.image.rows(new..end)?;
        let size = (raster.width(), raster.height());
        let channels = self.preprocessing.normalise(&raster, (0, 0), size, &mut samples);
        self.next = inside.end;
        let band = Band { samples: Arc::new(samples), channels, width: self.image.width(), first };
        Ok(Some((self.last.insert(band), inside)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lens_images::{PixelFormat, PixelView, Windowing};

    #[test]
    fn band_rows() {
        // 40,000 pixels of 12 bytes: 69 rows fit into a band.
        let (width, height) = (40_000, 210);
        let bytes: Vec<u8> = (0..width * height).map(|index| (index / width + index % 7) as u8).collect();
        let view = PixelView::new(&bytes, width as u32, 210, width, PixelFormat::Gray8, Windowing::default()).unwrap();
        let image = ResampledView::new(view.checked().unwrap(), (width, height));
        let tops: Vec<usize> = (0..=height - 32).step_by(13).chain([height - 32]).collect();
        let preprocessing = Preprocessing::default();
        let mut bands = Bands::new(&image, &preprocessing, &tops, 32);
        let mut rows = Vec::new();
        let mut count = 0;
        while let Some((band, inside)) = bands.next().unwrap() {
            assert!(band.height() <= 69 && band.channels == 1);
            for row in inside {
                for y in [0, 31] {
                    let expected = bytes[(tops[row] + y) * width + 5] as f32 / 255.0;
                    assert_eq!(band.samples[(tops[row] - band.first + y) * width + 5], expected);
                }
                rows.push(row);
            }
            count += 1;
        }
        assert_eq!(rows, (0..tops.len()).collect::<Vec<_>>());
        assert!(count > 2, "{count}");
    }
}
