//! From the rows of a heatmap at the size its image was tiled at to the finished heatmap.

use super::finished::{Heatmap, Tile};
use super::options::Resolution;
use crate::classify::Prediction;
use lens_base::{Error, Result, reserve};
use lens_images::{Raster, RowResampler};

/// About how many samples are resized at once.
const PIECE_SAMPLES: usize = 4 << 20;

/// Takes the rows of a heatmap from top to bottom. Of those it holds only the few that rows of the finished heatmap
/// still depend on.
pub struct HeatmapWriter {
    from: (usize, usize),
    to: (usize, usize),
    resolution: Resolution,
    values: Vec<f32>,
    sum: f64,
    maximum: f32,
    received: usize,
    pending: Vec<f32>,
    first_pending: usize,
}

impl HeatmapWriter {
    /// For rows of an image tiled at one size, whose own size is another.
    pub fn new(from: (usize, usize), to: (usize, usize), resolution: Resolution) -> Result<Self> {
        let mut values = Vec::new();
        if resolution == Resolution::Image {
            reserve(&mut values, to.0 * to.1, &format!("a heatmap of {} x {} values", to.0, to.1))?;
        }
        let (sum, maximum) = (0.0, f32::MIN);
        let (received, pending, first_pending) = (0, Vec::new(), 0);
        Ok(HeatmapWriter { from, to, resolution, values, sum, maximum, received, pending, first_pending })
    }

    /// The next rows, of values of 0..1.
    pub fn push(&mut self, rows: &[f32]) -> Result<()> {
        self.sum += rows.iter().map(|value| f64::from(*value)).sum::<f64>();
        self.maximum = rows.iter().copied().fold(self.maximum, f32::max);
        self.received += rows.len() / self.from.0;
        if self.resolution == Resolution::Tiles {
            return Ok(());
        }
        if self.from == self.to {
            self.values.extend(rows.iter().map(|value| value.clamp(0.0, 1.0)));
            return Ok(());
        }
        self.pending.extend_from_slice(rows);
        if self.pending.len() >= PIECE_SAMPLES || self.received == self.from.1 {
            self.resize()?;
        }
        Ok(())
    }

    /// Resizes as many rows as can be.
    fn resize(&mut self) -> Result<()> {
        let resampler = RowResampler::new(self.from, self.to);
        let most = (PIECE_SAMPLES / self.to.0).max(1);
        loop {
            let begin = self.values.len() / self.to.0;
            let known = |row: &usize| resampler.needed(&(*row..row + 1)).end <= self.received;
            let rows = begin..begin + (begin..self.to.1).take(most).take_while(known).count();
            if rows.is_empty() {
                break;
            }
            let needed = resampler.needed(&rows);
            let source =
                (needed.start - self.first_pending) * self.from.0..(needed.end - self.first_pending) * self.from.0;
            let source = Raster::new(self.from.0, needed.len(), 1, self.pending[source].to_vec())?;
            let resized = resampler.resample(&source, needed.start, &rows)?;
            // Interpolation of 0..1 may leave it by a rounding error.
            self.values.extend(resized.samples().iter().map(|value| value.clamp(0.0, 1.0)));
            if rows.end < self.to.1 {
                let still = resampler.needed(&(rows.end..rows.end + 1)).start;
                self.pending.drain(..(still - self.first_pending) * self.from.0);
                self.first_pending = still;
            }
        }
        Ok(())
    }

    /// The heatmap, when all rows were pushed, with tiles in pixels of the size it was tiled at.
    pub fn finish(self, mut tiles: Vec<Tile>, columns: usize, prediction: Prediction) -> Result<Heatmap> {
        if self.received != self.from.1 {
            return Err(Error::internal(format!("a heatmap of {} rows got {}", self.from.1, self.received)));
        }
        let across = self.to.0 as f32 / self.from.0 as f32;
        let down = self.to.1 as f32 / self.from.1 as f32;
        for tile in &mut tiles {
            tile.x *= across;
            tile.width *= across;
            tile.y *= down;
            tile.height *= down;
        }
        let mean = (self.sum / (self.from.0 * self.from.1) as f64) as f32;
        let (values, width) = match self.resolution {
            Resolution::Image => (self.values, self.to.0),
            Resolution::Tiles => (tiles.iter().map(|tile| tile.value).collect(), columns),
        };
        Ok(Heatmap {
            width,
            height: values.len() / width,
            resolution: self.resolution,
            values,
            mean,
            maximum: self.maximum,
            tiles,
            columns,
            prediction,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(values: &[f32], from: (usize, usize), to: (usize, usize), rows: usize) -> Heatmap {
        let mut writer = HeatmapWriter::new(from, to, Resolution::Image).unwrap();
        values.chunks(rows * from.0).for_each(|rows| writer.push(rows).unwrap());
        writer.finish(Vec::new(), 1, Prediction::from_logit(0.0, 0.5)).unwrap()
    }

    #[test]
    fn rows_one_by_one() {
        // More than a piece, so that rows are released on the way.
        let from = (3000, 3000);
        let values: Vec<f32> = (0..from.0 * from.1).map(|index| (index * 37 % 101) as f32 / 100.0).collect();
        let raster = Raster::new(from.0, from.1, 1, values.clone()).unwrap();
        for to in [(400, 500), (3001, 2000), (3000, 3000)] {
            let expected = raster.resized(to.0, to.1).unwrap();
            let heatmap = written(&values, from, to, 17);
            assert_eq!((heatmap.width(), heatmap.height()), to);
            assert!(heatmap.values().iter().zip(expected.samples()).all(|(one, other)| (one - other).abs() < 1e-6));
            assert!((heatmap.mean() - 0.5).abs() < 1e-3 && heatmap.maximum() == 1.0);
        }
    }

    #[test]
    fn map_of_tiles() {
        let tile = |x: f32, value: f32| Tile { x, width: 2.0, height: 1.0, value, ..Tile::default() };
        let make = |resolution| {
            let mut writer = HeatmapWriter::new((3, 1), (6, 2), resolution).unwrap();
            writer.push(&[0.25, 0.5, 0.75]).unwrap();
            let tiles = vec![tile(0.0, 0.25), tile(1.0, 0.75)];
            writer.finish(tiles, 2, Prediction::from_logit(0.0, 0.5)).unwrap()
        };
        let (heatmap, tiles) = (make(Resolution::Image), make(Resolution::Tiles));
        assert_eq!((heatmap.width(), heatmap.height()), (6, 2));
        assert_eq!((tiles.width(), tiles.height(), tiles.values()), (2, 1, &[0.25, 0.75][..]));
        assert_eq!((heatmap.mean(), heatmap.maximum()), (tiles.mean(), tiles.maximum()));
        assert_eq!((tiles.tiles()[1].x, tiles.tiles()[1].width), (2.0, 4.0));
    }

    #[test]
    fn missing_rows() {
        let mut writer = HeatmapWriter::new((2, 2), (2, 2), Resolution::Image).unwrap();
        writer.push(&[0.0, 0.0]).unwrap();
        assert!(writer.finish(Vec::new(), 1, Prediction::from_logit(0.0, 0.5)).is_err());
    }
}
