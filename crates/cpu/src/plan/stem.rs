//! The first layer: 7x7 convolution with stride 2, norm and ReLU, and a 3x3 max-pooling with stride 2, a few rows at a
//! time. Gray images, as X-rays are, take a third of the products: their colours' weights are added up beforehand.

use super::memory::Span;
use super::multiply::{accumulate, tiles, with_rows};
use super::vector::{Kernel, Vector};
use lens_images::ImageView;
use std::ops::Range;

/// Channels it makes.
pub const CHANNELS: usize = 64;
/// Of the convolution.
const SIDE: usize = 7;
const PADDING: usize = 3;
/// Red, green and blue.
const COLOURS: usize = 3;
/// Weights of each colour: the depth of the product for gray images.
pub const AREA: usize = SIDE * SIDE;
/// Depth of the product for others.
pub const DEPTH: usize = AREA * COLOURS;
/// Rows of the convolution that a row of the pooling reads.
const POOLED: usize = 3;

/// Side after the convolution.
pub fn convolved(side: usize) -> usize {
    (side - 1) / 2 + 1
}

/// Side after convolution and pooling.
pub fn pooled(side: usize) -> usize {
    (convolved(side) - 1) / 2 + 1
}

/// Floats of a row of the image with zeros on both sides.
fn padded(width: usize, colours: usize) -> usize {
    ((width + 2 * PADDING) * colours).next_multiple_of(16)
}

/// Floats that the kernel needs to work with for images of this width.
pub fn scratch(width: usize) -> usize {
    SIDE * padded(width, COLOURS) + POOLED * convolved(width) * CHANNELS
}

/// Computes some rows of one image.
pub struct Stem<'a> {
    /// Gray pixels, or pixels of red, green and blue.
    pub image: ImageView<'a>,
    pub height: usize,
    pub width: usize,
    /// Packed weights with the norm's factor in them.
    pub weights: &'a [f32],
    /// For gray images: sums over the colours.
    pub gray_weights: &'a [f32],
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
        let (weights, gray_weights) = (self.weights, self.gray_weights);
        // SAFETY: the contract is passed on.
        unsafe {
            if self.image.channels == 1 {
                self.compute::<V, 2>(gray_weights)
            } else {
                self.compute::<V, { 2 * COLOURS }>(weights)
            }
        }
    }
}

impl Stem<'_> {
    /// `STEP` is how many floats of a row of the image lie between two pixels of the convolution: twice the colours.
    ///
    /// # Safety
    /// The machine has `V`'s instructions, and no other task touches what is written.
    #[inline(always)]
    unsafe fn compute<V: Vector, const STEP: usize>(self, weights: &[f32]) {
        let colours = STEP / 2;
        let depth = AREA * colours;
        let (height, width) = (convolved(self.height), convolved(self.width));
        let padded = padded(self.width, colours);
        assert!(weights.len() >= depth * CHANNELS && self.bias.len() >= CHANNELS);
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
                    let slot = &mut lines[line % SIDE * padded + PADDING * colours..][..self.width * colours];
                    match line.checked_sub(PADDING).filter(|line| *line < self.height) {
                        Some(line) => slot.copy_from_slice(self.image.row(line, self.width)),
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
                    let (panel, bias) = (weights[column * depth..].as_ptr(), self.bias[column..].as_ptr());
                    for (first, count) in tiles(width, V::ROWS) {
                        let strip = Strip { sources, first, panel, bias, target: target.wrapping_add(column) };
                        // SAFETY: the last pixel of the convolution reads up to float (width - 1) * STEP + SIDE * colours
                        // of a padded row, which has as many; weights, bias and target are as large as asserted.
                        unsafe { with_rows!(count, convolve, (V, STEP), (strip)) };
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
unsafe fn convolve<V: Vector, const STEP: usize, const ROWS: usize>(strip: Strip) {
    // Weights of a row of the filter: they meet neighbouring floats of a row of the image.
    let line = SIDE * STEP / 2;
    if ROWS > V::ROWS {
        unreachable!("a tile of {ROWS} rows");
    }
    // SAFETY: by contract every source, panel, bias and target reach far enough.
    unsafe {
        let mut sums = [[V::load(strip.bias), V::load(strip.bias.add(V::LANES))]; ROWS];
        for (index, source) in strip.sources.iter().enumerate() {
            let source = source.add(strip.first * STEP);
            let panel = strip.panel.add(index * line * 2 * V::LANES);
            accumulate::<V, (), STEP, ROWS, 2>(&mut sums, source, panel, line, ());
        }
        for row in 0..ROWS {
            for half in 0..2 {
                sums[row][half].relu().store(strip.target.add((strip.first + row) * CHANNELS + half * V::LANES));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::memory::Buffer;
    use crate::plan::packing::Packer;
    use crate::plan::vector::Instructions;

    const HEIGHT: usize = 37;
    const WIDTH: usize = 42;

    fn view(memory: &[f32], channels: usize) -> ImageView<'_> {
        ImageView { memory, offset: 0, row_step: WIDTH * channels, channels }
    }

    fn computed(instructions: Instructions, image: ImageView, weights: [&[f32]; 2]) -> Vec<f32> {
        let (rows, pixels) = (pooled(HEIGHT), pooled(HEIGHT) * pooled(WIDTH));
        let mut target = Buffer::zeroed(pixels * CHANNELS).unwrap();
        let mut scratch = vec![f32::NAN; scratch(WIDTH)];
        for rows in [0..3, 3..rows] {
            instructions.run(Stem {
                image,
                height: HEIGHT,
                width: WIDTH,
                weights: weights[0],
                gray_weights: weights[1],
                bias: &[0.25; CHANNELS],
                target: Span::of(target.values_mut()),
                target_step: CHANNELS,
                target_pixel: 0,
                rows,
                scratch: &mut scratch,
            });
        }
        target.values().to_vec()
    }

    #[test]
    fn gray_images_give_what_three_equal_colours_give() {
        let gray: Vec<f32> = (0..HEIGHT * WIDTH).map(|pixel| (pixel * 31 % 251) as f32 / 250.0).collect();
        let coloured: Vec<f32> = gray.iter().flat_map(|value| [*value; 3]).collect();
        let weight = |column: usize, depth: usize| ((column * 7 + depth * 13) % 29) as f64 / 290.0 - 0.05;
        let sum = |column: usize, place: usize| (0..3).map(|colour| weight(column, place * 3 + colour)).sum();
        for instructions in Instructions::available() {
            let (mut all, mut sums) = (Packer::new(CHANNELS * DEPTH).unwrap(), Packer::new(CHANNELS * AREA).unwrap());
            all.add_panels(instructions, (CHANNELS, DEPTH), weight);
            sums.add_panels(instructions, (CHANNELS, AREA), sum);
            let (all, sums) = (all.finish(), sums.finish());
            let expected = computed(instructions, view(&coloured, 3), [all.values(), &[]]);
            let found = computed(instructions, view(&gray, 1), [&[], sums.values()]);
            assert!(expected.iter().any(|value| *value > 0.3));
            for (found, expected) in found.iter().zip(&expected) {
                assert!((found - expected).abs() < 1e-5, "{instructions:?}: {found} {expected}");
            }
        }
    }
}
