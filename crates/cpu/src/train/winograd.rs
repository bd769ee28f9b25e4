//! 3x3 convolutions with padding 1 by Winograd's algorithm F(2x2, 3x3) (Lavin and Gray 2016): overlapping 4x4 input
//! tiles are transformed to 16 points for each channel, the convolution is a matrix product for each point, and its
//! results are transformed to 2x2 output tiles: 16 products for 4 pixels instead of 36. The gradient of the input is
//! such a convolution with flipped filters; that of the weights is a product of transformed input and transformed
//! gradient.
//!
//! The input is copied beforehand with zero padding, some rows of tiles at a time.

// Loops over indices of small arrays, which the compiler unrolls into registers.
#[allow(clippy::needless_range_loop)]
mod kernels;
#[cfg(test)]
mod tests;

use super::shape::TensorShape;
use crate::buffer::sized;
use crate::kernels::micro_kernel::tiles;
use crate::kernels::vector::Instructions;
use crate::partition::chunk_ranges;
use kernels::{
    FilterGradientGemms, FilterGradientTransform, FilterTransform, InputTransform, OutputGradientTransform,
    OutputTransform, PointGemms,
};
use lens_base::Result;
use std::ops::Range;

/// Points of a transformed tile.
pub const POINTS: usize = 16;
/// Tiles of a band: with their input they stay in the second-level cache.
const BAND_TILES: usize = 64;
/// Tiles that are transformed and multiplied together.
const GROUP_TILES: usize = 28;

/// The 2x2 output tiles of a batch; if a side is odd, the last tile reaches beyond the edge.
#[derive(Clone, Copy, Debug)]
pub struct TileGrid {
    shape: TensorShape,
}

/// Adjacent rows of tiles, counted through all images.
#[derive(Debug)]
pub struct TileBand {
    pub rows: Range<usize>,
    /// The output pixels that it covers, counted through all images.
    pub pixels: Range<usize>,
    tiles: Vec<OutputTile>,
    /// Pixels of the padded lines.
    padded: usize,
}

#[derive(Clone, Copy, Debug)]
struct OutputTile {
    /// Index of its input tile's first pixel in the band's padded lines.
    patch: usize,
    /// Index of its first pixel in the band.
    pixel: usize,
    /// Pixels within the image: 1 or 2.
    height: usize,
    width: usize,
}

impl TileGrid {
    /// For the pixels of this shape; its channels are ignored.
    pub fn new(shape: TensorShape) -> Self {
        TileGrid { shape }
    }

    fn tile_columns(&self) -> usize {
        self.shape.width.div_ceil(2)
    }

    fn tile_rows(&self) -> usize {
        self.shape.height.div_ceil(2)
    }

    /// Rows of tiles of all images.
    pub fn rows(&self) -> usize {
        self.shape.images * self.tile_rows()
    }

    /// The pixels of some rows of tiles, both counted through all images.
    pub fn pixels(&self, rows: &Range<usize>) -> Range<usize> {
        let first =
            |row: usize| (row / self.tile_rows() * self.shape.height + row % self.tile_rows() * 2) * self.shape.width;
        first(rows.start)..first(rows.end)
    }

    /// Rows of tiles in bands.
    pub fn bands(&self, part: Range<usize>) -> impl Iterator<Item = TileBand> {
        let grid = *self;
        chunk_ranges(part, (BAND_TILES / self.tile_columns()).max(1)).map(move |rows| grid.band(rows))
    }

    /// Pixels of a padded line.
    fn line(&self) -> usize {
        2 * self.tile_columns() + 2
    }

    fn band(&self, rows: Range<usize>) -> TileBand {
        let pixels = self.pixels(&rows);
        let (mut padded, mut tiles) = (0, Vec::with_capacity(rows.len() * self.tile_columns()));
        for (image, rows) in self.images(&rows) {
            for row in rows.clone() {
                let first = (image * self.shape.height + 2 * row) * self.shape.width - pixels.start;
                tiles.extend((0..self.tile_columns()).map(|column| OutputTile {
                    patch: padded + 2 * (row - rows.start) * self.line() + 2 * column,
                    pixel: first + 2 * column,
                    height: (self.shape.height - 2 * row).min(2),
                    width: (self.shape.width - 2 * column).min(2),
                }));
            }
            padded += (2 * rows.len() + 2) * self.line();
        }
        TileBand { rows, pixels, tiles, padded }
    }

    /// The images of some rows of tiles, and the rows in each.
    fn images(&self, rows: &Range<usize>) -> impl Iterator<Item = (usize, Range<usize>)> {
        let (tile_rows, rows) = (self.tile_rows(), rows.clone());
        (rows.start / tile_rows..rows.end.div_ceil(tile_rows)).map(move |image| {
            let first = image * tile_rows;
            (image, rows.start.max(first) - first..rows.end.min(first + tile_rows) - first)
        })
    }

    /// Copies the lines that a band reads, with zero padding; `fill` writes the pixels of the line whose first pixel,
    /// counted through all images, it is given.
    pub fn pad<'m>(
        &self,
        band: &TileBand,
        channels: usize,
        memory: &'m mut Vec<f32>,
        fill: impl Fn(usize, &mut [f32]),
    ) -> Result<&'m [f32]> {
        let padded = sized(memory, band.padded * channels)?;
        let mut lines = padded.chunks_exact_mut(self.line() * channels);
        for (image, rows) in self.images(&band.rows) {
            // Padding of 1: one more than the line, which is not negative.
            for line in 2 * rows.start..2 * rows.end + 2 {
                let target = lines.next().expect("a band's memory has room for its lines");
                if !(1..=self.shape.height).contains(&line) {
                    target.fill(0.0);
                    continue;
                }
                let (left, rest) = target.split_at_mut(channels);
                let (pixels, right) = rest.split_at_mut(self.shape.width * channels);
                left.fill(0.0);
                fill((image * self.shape.height + line - 1) * self.shape.width, pixels);
                right.fill(0.0);
            }
        }
        Ok(&*padded)
    }

    /// Floats of transformed tiles with `channels` channels.
    pub fn transformed(channels: usize) -> usize {
        POINTS * GROUP_TILES * channels
    }

    /// The output of a band from `padded` lines of `INPUTS` channels. `target` begins with the band's first pixel, and
    /// its pixels are `pixel_stride` floats apart. `transformed` and `products` are scratch memory for the transformed
    /// tiles of input and output.
    pub fn convolve<const INPUTS: usize>(
        &self,
        band: &TileBand,
        padded: &[f32],
        weights: WinogradFilters,
        (target, pixel_stride): (&mut [f32], usize),
        (transformed, products): (&mut [f32], &mut [f32]),
    ) {
        assert!(INPUTS == weights.inputs && padded.len() >= band.padded * INPUTS);
        assert!(transformed.len() >= Self::transformed(INPUTS) && products.len() >= Self::transformed(weights.outputs));
        assert!(
            pixel_stride >= weights.outputs && target.len() >= (band.pixels.len() - 1) * pixel_stride + weights.outputs
        );
        for (first, count) in tiles(band.tiles.len(), GROUP_TILES) {
            let tiles = &band.tiles[first..first + count];
            let instructions = weights.instructions;
            instructions.run(InputTransform {
                tiles,
                padded,
                line: self.line(),
                channels: INPUTS,
                target: transformed,
            });
            instructions.run(PointGemms::<INPUTS> { values: transformed, count, weights, target: products });
            let (channels, line) = (weights.outputs, self.shape.width);
            instructions.run(OutputTransform { tiles, products, line, channels, target, pixel_stride });
        }
    }

    /// Adds a band's part of the filters' gradient to `target`: `[point][input][output]`. `padded` has `inputs`
    /// channels of the input, `gradient` has `outputs` channels of the output's gradient.
    pub fn add_filter_gradient(
        &self,
        instructions: Instructions,
        band: &TileBand,
        (padded, inputs): (&[f32], usize),
        (gradient, outputs): (&[f32], usize),
        target: &mut [f32],
        (transformed, transformed_gradient): (&mut [f32], &mut [f32]),
    ) {
        assert!(padded.len() >= band.padded * inputs && gradient.len() >= band.padded * outputs);
        assert!(target.len() == POINTS * inputs * outputs && outputs.is_multiple_of(instructions.nr()));
        assert!(transformed.len() >= Self::transformed(inputs));
        assert!(transformed_gradient.len() >= Self::transformed(outputs));
        assert!(inputs.is_multiple_of(instructions.lanes()));
        for (first, count) in tiles(band.tiles.len(), GROUP_TILES) {
            let (tiles, line) = (&band.tiles[first..first + count], self.line());
            instructions.run(InputTransform { tiles, padded, line, channels: inputs, target: transformed });
            let target_gradient = &mut *transformed_gradient;
            instructions.run(OutputGradientTransform {
                tiles,
                padded: gradient,
                line,
                channels: outputs,
                target: target_gradient,
            });
            let (values, gradient) = (&*transformed, &*transformed_gradient);
            instructions.run(FilterGradientGemms { values, gradient, count, inputs, outputs, target: &mut *target });
        }
    }
}

/// Transformed filters of a convolution: `[panel of outputs][point][input][output]`.
#[derive(Clone, Copy, Debug)]
pub struct WinogradFilters<'a> {
    values: &'a [f32],
    inputs: usize,
    outputs: usize,
    instructions: Instructions,
}

impl<'a> WinogradFilters<'a> {
    /// Of values that `transform_filters` made for these instructions.
    pub fn new(instructions: Instructions, values: &'a [f32], (inputs, outputs): (usize, usize)) -> Self {
        assert!(values.len() == POINTS * inputs * outputs && outputs.is_multiple_of(instructions.nr()));
        assert!(inputs.is_multiple_of(instructions.lanes()));
        WinogradFilters { values, inputs, outputs, instructions }
    }
}

/// Transforms filters in place: a panel is `POINTS * count` floats, of which the first `9 * count` are the weights of
/// nine taps.
pub fn transform_filters(instructions: Instructions, panels: &mut [f32], count: usize) {
    assert!(count.is_multiple_of(instructions.nr()) && panels.len().is_multiple_of(POINTS * count));
    instructions.run(FilterTransform { panels, count });
}

/// The transpose of `transform_filters`, for gradients: from `POINTS * count` to `9 * count` floats, in place.
pub fn transform_filter_gradient(instructions: Instructions, values: &mut [f32], count: usize) {
    assert!(count.is_multiple_of(instructions.lanes()) && values.len() == POINTS * count);
    instructions.run(FilterGradientTransform { values, count });
}
