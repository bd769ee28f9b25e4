//! The grid of tiles over an image, and the heatmap that it fills.

use super::accumulate::{Accumulator, Blend};
use super::finished::{Heatmap, Tile};
use super::options::HeatmapOptions;
use super::tiles::positions;
use super::writer::HeatmapWriter;
use crate::classify::Prediction;
use lens_base::Result;

/// Positions of the tiles.
#[derive(Clone, Debug)]
pub struct TileGrid {
    /// Left edges of the columns of tiles, in pixels.
    pub columns: Vec<usize>,
    /// Upper edges of the rows of tiles, in pixels.
    pub rows: Vec<usize>,
    /// Width and height of a tile: tile_size, or the image's where that is smaller.
    pub tile: (usize, usize),
}

impl TileGrid {
    /// Over an image of this size.
    pub fn new((width, height): (usize, usize), options: &HeatmapOptions) -> Self {
        let side = options.tile_size as usize;
        let along = |length: usize| positions(length, side.min(length), options.stride(), options.edge);
        TileGrid { columns: along(width), rows: along(height), tile: (side.min(width), side.min(height)) }
    }

    /// How many tiles there are.
    pub fn count(&self) -> usize {
        self.columns.len() * self.rows.len()
    }

    /// Upper left pixel of a tile.
    pub fn corner(&self, index: usize) -> (usize, usize) {
        (self.columns[index % self.columns.len()], self.rows[index / self.columns.len()])
    }
}

/// A heatmap that is filled with the tiles of a grid, row by row. Only pixel rows that the next tiles may still reach
/// are held beside the finished ones.
pub struct GridHeatmap {
    grid: TileGrid,
    height: usize,
    accumulator: Accumulator,
    writer: HeatmapWriter,
    tiles: Vec<Tile>,
    /// Values of the tiles of the incomplete row.
    row: Vec<f32>,
}

impl GridHeatmap {
    /// For an image tiled at the size `from`.
    pub fn new(grid: TileGrid, from: (usize, usize), blend: Blend, writer: HeatmapWriter) -> Self {
        let accumulator = Accumulator::new(from.0, grid.tile, blend);
        let tiles = Vec::with_capacity(grid.count());
        GridHeatmap { grid, height: from.1, accumulator, writer, tiles, row: Vec::new() }
    }

    /// How many tiles are still to come.
    pub fn missing(&self) -> usize {
        self.grid.count() - self.tiles.len()
    }

    /// The tiles so far.
    pub fn tiles(&self) -> &[Tile] {
        &self.tiles
    }

    /// The next tile: its figures, and what goes into the heatmap before it is clipped to 0..1.
    pub fn add(&mut self, figures: Tile, value: f32) -> Result<()> {
        let (x, y) = self.grid.corner(self.tiles.len());
        let (width, height) = (self.grid.tile.0 as f32, self.grid.tile.1 as f32);
        self.tiles.push(Tile { x: x as f32, y: y as f32, width, height, ..figures });
        self.row.push(value);
        if self.row.len() < self.grid.columns.len() {
            return Ok(());
        }
        for (x, value) in self.grid.columns.iter().zip(self.row.drain(..)) {
            self.accumulator.add(*x, value);
        }
        let next = self.grid.rows.get(self.tiles.len() / self.grid.columns.len());
        let end = next.map_or(y + self.grid.tile.1, |next| *next);
        let mut rows = self.accumulator.finish_rows(end - y);
        rows.iter_mut().for_each(|value| *value = value.clamp(0.0, 1.0));
        self.writer.push(&rows)?;
        if next.is_none() {
            // The reference pipeline's border that no tile covers.
            let uncovered = vec![0.0; rows.len() / (end - y)];
            (end..self.height).try_for_each(|_| self.writer.push(&uncovered))?;
        }
        Ok(())
    }

    /// The heatmap, when no tile is missing.
    pub fn finish(self, prediction: Prediction) -> Result<Heatmap> {
        self.writer.finish(self.tiles, self.grid.columns.len(), prediction)
    }
}
