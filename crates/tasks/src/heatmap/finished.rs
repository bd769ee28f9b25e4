//! A finished heatmap.

use super::options::Resolution;
use crate::classify::Prediction;

/// One tile, or one cell of the network's feature map, in pixels of the image.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Tile {
    /// Left edge.
    pub x: f32,
    /// Upper edge.
    pub y: f32,
    /// Width.
    pub width: f32,
    /// Height.
    pub height: f32,
    /// Probability of the positive class that belongs to it.
    pub probability: f32,
    /// log(p / (1 - p)).
    pub logit: f32,
    /// What it puts into the heatmap, 0..1.
    pub value: f32,
    /// What tiles are ranked by: logit, evidence, or fall of the logit. Unlike the value it tells tiles near 0 or 1 apart.
    pub rank_score: f32,
}

/// A value for every pixel or every tile of an image.
#[derive(Clone, Debug)]
pub struct Heatmap {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) resolution: Resolution,
    pub(super) values: Vec<f32>,
    pub(super) mean: f32,
    pub(super) maximum: f32,
    pub(super) tiles: Vec<Tile>,
    pub(super) columns: usize,
    pub(super) prediction: Prediction,
}

impl Heatmap {
    /// A heatmap of these pixels and no tiles.
    #[cfg(test)]
    pub(crate) fn of_pixels(values: Vec<f32>, (width, height): (usize, usize)) -> Self {
        let mut writer =
            super::writer::HeatmapWriter::new((width, height), (width, height), Resolution::Image).unwrap();
        writer.push(&values).unwrap();
        writer.finish(Vec::new(), 1, Prediction::from_logit(0.0, 0.5)).unwrap()
    }

    /// Values in a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Rows of values.
    pub fn height(&self) -> usize {
        self.height
    }

    /// What there is a value for.
    pub fn resolution(&self) -> Resolution {
        self.resolution
    }

    /// 0..1, row by row.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// Mean over pixels, at the size the image was tiled at.
    pub fn mean(&self) -> f32 {
        self.mean
    }

    /// Highest value of a pixel, at the size the image was tiled at.
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

    /// The tile with the highest `rank_score`; the first of equals.
    pub fn hottest_tile(&self) -> usize {
        self.hottest_tiles(1).first().copied().unwrap_or(0)
    }

    /// The tiles with the highest `rank_score`, in falling order; of equals the first come first.
    pub fn hottest_tiles(&self, count: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.tiles.len()).collect();
        let hotter = |one: &usize, other: &usize| {
            self.tiles[*other].rank_score.total_cmp(&self.tiles[*one].rank_score).then(one.cmp(other))
        };
        let count = count.min(order.len());
        if count < order.len() {
            order.select_nth_unstable_by(count, hotter);
            order.truncate(count);
        }
        order.sort_unstable_by(hotter);
        order
    }

    /// The prediction for the image.
    pub fn prediction(&self) -> Prediction {
        self.prediction
    }
}
