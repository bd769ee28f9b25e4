//! The stem: 7x7 convolution with stride 2, norm, ReLU and 3x3 max-pooling with stride 2, a few rows at a time. Gray
//! images, as X-rays are, take a third of the products: their weights are summed over the colours beforehand.

use super::memory::Span;
use super::micro_kernel::{accumulate, dispatch_rows, tiles};
use super::vector::{Kernel, Vector};
use lens_images::ImageView;
use std::ops::Range;

/// Output channels.
pub const STEM_CHANNELS: usize = 64;
/// Width and height of the convolution's filters.
const FILTER_SIDE: usize = 7;
const PADDING: usize = 3;
/// Red, green and blue.
const COLOURS: usize = 3;
/// Depth of the product for gray images: weights of each colour.
pub const GRAY_DEPTH: usize = FILTER_SIDE * FILTER_SIDE;
/// Depth of the product for RGB images.
pub const COLOUR_DEPTH: usize = GRAY_DEPTH * COLOURS;
/// Rows of the convolution that a row of the pooling reads.
const POOL_ROWS: usize = 3;

/// Side of the convolution's output.
pub fn convolved_side(side: usize) -> usize {
    (side - 1) / 2 + 1
}

/// Side of the pooling's output.
pub fn pooled_side(side: usize) -> usize {
    (convolved_side(side) - 1) / 2 + 1
}

/// Floats of a row of the image with zero padding on both sides.
fn padded(width: usize, colours: usize) -> usize {
    ((width + 2 * PADDING) * colours).next_multiple_of(16)
}

/// Scratch memory in floats for images of this width.
pub fn scratch(width: usize) -> usize {
    FILTER_SIDE * padded(width, COLOURS) + POOL_ROWS * convolved_side(width) * STEM_CHANNELS
}

/// Some rows of the stem for one image.
pub struct Stem<'a> {
    /// Gray or RGB.
    pub image: ImageView<'a>,
    pub height: usize,
    pub width: usize,
    /// Packed weights with the norm's scale folded in.
    pub weights: &'a [f32],
    /// For gray images: summed over the colours.
    pub gray_weights: &'a [f32],
    pub bias: &'a [f32],
    /// Output: `STEM_CHANNELS` channels of pixels `target_stride` floats apart, the image's first at `target_pixel`.
    pub target: Span<'a>,
    pub target_stride: usize,
    pub target_pixel: usize,
    /// Output rows (after pooling) to compute.
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
    /// `PIXEL_STRIDE`: floats of a row of the image between two pixels of the convolution, twice the number of colours.
    ///
    /// # Safety
    /// The machine has `V`'s instructions, and no other task accesses what is written.
    #[inline(always)]
    unsafe fn compute<V: Vector, const PIXEL_STRIDE: usize>(self, weights: &[f32]) {
        let colours = PIXEL_STRIDE / 2;
        let depth = GRAY_DEPTH * colours;
        let (height, width) = (convolved_side(self.height), convolved_side(self.width));
        let padded = padded(self.width, colours);
        assert!(weights.len() >= depth * STEM_CHANNELS && self.bias.len() >= STEM_CHANNELS);
        let (lines, convolved) = self.scratch[..scratch(self.width)].split_at_mut(FILTER_SIDE * padded);
        let stored = |line: usize| line % POOL_ROWS * width * STEM_CHANNELS;
        // The padding stays zero: rows of the image are copied between it.
        lines.fill(0.0);
        // Row `line - PADDING` of the image lies in slot `line % FILTER_SIDE`.
        let (mut next_line, mut next_row) = (0, 0);
        for row in self.rows.clone() {
            let needed = (2 * row).saturating_sub(1)..(2 * row + 2).min(height);
            for row in needed.start.max(next_row)..needed.end {
                for line in next_line.max(2 * row)..2 * row + FILTER_SIDE {
                    let slot = &mut lines[line % FILTER_SIDE * padded + PADDING * colours..][..self.width * colours];
                    match line.checked_sub(PADDING).filter(|line| *line < self.height) {
                        Some(line) => slot.copy_from_slice(self.image.row(line, self.width)),
                        None => slot.fill(0.0),
                    }
                }
                next_line = 2 * row + FILTER_SIDE;
                let mut sources = [std::ptr::null(); FILTER_SIDE];
                for (index, source) in sources.iter_mut().enumerate() {
                    *source = lines[(2 * row + index) % FILTER_SIDE * padded..][..padded].as_ptr();
                }
                let target = convolved[stored(row)..][..width * STEM_CHANNELS].as_mut_ptr();
                for column in (0..STEM_CHANNELS).step_by(V::NR) {
                    let (panel, bias) = (weights[column * depth..].as_ptr(), self.bias[column..].as_ptr());
                    for (first, count) in tiles(width, V::MR) {
                        let strip = PixelStrip { sources, first, panel, bias, target: target.wrapping_add(column) };
                        // SAFETY: the last pixel of the convolution reads up to float (width - 1) * STEP + SIDE * colours
                        // of a padded row, which has as many; weights, bias and target are as large as asserted.
                        unsafe { dispatch_rows!(count, convolve, (V, PIXEL_STRIDE), (strip)) };
                    }
                }
            }
            next_row = needed.end;
            let pooled_width = pooled_side(self.width);
            let pixel = self.target_pixel + row * pooled_width;
            let target =
                self.target.at(pixel * self.target_stride, (pooled_width - 1) * self.target_stride + STEM_CHANNELS);
            for x in 0..pooled_width {
                let columns = (2 * x).saturating_sub(1)..(2 * x + 2).min(width);
                for channel in (0..STEM_CHANNELS).step_by(V::LANES) {
                    // The identity of max here: values come out of a ReLU.
                    let mut max = V::splat(0.0);
                    for row in needed.clone() {
                        for column in columns.clone() {
                            let pixel = &convolved[stored(row) + column * STEM_CHANNELS + channel..][..V::LANES];
                            // SAFETY: a slice of as many floats.
                            max = max.max(unsafe { V::load(pixel.as_ptr()) });
                        }
                    }
                    // SAFETY: within the span, as `at` checked.
                    unsafe { max.store(target.add(x * self.target_stride + channel)) };
                }
            }
        }
    }
}

/// Adjacent pixels of a row of the convolution.
struct PixelStrip {
    sources: [*const f32; FILTER_SIDE],
    first: usize,
    panel: *const f32,
    bias: *const f32,
    target: *mut f32,
}

#[inline(always)]
unsafe fn convolve<V: Vector, const PIXEL_STRIDE: usize, const ROWS: usize>(strip: PixelStrip) {
    // Weights of a row of the filter: they are multiplied with contiguous floats of a row of the image.
    let line = FILTER_SIDE * PIXEL_STRIDE / 2;
    if ROWS > V::MR {
        unreachable!("a tile of {ROWS} rows");
    }
    // SAFETY: by contract every source, panel, bias and target reach far enough.
    unsafe {
        let mut sums = [[V::load(strip.bias), V::load(strip.bias.add(V::LANES))]; ROWS];
        for (index, source) in strip.sources.iter().enumerate() {
            let source = source.add(strip.first * PIXEL_STRIDE);
            let panel = strip.panel.add(index * line * V::NR);
            accumulate::<V, (), PIXEL_STRIDE, ROWS, 2>(&mut sums, source, panel, line, ());
        }
        for row in 0..ROWS {
            for vector in 0..2 {
                sums[row][vector]
                    .relu()
                    .store(strip.target.add((strip.first + row) * STEM_CHANNELS + vector * V::LANES));
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
        let (rows, pixels) = (pooled_side(HEIGHT), pooled_side(HEIGHT) * pooled_side(WIDTH));
        let mut target = Buffer::zeroed(pixels * STEM_CHANNELS).unwrap();
        let mut scratch = vec![f32::NAN; scratch(WIDTH)];
        for rows in [0..3, 3..rows] {
            instructions.run(Stem {
                image,
                height: HEIGHT,
                width: WIDTH,
                weights: weights[0],
                gray_weights: weights[1],
                bias: &[0.25; STEM_CHANNELS],
                target: Span::of(target.values_mut()),
                target_stride: STEM_CHANNELS,
                target_pixel: 0,
                rows,
                scratch: &mut scratch,
            });
        }
        target.values().to_vec()
    }

    #[test]
    fn gray_equals_three_equal_colours() {
        let gray: Vec<f32> = (0..HEIGHT * WIDTH).map(|pixel| (pixel * 31 % 251) as f32 / 250.0).collect();
        let coloured: Vec<f32> = gray.iter().flat_map(|value| [*value; 3]).collect();
        let weight = |column: usize, depth: usize| ((column * 7 + depth * 13) % 29) as f64 / 290.0 - 0.05;
        let sum = |column: usize, tap: usize| (0..3).map(|colour| weight(column, tap * 3 + colour)).sum();
        for instructions in Instructions::available() {
            let (mut all, mut sums) =
                (Packer::new(STEM_CHANNELS * COLOUR_DEPTH).unwrap(), Packer::new(STEM_CHANNELS * GRAY_DEPTH).unwrap());
            all.add_panels(instructions, (STEM_CHANNELS, COLOUR_DEPTH), weight);
            sums.add_panels(instructions, (STEM_CHANNELS, GRAY_DEPTH), sum);
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
