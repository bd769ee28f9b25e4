//! 3x3 convolutions, directly: each tap of the filter is a product of neighbouring pixels, which lie evenly apart.

use super::super::filtering::{GROWTH, INNER};
use super::super::memory::Span;
use super::super::multiply::{tiles, with_rows};
use super::super::vector::BytesKernel;
use super::kernel::{HALVES, PANEL, ROWS, accumulate, no_sums, scaled, store_floats};
use std::ops::Range;

const _: () = assert!(GROWTH == PANEL);

/// Taps of the filter in each direction.
const SIDE: usize = 3;
/// Bytes of a layer's packed weights: `[tap][depth / 4][column][4]`.
pub const WEIGHTS: usize = SIDE * SIDE * INNER * GROWTH;

/// Bytes of a line of pixels with one pixel of zeros on both sides.
pub fn line_bytes(width: usize) -> usize {
    (width + SIDE - 1) * INNER
}

/// Computes lines of a layer's 3x3 convolution.
pub struct Convolution<'a> {
    /// What it reads: lines of `line_bytes`.
    pub input: Span<'a>,
    /// Packed weights.
    pub weights: &'a [i8],
    /// What one of each column's sums is worth.
    pub factor: &'a [f32],
    /// What it writes: `GROWTH` channels from `target_channel` on; the pixels lie `target_step` apart.
    pub target: Span<'a>,
    pub target_step: usize,
    pub target_channel: usize,
    /// Of each image.
    pub height: usize,
    pub width: usize,
    /// Which lines, counted through all images.
    pub lines: Range<usize>,
}

/// Neighbouring pixels of a line.
struct Strip {
    /// Above, beside and below the pixels, from one pixel before them on; null outside the image.
    lines: [*const u8; SIDE],
    weights: *const i8,
    factor: *const f32,
    target: *mut f32,
    target_step: usize,
}

impl BytesKernel for Convolution<'_> {
    #[inline(always)]
    unsafe fn run(self) {
        assert!(self.weights.len() >= WEIGHTS && self.factor.len() >= GROWTH);
        let line_bytes = line_bytes(self.width);
        for line in self.lines.clone() {
            let y = line % self.height;
            let pixel = line * self.width;
            let reach = (self.width - 1) * self.target_step + GROWTH;
            let target = self.target.at(pixel * self.target_step + self.target_channel, reach);
            for (first, count) in tiles(self.width, ROWS) {
                let mut lines = [std::ptr::null(); SIDE];
                for (row, address) in lines.iter_mut().enumerate() {
                    // One less than the line; the one before the first becomes huge.
                    if (y + row).wrapping_sub(1) < self.height {
                        let bytes = self.input.bytes((line + row - 1) * line_bytes, line_bytes);
                        *address = bytes.wrapping_add(first * INNER).cast_const();
                    }
                }
                let strip = Strip {
                    lines,
                    weights: self.weights.as_ptr(),
                    factor: self.factor.as_ptr(),
                    target: target.wrapping_add(first * self.target_step),
                    target_step: self.target_step,
                };
                // SAFETY: each line has `count + 2` pixels from the strip's first on, weights and factors are as many as
                // asserted, and the target reaches as far as was asked of the span.
                unsafe { with_rows!(count, convolve, (), (strip)) };
            }
        }
    }
}

#[inline(always)]
unsafe fn convolve<const COUNT: usize>(strip: Strip) {
    // SAFETY: by contract everything reaches far enough.
    unsafe {
        let mut sums = no_sums::<COUNT>();
        for (row, line) in strip.lines.into_iter().enumerate() {
            if line.is_null() {
                continue;
            }
            for column in 0..SIDE {
                let panel = strip.weights.add((row * SIDE + column) * INNER * GROWTH);
                accumulate::<INNER, COUNT>(&mut sums, line.add(column * INNER), panel, INNER);
            }
        }
        for row in 0..COUNT {
            for half in 0..2 {
                let values = scaled(sums[row][half], strip.factor.add(HALVES[half]), None);
                store_floats(values, strip.target.add(row * strip.target_step + HALVES[half]));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::memory::Buffer;
    use crate::plan::vector::Vnni;

    #[test]
    fn it_is_the_direct_convolution_and_writes_nothing_else() {
        let Some(vnni) = Vnni::available() else { return };
        let (images, step, first) = (2, GROWTH + 24, 8);
        // Small enough for sums that floats hold exactly.
        let weight = |tap: usize, input: usize, output: usize| (tap * 7 + input * 3 + output * 5) as i64 % 31 - 15;
        let mut weights = vec![0i8; WEIGHTS];
        for (index, value) in weights.iter_mut().enumerate() {
            let (tap, rest) = (index / (INNER * GROWTH), index % (INNER * GROWTH));
            *value = weight(tap, rest / (GROWTH * 4) * 4 + rest % 4, rest / 4 % GROWTH) as i8;
        }
        for (height, width) in [(1, 1), (3, 2), (5, 14), (4, 31)] {
            let input = |line: usize, x: usize, channel: usize| (line * 13 + x * 29 + channel * 17) as i64 % 256;
            let mut source = Buffer::zeroed(images * height * line_bytes(width) / 4).unwrap();
            for line in 0..images * height {
                let bytes = Span::of(source.values_mut()).bytes(line * line_bytes(width), line_bytes(width));
                for (x, channel) in (0..width).flat_map(|x| (0..INNER).map(move |channel| (x, channel))) {
                    // SAFETY: within the line.
                    unsafe { *bytes.add((x + 1) * INNER + channel) = input(line, x, channel) as u8 };
                }
            }
            let mut target = Buffer::zeroed(images * height * width * step).unwrap();
            target.values_mut().fill(f32::NAN);
            let factor: Vec<f32> = (0..GROWTH).map(|output| 0.5 * (1 + output % 2) as f32).collect();
            for lines in [0..1, 1..images * height] {
                let kernel = Convolution {
                    input: Span::of(source.values_mut()),
                    weights: &weights,
                    factor: &factor,
                    target: Span::of(target.values_mut()),
                    target_step: step,
                    target_channel: first,
                    height,
                    width,
                    lines,
                };
                vnni.run(kernel);
            }
            for (pixel, values) in target.values().chunks_exact(step).enumerate() {
                let (line, x) = (pixel / width, pixel % width);
                for (channel, value) in values.iter().enumerate() {
                    if !(first..first + GROWTH).contains(&channel) {
                        assert!(value.is_nan());
                        continue;
                    }
                    let mut sum = 0;
                    for tap in 0..SIDE * SIDE {
                        let (y, x) = ((line % height + tap / SIDE).wrapping_sub(1), (x + tap % SIDE).wrapping_sub(1));
                        if y < height && x < width {
                            let line = line / height * height + y;
                            let product = |k| input(line, x, k) * weight(tap, k, channel - first);
                            sum += (0..INNER).map(product).sum::<i64>();
                        }
                    }
                    let expected = sum as f32 * factor[channel - first];
                    assert_eq!(*value, expected, "line {line}, column {x}, channel {channel} of {width} x {height}");
                }
            }
        }
    }
}
