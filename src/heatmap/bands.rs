//! An image on the device, one horizontal band of it at a time.

use crate::data::{Batch, Preprocessing, ResampledView};
use crate::error::Result;
use std::ops::Range;
use tch::{Device, Tensor};

/// Most bytes of a band of more than one row of tiles. Fewer, larger bands save little: the rows that neighbours share
/// are moved on the device, not converted again.
const BAND_BYTES: usize = 32 << 20;

/// Rows of an image, normalised, on the device.
#[derive(Debug)]
pub struct Band {
    /// Height x width x 3.
    pub pixels: Tensor,
    /// Which row of the image comes first.
    pub first: usize,
}

/// The bands of an image from top to bottom. Each row of the image is converted and uploaded once.
pub struct Bands<'a> {
    image: &'a ResampledView<'a>,
    preprocessing: &'a Preprocessing,
    device: Device,
    /// Where rows of tiles begin.
    tops: &'a [usize],
    tile: usize,
    next: usize,
    last: Option<Band>,
    most_rows: usize,
}

impl<'a> Bands<'a> {
    /// For rows of tiles that begin at `tops`.
    pub fn new(
        image: &'a ResampledView<'a>,
        preprocessing: &'a Preprocessing,
        device: Device,
        tops: &'a [usize],
        tile: usize,
    ) -> Self {
        let most_rows = BAND_BYTES / (image.width() * 3 * size_of::<f32>());
        Bands { image, preprocessing, device, tops, tile, next: 0, last: None, most_rows }
    }

    /// The next band, and the indices of the rows of tiles that lie in it; `None` after the last.
    pub fn next(&mut self) -> Result<Option<(&Band, Range<usize>)>> {
        let Some(&first) = self.tops.get(self.next) else { return Ok(None) };
        let fitting = self.tops[self.next..].iter().take_while(|top| *top + self.tile <= first + self.most_rows);
        let inside = self.next..self.next + fitting.count().max(1);
        let end = self.tops[inside.end - 1] + self.tile;
        let kept = self.last.take().map(|last| {
            let height = last.pixels.size()[0] as usize;
            last.pixels.narrow(0, (first - last.first) as i64, (last.first + height - first) as i64)
        });
        let new = first + kept.as_ref().map_or(0, |kept| kept.size()[0] as usize);
        let pixels = self.upload(new..end)?;
        let pixels = match kept {
            Some(kept) if new > first => Tensor::f_cat(&[kept, pixels], 0)?,
            _ => pixels,
        };
        self.next = inside.end;
        Ok(Some((self.last.insert(Band { pixels, first }), inside)))
    }

    fn upload(&self, rows: Range<usize>) -> Result<Tensor> {
        let mut batch = Batch::new(self.image.width(), rows.len(), 1, self.device);
        batch.push(&self.image.rows(rows)?, 0, 0, self.preprocessing);
        Ok(batch.tensor(0, 1).permute([0, 2, 3, 1]).squeeze_dim(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{PixelFormat, PixelView, Windowing};

    #[test]
    fn bands_overlap_as_tiles_do_and_hold_the_images_rows() {
        // 40,000 pixels of 12 bytes: 69 rows fit into a band.
        let (width, height) = (40_000, 210);
        let bytes: Vec<u8> = (0..width * height).map(|index| (index / width + index % 7) as u8).collect();
        let view = PixelView::new(&bytes, width as u32, 210, width, PixelFormat::Gray8, Windowing::default()).unwrap();
        let image = ResampledView::new(view.checked().unwrap(), (width, height));
        let tops: Vec<usize> = (0..=height - 32).step_by(13).chain([height - 32]).collect();
        let preprocessing = Preprocessing::default();
        let mut bands = Bands::new(&image, &preprocessing, Device::Cpu, &tops, 32);
        let mut rows = Vec::new();
        let mut count = 0;
        while let Some((band, inside)) = bands.next().unwrap() {
            assert!(band.pixels.size()[0] <= 69 && band.pixels.is_contiguous());
            for row in inside {
                let tile = band.pixels.narrow(0, (tops[row] - band.first) as i64, 32);
                for y in [0, 31] {
                    let expected = bytes[(tops[row] + y) * width + 5] as f32 / 255.0;
                    assert_eq!(tile.double_value(&[y as i64, 5, 2]) as f32, expected);
                }
                rows.push(row);
            }
            count += 1;
        }
        assert_eq!(rows, (0..tops.len()).collect::<Vec<_>>());
        assert!(count > 2, "{count}");
    }
}
