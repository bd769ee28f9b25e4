//! Tiles on the way into the network: views of bands, not copies.

use super::bands::Band;
use tch::Tensor;

/// Tiles of one row of a band, at equal distances.
struct Run {
    /// Height x width x 3.
    pixels: Tensor,
    x: i64,
    y: i64,
    step: i64,
    count: i64,
}

impl Run {
    /// `count` of its tiles from index `first` on: N x tile x tile x 3, one strided view, in which tiles that overlap
    /// share their pixels.
    fn view(&self, first: i64, count: i64, tile: i64) -> Tensor {
        let row = self.pixels.stride()[0];
        let begin = self.pixels.storage_offset() + self.y * row + (self.x + first * self.step) * 3;
        self.pixels.as_strided([count, tile, tile, 3], [self.step * 3, row, 3, 1], begin)
    }
}

/// Tiles of any number of bands and images, which go through the network together.
pub struct TileBatch {
    tile: i64,
    runs: Vec<Run>,
    len: usize,
}

impl TileBatch {
    /// An empty batch of tiles of this width and height.
    pub fn new(tile: usize) -> Self {
        TileBatch { tile: tile as i64, runs: Vec::new(), len: 0 }
    }

    /// How many tiles it holds.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Adds the tile of a band whose upper left pixel is `x`, `y` of the image.
    pub fn push(&mut self, band: &Band, x: usize, y: usize) {
        let (x, y) = (x as i64, (y - band.first) as i64);
        self.len += 1;
        if let Some(run) = self.runs.last_mut()
            && run.pixels.data_ptr() == band.pixels.data_ptr()
            && run.y == y
            && x > run.x
            && (run.count == 1 || x - run.x == run.step * run.count)
        {
            if run.count == 1 {
                run.step = x - run.x;
            }
            run.count += 1;
            return;
        }
        self.runs.push(Run { pixels: band.pixels.shallow_clone(), x, y, step: 0, count: 1 });
    }

    /// `count` tiles from index `first` on: for each row of a grid one view of N x 3 x tile x tile.
    pub fn views(&self, first: usize, count: usize) -> Vec<Tensor> {
        let (mut skipped, mut left) = (first as i64, count as i64);
        let mut views = Vec::new();
        for run in &self.runs {
            let taken = (run.count - skipped).clamp(0, left);
            if taken > 0 {
                views.push(run.view(skipped, taken, self.tile).permute([0, 3, 1, 2]));
                left -= taken;
            }
            skipped = (skipped - run.count).max(0);
        }
        views
    }

    /// Forgets its tiles, and lets go of their bands.
    pub fn clear(&mut self) {
        self.runs.clear();
        self.len = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::{Device, Kind};

    fn band(first: usize, seed: i64) -> Band {
        let count = 40 * 50 * 3;
        let values = Tensor::arange(count, (Kind::Float, Device::Cpu)) + seed as f64 * 10_000.0;
        Band { pixels: values.view([40, 50, 3]), first }
    }

    #[test]
    fn tiles_are_those_of_their_places_whole_or_in_parts() {
        let bands = [band(0, 0), band(30, 1)];
        let places = [(0, 0, 0), (0, 9, 0), (0, 18, 0), (0, 20, 0), (0, 0, 9), (1, 0, 30), (1, 4, 33), (0, 4, 3)];
        let mut batch = TileBatch::new(8);
        for (which, x, y) in places {
            batch.push(&bands[which], x, y);
        }
        assert_eq!((batch.len(), batch.runs.len()), (8, 6));
        let expected = |(which, x, y): (usize, usize, usize)| {
            let band = &bands[which];
            band.pixels.narrow(0, (y - band.first) as i64, 8).narrow(1, x as i64, 8).permute([2, 0, 1])
        };
        for first in 0..places.len() {
            for count in 1..=places.len() - first {
                let tensor = Tensor::cat(&batch.views(first, count), 0);
                assert_eq!(tensor.size(), [count as i64, 3, 8, 8]);
                for (index, place) in places[first..first + count].iter().enumerate() {
                    assert_eq!(tensor.get(index as i64), expected(*place), "{first} {index}");
                }
            }
        }
    }

    #[test]
    fn one_row_of_the_grid_is_not_copied() {
        let band = band(0, 0);
        let mut batch = TileBatch::new(8);
        (0..5).for_each(|column| batch.push(&band, column * 6, 2));
        let views = batch.views(0, 5);
        let tensor = &views[0];
        assert_eq!(tensor.stride(), [18, 1, 150, 3]);
        let place = band.pixels.narrow(0, 2, 8).data_ptr();
        assert_eq!(tensor.data_ptr(), place);
    }
}
