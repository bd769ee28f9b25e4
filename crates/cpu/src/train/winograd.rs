//! 3x3 convolutions with zeros around the image, by Winograd's algorithm F(2x2, 3x3) (Lavin and Gray 2016): 4x4 patches of
//! the input, which overlap by two pixels, become sixteen numbers for each channel, a convolution is a matrix product for
//! each of the sixteen, and the sums become 2x2 pixels of the output: 16 products for 4 pixels instead of 36. The gradient
//! of the input is such a convolution, too; that of the weights is a product of transformed patches and gradients.
//!
//! What is read is copied before, some rows of tiles at a time, with zeros around it.

// Loops over indices of small arrays, which the compiler unrolls into registers.
#[allow(clippy::needless_range_loop)]
mod kernels;
#[cfg(test)]
mod tests;

use super::shape::Shape;
use crate::buffer::sized;
use crate::cut::steps;
use crate::kernels::multiply::tiles;
use crate::kernels::vector::Instructions;
use kernels::{Correlation, FilterGradient, FilterTransform, Gradients, Outputs, Patches, Products};
use lens_base::Result;
use std::ops::Range;

/// Numbers of a transformed patch.
pub const POINTS: usize = 16;
/// Tiles of a band: with what is read around them they stay in the second-level cache.
const BAND: usize = 64;
/// Tiles that are transformed and multiplied together.
const GROUP: usize = 28;

/// Images in tiles of 2x2 pixels; of an odd side the last tile reaches over the edge.
#[derive(Clone, Copy, Debug)]
pub struct Grid {
    shape: Shape,
}

/// Consecutive rows of tiles, counted through all images.
#[derive(Debug)]
pub struct Band {
    pub rows: Range<usize>,
    /// The pixels that it covers, counted through all images.
    pub pixels: Range<usize>,
    tiles: Vec<Tile>,
    /// Pixels of the padded lines.
    padded: usize,
}

#[derive(Clone, Copy, Debug)]
struct Tile {
    /// Where its patch begins among the band's padded pixels.
    patch: usize,
    /// Its first pixel among the band's pixels.
    pixel: usize,
    /// Pixels that lie in the image: 1 or 2.
    height: usize,
    width: usize,
}

impl Grid {
    /// Over the pixels of this shape, whatever their channels.
    pub fn new(shape: Shape) -> Self {
        Grid { shape }
    }

    fn across(&self) -> usize {
        self.shape.width.div_ceil(2)
    }

    fn down(&self) -> usize {
        self.shape.height.div_ceil(2)
    }

    /// Rows of tiles of all images.
    pub fn rows(&self) -> usize {
        self.shape.images * self.down()
    }

    /// The pixels of some rows of tiles, both counted through all images.
    pub fn pixels(&self, rows: &Range<usize>) -> Range<usize> {
        let first = |row: usize| (row / self.down() * self.shape.height + row % self.down() * 2) * self.shape.width;
        first(rows.start)..first(rows.end)
    }

    /// Rows of tiles in bands.
    pub fn bands(&self, part: Range<usize>) -> impl Iterator<Item = Band> {
        let grid = *self;
        steps(part, (BAND / self.across()).max(1)).map(move |rows| grid.band(rows))
    }

    /// Pixels of a padded line.
    fn line(&self) -> usize {
        2 * self.across() + 2
    }

    fn band(&self, rows: Range<usize>) -> Band {
        let pixels = self.pixels(&rows);
        let (mut padded, mut tiles) = (0, Vec::with_capacity(rows.len() * self.across()));
        for (image, rows) in self.images(&rows) {
            for row in rows.clone() {
                let first = (image * self.shape.height + 2 * row) * self.shape.width - pixels.start;
                tiles.extend((0..self.across()).map(|column| Tile {
                    patch: padded + 2 * (row - rows.start) * self.line() + 2 * column,
                    pixel: first + 2 * column,
                    height: (self.shape.height - 2 * row).min(2),
                    width: (self.shape.width - 2 * column).min(2),
                }));
            }
            padded += (2 * rows.len() + 2) * self.line();
        }
        Band { rows, pixels, tiles, padded }
    }

    /// The images that rows of tiles lie in, and which of each.
    fn images(&self, rows: &Range<usize>) -> impl Iterator<Item = (usize, Range<usize>)> {
        let (down, rows) = (self.down(), rows.clone());
        (rows.start / down..rows.end.div_ceil(down)).map(move |image| {
            let first = image * down;
            (image, rows.start.max(first) - first..rows.end.min(first + down) - first)
        })
    }

    /// The lines that a band reads, with zeros around the images; `fill` writes the pixels of the line that begins with
    /// this one, counted through all images.
    pub fn pad<'m>(
        &self,
        band: &Band,
        channels: usize,
        memory: &'m mut Vec<f32>,
        fill: impl Fn(usize, &mut [f32]),
    ) -> Result<&'m [f32]> {
        let padded = sized(memory, band.padded * channels)?;
        let mut lines = padded.chunks_exact_mut(self.line() * channels);
        for (image, rows) in self.images(&band.rows) {
            // One further than the line, which keeps it from being negative.
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

    /// Floats of transformed tiles of so many channels.
    pub fn transformed(channels: usize) -> usize {
        POINTS * GROUP * channels
    }

    /// A band's convolution from `padded` lines of `INPUTS` channels. `target` begins with the band's first pixel, and its
    /// pixels lie `step` apart. `transformed` and `products` hold the transformed tiles of input and output.
    pub fn convolve<const INPUTS: usize>(
        &self,
        band: &Band,
        padded: &[f32],
        weights: Filters,
        (target, step): (&mut [f32], usize),
        (transformed, products): (&mut [f32], &mut [f32]),
    ) {
        assert!(INPUTS == weights.inputs && padded.len() >= band.padded * INPUTS);
        assert!(transformed.len() >= Self::transformed(INPUTS) && products.len() >= Self::transformed(weights.outputs));
        assert!(step >= weights.outputs && target.len() >= (band.pixels.len() - 1) * step + weights.outputs);
        for (first, count) in tiles(band.tiles.len(), GROUP) {
            let tiles = &band.tiles[first..first + count];
            let instructions = weights.instructions;
            instructions.run(Patches { tiles, padded, line: self.line(), channels: INPUTS, target: transformed });
            instructions.run(Products::<INPUTS> { values: transformed, count, weights, target: products });
            let (channels, line) = (weights.outputs, self.shape.width);
            instructions.run(Outputs { tiles, products, line, channels, target, step });
        }
    }

    /// Adds a band's part of the filters' gradient to `target`: `[point][input][output]`. `padded` has `inputs` channels of
    /// the input, `gradient` so many of the output's gradient as there are outputs.
    pub fn correlate(
        &self,
        instructions: Instructions,
        band: &Band,
        (padded, inputs): (&[f32], usize),
        (gradient, outputs): (&[f32], usize),
        target: &mut [f32],
        (transformed, transformed_gradient): (&mut [f32], &mut [f32]),
    ) {
        assert!(padded.len() >= band.padded * inputs && gradient.len() >= band.padded * outputs);
        assert!(target.len() == POINTS * inputs * outputs && outputs.is_multiple_of(2 * instructions.lanes()));
        assert!(transformed.len() >= Self::transformed(inputs));
        assert!(transformed_gradient.len() >= Self::transformed(outputs));
        assert!(inputs.is_multiple_of(instructions.lanes()));
        for (first, count) in tiles(band.tiles.len(), GROUP) {
            let (tiles, line) = (&band.tiles[first..first + count], self.line());
            instructions.run(Patches { tiles, padded, line, channels: inputs, target: transformed });
            let target_gradient = &mut *transformed_gradient;
            instructions.run(Gradients { tiles, padded: gradient, line, channels: outputs, target: target_gradient });
            let (values, gradient) = (&*transformed, &*transformed_gradient);
            instructions.run(Correlation { values, gradient, count, inputs, outputs, target: &mut *target });
        }
    }
}

/// Transformed weights of a convolution: `[panel of outputs][point][input][output]`.
#[derive(Clone, Copy, Debug)]
pub struct Filters<'a> {
    values: &'a [f32],
    inputs: usize,
    outputs: usize,
    instructions: Instructions,
}

impl<'a> Filters<'a> {
    /// From what `transform` made for these instructions.
    pub fn new(instructions: Instructions, values: &'a [f32], (inputs, outputs): (usize, usize)) -> Self {
        assert!(values.len() == POINTS * inputs * outputs && outputs.is_multiple_of(2 * instructions.lanes()));
        assert!(inputs.is_multiple_of(instructions.lanes()));
        Filters { values, inputs, outputs, instructions }
    }
}

/// Transforms filters in place: of each panel, `POINTS * count` numbers, the first nine times `count` are the weights of
/// nine places.
pub fn transform_filters(instructions: Instructions, panels: &mut [f32], count: usize) {
    assert!(count.is_multiple_of(2 * instructions.lanes()) && panels.len().is_multiple_of(POINTS * count));
    instructions.run(FilterTransform { panels, count });
}

/// The other way, for gradients: from those of transformed filters, `POINTS * count` numbers, to nine times `count`.
pub fn gradient_of_filters(instructions: Instructions, values: &mut [f32], count: usize) {
    assert!(count.is_multiple_of(instructions.lanes()) && values.len() == POINTS * count);
    instructions.run(FilterGradient { values, count });
}
