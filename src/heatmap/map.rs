//! A finished heatmap.

use crate::data::Raster;
use crate::error::Result;
use crate::infer::Prediction;

/// One tile, or one cell of the network's feature map, in pixels of the image.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tile {
    /// Left edge.
    pub x: f32,
    /// Upper edge.
    pub y: f32,
    /// Width.
    pub width: f32,
    /// Height.
    pub height: f32,
    /// Probability of the positive class.
    pub probability: f32,
    /// log(p / (1 - p)).
    pub logit: f32,
}

/// A probability for every pixel of an image.
#[derive(Clone, Debug)]
pub struct HeatMap {
    width: usize,
    height: usize,
    values: Vec<f32>,
    mean: f32,
    maximum: f32,
    tiles: Vec<Tile>,
    columns: usize,
    prediction: Prediction,
}

impl HeatMap {
    /// From values at the resolution the image was tiled at, and tiles in that resolution's pixels, to an image's size.
    pub fn new(
        values: Raster,
        mut tiles: Vec<Tile>,
        columns: usize,
        prediction: Prediction,
        (width, height): (usize, usize),
    ) -> Result<Self> {
        let sum: f64 = values.samples().iter().map(|value| f64::from(*value)).sum();
        let mean = (sum / values.samples().len() as f64) as f32;
        let maximum = values.samples().iter().copied().fold(f32::MIN, f32::max);
        let across = width as f32 / values.width() as f32;
        let down = height as f32 / values.height() as f32;
        for tile in &mut tiles {
            tile.x *= across;
            tile.width *= across;
            tile.y *= down;
            tile.height *= down;
        }
        let resized = values.resized(width, height)?;
        // Interpolation of 0..1 may leave it by a rounding error.
        let values = resized.samples().iter().map(|value| value.clamp(0.0, 1.0)).collect();
        Ok(HeatMap { width, height, values, mean, maximum, tiles, columns, prediction })
    }

    /// Width of the image.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Height of the image.
    pub fn height(&self) -> usize {
        self.height
    }

    /// 0..1, row by row.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// Mean, at the resolution the image was tiled at.
    pub fn mean(&self) -> f32 {
        self.mean
    }

    /// Highest value, at the resolution the image was tiled at.
    pub fn maximum(&self) -> f32 {
        self.maximum
    }

    /// Tiles, row by row.
    pub fn tiles(&self) -> &[Tile] {
        &self.tiles
    }

    /// Tiles in a row.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Rows of tiles.
    pub fn rows(&self) -> usize {
        self.tiles.len() / self.columns
    }

    /// The tile with the highest probability; the first of equals.
    pub fn hottest_tile(&self) -> usize {
        let mut hottest = 0;
        for (index, tile) in self.tiles.iter().enumerate() {
            if tile.logit > self.tiles[hottest].logit {
                hottest = index;
            }
        }
        hottest
    }

    /// What the map says of the image.
    pub fn prediction(&self) -> Prediction {
        self.prediction
    }
}
