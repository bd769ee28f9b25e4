//! Int8 3x3 convolutions, directly: each tap of the filter is a product with adjacent pixels of a line.

use super::super::memory::Span;
use super::super::micro_kernel::{dispatch_rows, tiles};
use super::super::vector::Int8Kernel;
use super::super::winograd_transform::{BOTTLENECK, GROWTH_RATE};
use super::micro_kernel::{MR, NR, VECTOR_OFFSETS, accumulate, dequantize, store_f32, zero_accumulators};
use std::ops::Range;

const _: () = assert!(GROWTH_RATE == NR);

/// Side of the filter.
const FILTER_SIDE: usize = 3;
/// Bytes of a layer's packed weights: `[tap][depth / 4][column][4]`.
pub const WEIGHT_BYTES: usize = FILTER_SIDE * FILTER_SIDE * BOTTLENECK * GROWTH_RATE;

/// Bytes of a line of pixels with one pixel of zero padding on both sides.
pub fn padded_line_bytes(width: usize) -> usize {
    (width + FILTER_SIDE - 1) * BOTTLENECK
}

/// Some lines of a layer's 3x3 convolution.
pub struct Int8Conv3x3<'a> {
    /// Input: padded lines of `padded_line_bytes`.
    pub input: Span<'a>,
    /// Packed weights.
    pub weights: &'a [i8],
    /// Dequantisation scale of each column: output per unit of its sum.
    pub output_scale: &'a [f32],
    /// Output: `GROWTH_RATE` channels from `target_channel` on; the pixels are `target_stride` floats apart.
    pub target: Span<'a>,
    pub target_stride: usize,
    pub target_channel: usize,
    /// Height of each image in pixels.
    pub height: usize,
    pub width: usize,
    /// Output lines to compute, counted through all images.
    pub lines: Range<usize>,
}

/// Adjacent pixels of a line.
struct PixelStrip {
    /// The lines above, at and below the pixels, from the pixel before them on; null outside the image.
    lines: [*const u8; FILTER_SIDE],
    weights: *const i8,
    output_scale: *const f32,
    target: *mut f32,
    target_stride: usize,
}

impl Int8Kernel for Int8Conv3x3<'_> {
    #[inline(always)]
    unsafe fn run(self) {
        assert!(self.weights.len() >= WEIGHT_BYTES && self.output_scale.len() >= GROWTH_RATE);
        let padded_line_bytes = padded_line_bytes(self.width);
        for line in self.lines.clone() {
            let y = line % self.height;
            let pixel = line * self.width;
            let reach = (self.width - 1) * self.target_stride + GROWTH_RATE;
            let target = self.target.at(pixel * self.target_stride + self.target_channel, reach);
            for (first, count) in tiles(self.width, MR) {
                let mut lines = [std::ptr::null(); FILTER_SIDE];
                for (row, address) in lines.iter_mut().enumerate() {
                    // Padding of 1; the line before the first wraps to a huge value.
                    if (y + row).wrapping_sub(1) < self.height {
                        let bytes = self.input.bytes((line + row - 1) * padded_line_bytes, padded_line_bytes);
                        *address = bytes.wrapping_add(first * BOTTLENECK).cast_const();
                    }
                }
                let strip = PixelStrip {
                    lines,
                    weights: self.weights.as_ptr(),
                    output_scale: self.output_scale.as_ptr(),
                    target: target.wrapping_add(first * self.target_stride),
                    target_stride: self.target_stride,
                };
                // SAFETY: each line has `count + 2` pixels from the strip's first on, weights and factors are as many as
                // asserted, and the target is within the span, as `at` checked.
                unsafe { dispatch_rows!(count, convolve, (), (strip)) };
            }
        }
    }
}

#[inline(always)]
unsafe fn convolve<const ROWS: usize>(strip: PixelStrip) {
    // SAFETY: by contract everything reaches far enough.
    unsafe {
        let mut sums = zero_accumulators::<ROWS>();
        for (row, line) in strip.lines.into_iter().enumerate() {
            if line.is_null() {
                continue;
            }
            for column in 0..FILTER_SIDE {
                let panel = strip.weights.add((row * FILTER_SIDE + column) * BOTTLENECK * GROWTH_RATE);
                accumulate::<BOTTLENECK, ROWS>(&mut sums, line.add(column * BOTTLENECK), panel, BOTTLENECK);
            }
        }
        for row in 0..ROWS {
            for vector in 0..2 {
                let values = dequantize(sums[row][vector], strip.output_scale.add(VECTOR_OFFSETS[vector]), None);
                store_f32(values, strip.target.add(row * strip.target_stride + VECTOR_OFFSETS[vector]));
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
    fn int8_conv3x3_matches_direct() {
        let Some(vnni) = Vnni::or_left_out() else { return };
        let (images, pixel_stride, first) = (2, GROWTH_RATE + 24, 8);
        // Small enough that f32 holds the sums exactly.
        let weight = |tap: usize, input: usize, output: usize| (tap * 7 + input * 3 + output * 5) as i64 % 31 - 15;
        let mut weights = vec![0i8; WEIGHT_BYTES];
        for (index, value) in weights.iter_mut().enumerate() {
            let (tap, rest) = (index / (BOTTLENECK * GROWTH_RATE), index % (BOTTLENECK * GROWTH_RATE));
            *value = weight(tap, rest / (GROWTH_RATE * 4) * 4 + rest % 4, rest / 4 % GROWTH_RATE) as i8;
        }
        for (height, width) in [(1, 1), (3, 2), (5, 14), (4, 31)] {
            let input = |line: usize, x: usize, channel: usize| (line * 13 + x * 29 + channel * 17) as i64 % 256;
            let mut source = Buffer::zeroed(images * height * padded_line_bytes(width) / 4).unwrap();
            for line in 0..images * height {
                let bytes =
                    Span::of(source.values_mut()).bytes(line * padded_line_bytes(width), padded_line_bytes(width));
                for (x, channel) in (0..width).flat_map(|x| (0..BOTTLENECK).map(move |channel| (x, channel))) {
                    // SAFETY: within the line.
                    unsafe { *bytes.add((x + 1) * BOTTLENECK + channel) = input(line, x, channel) as u8 };
                }
            }
            let mut target = Buffer::zeroed(images * height * width * pixel_stride).unwrap();
            target.values_mut().fill(f32::NAN);
            let output_scale: Vec<f32> = (0..GROWTH_RATE).map(|output| 0.5 * (1 + output % 2) as f32).collect();
            for lines in [0..1, 1..images * height] {
                let kernel = Int8Conv3x3 {
                    input: Span::of(source.values_mut()),
                    weights: &weights,
                    output_scale: &output_scale,
                    target: Span::of(target.values_mut()),
                    target_stride: pixel_stride,
                    target_channel: first,
                    height,
                    width,
                    lines,
                };
                vnni.run(kernel);
            }
            for (pixel, values) in target.values().chunks_exact(pixel_stride).enumerate() {
                let (line, x) = (pixel / width, pixel % width);
                for (channel, value) in values.iter().enumerate() {
                    if !(first..first + GROWTH_RATE).contains(&channel) {
                        assert!(value.is_nan());
                        continue;
                    }
                    let mut sum = 0;
                    for tap in 0..FILTER_SIDE * FILTER_SIDE {
                        let (y, x) = (
                            (line % height + tap / FILTER_SIDE).wrapping_sub(1),
                            (x + tap % FILTER_SIDE).wrapping_sub(1),
                        );
                        if y < height && x < width {
                            let line = line / height * height + y;
                            let product = |k| input(line, x, k) * weight(tap, k, channel - first);
                            sum += (0..BOTTLENECK).map(product).sum::<i64>();
                        }
                    }
                    let expected = sum as f32 * output_scale[channel - first];
                    assert_eq!(*value, expected, "line {line}, column {x}, channel {channel} of {width} x {height}");
                }
            }
        }
    }
}
