//! The first layer: 7x7 convolution with stride 2, norm and ReLU, and a 3x3 max-pooling with stride 2, a few rows at a
//! time.

use super::memory::Span;
use super::multiply::{Next, accumulate, tiles, with_rows};
use super::vector::{Kernel, Vector};
use std::ops::Range;

/// Channels it makes.
pub const CHANNELS: usize = 64;
/// Of the convolution.
const SIDE: usize = 7;
const PADDING: usize = 3;
/// Red, green and blue.
const COLOURS: usize = 3;
/// Weights of a row of the filter: they meet neighbouring floats of a row of the image.
const LINE: usize = SIDE * COLOURS;
/// Depth of the product.
pub const DEPTH: usize = SIDE * LINE;
/// Rows of the convolution that a row of the pooling reads.
const POOLED: usize = 3;

/// One image among the input: pixels of red, green and blue, row by row.
#[derive(Clone, Copy, Debug)]
pub struct TileView<'a> {
    /// From the first pixel on.
    pub samples: &'a [f32],
    /// Floats from one row to the next.
    pub row_step: usize,
}

/// Side after the convolution.
pub fn convolved(side: usize) -> usize {
    (side - 1) / 2 + 1
}

/// Side after convolution and pooling.
pub fn pooled(side: usize) -> usize {
    (convolved(side) - 1) / 2 + 1
}

/// Floats of a row of the image with zeros on both sides.
fn padded(width: usize) -> usize {
    ((width + 2 * PADDING) * COLOURS).next_multiple_of(16)
}

/// Floats that the kernel needs to work with for images of this width.
pub fn scratch(width: usize) -> usize {
    SIDE * padded(width) + POOLED * convolved(width) * CHANNELS
}

/// Computes some rows of one image.
pub struct Stem<'a> {
    pub image: TileView<'a>,
    pub height: usize,
    pub width: usize,
    /// Packed weights with the norm's factor in them.
    pub weights: &'a [f32],
    pub bias: &'a [f32],
    /// What it writes: `CHANNELS` channels of pixels `target_step` apart, the image's first at `target_pixel`.
    pub target: Span<'a>,
    pub target_step: usize,
    pub target_pixel: usize,
    /// Which rows after pooling.
    pub rows: Range<usize>,
    /// At least `scratch(width)` floats.
    pub scratch: &'a mut [f32],
}

impl Kernel for Stem<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let (height, width) = (convolved(self.height), convolved(self.width));
        let padded = padded(self.width);
        assert!(self.weights.len() >= DEPTH * CHANNELS && self.bias.len() >= CHANNELS);
        let (lines, convolved) = self.scratch[..scratch(self.width)].split_at_mut(SIDE * padded);
        let stored = |line: usize| line % POOLED * width * CHANNELS;
        // The margins stay zero: rows of the image are copied between them.
        lines.fill(0.0);
        // Row `line - PADDING` of the image lies in slot `line % SIDE`.
        let (mut next_line, mut next_row) = (0, 0);
        for row in self.rows.clone() {
            let needed = (2 * row).saturating_sub(1)..(2 * row + 2).min(height);
            for row in needed.start.max(next_row)..needed.end {
                for line in next_line.max(2 * row)..2 * row + SIDE {
                    let slot = &mut lines[line % SIDE * padded + PADDING * COLOURS..][..self.width * COLOURS];
                    match line.checked_sub(PADDING).filter(|line| *line < self.height) {
                        Some(line) => {
                            let first = line * self.image.row_step;
                            slot.copy_from_slice(&self.image.samples[first..][..self.width * COLOURS]);
                        }
                        None => slot.fill(0.0),
                    }
                }
                next_line = 2 * row + SIDE;
                let mut sources = [std::ptr::null(); SIDE];
                for (index, source) in sources.iter_mut().enumerate() {
                    *source = lines[(2 * row + index) % SIDE * padded..][..padded].as_ptr();
                }
                let target = convolved[stored(row)..][..width * CHANNELS].as_mut_ptr();
                for column in (0..CHANNELS).step_by(2 * V::LANES) {
                    let (panel, bias) = (self.weights[column * DEPTH..].as_ptr(), self.bias[column..].as_ptr());
                    for (first, count) in tiles(width, V::ROWS) {
                        let strip = Strip { sources, first, panel, bias, target: target.wrapping_add(column) };
                        // SAFETY: the last pixel of the convolution reads up to float 2 * (width - 1) * COLOURS + LINE of
                        // a padded row, which has as many; weights, bias and target are as large as asserted.
                        unsafe { with_rows!(count, convolve, (V), (strip)) };
                    }
                }
            }
            next_row = needed.end;
            let line = pooled(self.width);
            let pixel = self.target_pixel + row * line;
            let target = self.target.at(pixel * self.target_step, (line - 1) * self.target_step + CHANNELS);
            for x in 0..line {
                let columns = (2 * x).saturating_sub(1)..(2 * x + 2).min(width);
                for channel in (0..CHANNELS).step_by(V::LANES) {
                    // Nothing is less than 0 after a ReLU.
                    let mut largest = V::splat(0.0);
                    for row in needed.clone() {
                        for column in columns.clone() {
                            let pixel = &convolved[stored(row) + column * CHANNELS + channel..][..V::LANES];
                            // SAFETY: a slice of as many floats.
                            largest = largest.largest(unsafe { V::load(pixel.as_ptr()) });
                        }
                    }
                    // SAFETY: within what was asked of the span.
                    unsafe { largest.store(target.add(x * self.target_step + channel)) };
                }
            }
        }
    }
}

/// Neighbouring pixels of a row of the convolution.
struct Strip {
    sources: [*const f32; SIDE],
    first: usize,
    panel: *const f32,
    bias: *const f32,
    target: *mut f32,
}

#[inline(always)]
unsafe fn convolve<V: Vector, const ROWS: usize>(strip: Strip) {
    if ROWS > V::ROWS {
        unreachable!("a tile of {ROWS} rows");
    }
    // SAFETY: by contract every source, panel, bias and target reach far enough.
    unsafe {
        let mut sums = [[V::load(strip.bias), V::load(strip.bias.add(V::LANES))]; ROWS];
        for (index, source) in strip.sources.iter().enumerate() {
            let source = source.add(strip.first * 2 * COLOURS);
            let panel = strip.panel.add(index * LINE * 2 * V::LANES);
            accumulate::<V, { 2 * COLOURS }, ROWS>(&mut sums, source, panel, LINE, Next::NONE);
        }
        for row in 0..ROWS {
            for half in 0..2 {
                sums[row][half].relu().store(strip.target.add((strip.first + row) * CHANNELS + half * V::LANES));
            }
        }
    }
}
