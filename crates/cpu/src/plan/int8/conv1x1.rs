//! Int8 1x1 convolutions: norm, ReLU and quantisation while the pixels are packed as A, then a matrix product.

use super::super::conv1x1::{PACKED_A_FLOATS, PIXEL_PREFETCH_FLOATS, PixelSource};
use super::super::memory::Span;
use super::super::micro_kernel::{MAX_MR, dispatch_rows, tiles};
use super::super::vector::Int8Kernel;
use super::super::winograd_transform::BOTTLENECK;
use super::conv3x3::padded_line_bytes;
use super::micro_kernel::{
    MR, NR, VECTOR_OFFSETS, accumulate, dequantize, norm_relu, store_f32, store_u8, zero_accumulators,
};
use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch, _mm512_add_ps};
use std::ops::Range;

/// Block of k in packed A: `[k / K_BLOCK][row][K_BLOCK]`.
const K_BLOCK: usize = 32;
const LANES: usize = 16;
/// Bytes of packed A that are worked on at a time.
const PACKED_A_BYTES: usize = PACKED_A_FLOATS;

/// Where and in what form the output goes.
#[derive(Clone, Copy)]
pub enum Int8Output<'a> {
    /// Floats: all columns, from channel 0 on, of pixels `pixel_stride` floats apart, the first at `pixel`.
    F32 { to: Span<'a>, pixel_stride: usize, pixel: usize },
    /// Bytes, after a bias and a ReLU: padded lines of `width` pixels of `BOTTLENECK` bytes, as the 3x3 convolution
    /// reads them.
    U8 { to: Span<'a>, width: usize, output_shift: &'a [f32] },
}

/// Some pixels and columns of a 1x1 convolution.
pub struct Int8Conv1x1<'a> {
    /// Input: the first channels of pixels `input_stride` floats apart.
    pub input: Span<'a>,
    pub input_stride: usize,
    pub pixel_source: PixelSource,
    /// Scale and shift of the norm of each input channel, divided by the input's quantisation scale; their number is
    /// the depth of the product.
    pub scale: &'a [f32],
    pub shift: &'a [f32],
    /// Packed B: `[panel][k / 4][column][4]`.
    pub weights: &'a [i8],
    /// Dequantisation scale of each column: output per unit of its sum.
    pub output_scale: &'a [f32],
    pub target: Int8Output<'a>,
    /// Output pixels to compute, counted through all images.
    pub pixels: Range<usize>,
    /// Output columns to compute: whole panels.
    pub columns: Range<usize>,
    /// At least `PACKED_A_FLOATS` floats.
    pub scratch: &'a mut [f32],
}

/// Operands of one register tile.
#[derive(Clone, Copy)]
struct Int8MicroTile {
    packed_a: *const u8,
    b_panel: *const i8,
    depth: usize,
    output_scale: *const f32,
}

impl Int8Kernel for Int8Conv1x1<'_> {
    #[inline(always)]
    unsafe fn run(self) {
        let depth = self.scale.len();
        assert!(depth.is_multiple_of(K_BLOCK) && self.shift.len() == depth && self.scratch.len() >= PACKED_A_FLOATS);
        assert!(self.columns.start.is_multiple_of(NR) && self.columns.end.is_multiple_of(NR));
        assert!(self.weights.len() >= self.columns.end * depth && self.output_scale.len() >= self.columns.end);
        let packed = self.scratch.as_mut_ptr().cast::<u8>();
        let max_rows = PACKED_A_BYTES / depth / MR * MR;
        for (first, count) in tiles(self.pixels.len(), max_rows) {
            let first = self.pixels.start + first;
            for (start, rows) in tiles(count, MR) {
                // SAFETY: `count` rows of `depth` bytes fit into the scratch memory by the choice of `max_rows`.
                unsafe { self.pack(first + start, rows, packed.add(start * depth)) };
            }
            for column in self.columns.clone().step_by(NR) {
                let panel = self.weights[column * depth..][..NR * depth].as_ptr();
                let output_scale = self.output_scale[column..][..NR].as_ptr();
                for (start, rows) in tiles(count, MR) {
                    let tile = Int8MicroTile {
                        packed_a: packed.wrapping_add(start * depth),
                        b_panel: panel,
                        depth,
                        output_scale,
                    };
                    match self.target {
                        Int8Output::F32 { to, pixel_stride, pixel } => {
                            let reach = (rows - 1) * pixel_stride + NR;
                            let target = to.at((pixel + first + start) * pixel_stride + column, reach);
                            // SAFETY: the rows were just packed, panel and factor are slices of the right size, and the
                            // target is within the span, as `at` checked.
                            unsafe { dispatch_rows!(rows, tile_to_f32, (), (tile, target, pixel_stride)) };
                        }
                        Int8Output::U8 { to, width, output_shift } => {
                            let output_shift = output_shift[column..][..NR].as_ptr();
                            let mut targets = [std::ptr::null_mut(); MAX_MR];
                            for (row, target) in targets[..rows].iter_mut().enumerate() {
                                // SAFETY: no other task accesses these columns of the pixel, nor the padding beside it.
                                *target = unsafe { u8_address(to, width, first + start + row, column) };
                            }
                            // SAFETY: as above, and a panel's bytes are writable at each target.
                            unsafe { dispatch_rows!(rows, tile_to_u8, (), (tile, &targets, output_shift)) };
                        }
                    }
                }
            }
        }
    }
}

/// The address of a panel's bytes of a pixel; padding beside the pixel is filled with zeros.
///
/// # Safety
/// No other task accesses these columns of the pixel and of the padding beside it.
#[inline(always)]
unsafe fn u8_address(to: Span, width: usize, pixel: usize, column: usize) -> *mut u8 {
    let (line, x) = (pixel / width, pixel % width);
    let padded_line = to.bytes(line * padded_line_bytes(width), padded_line_bytes(width)).wrapping_add(column);
    // SAFETY: within the line, whose first and last pixel are padding.
    unsafe {
        if x == 0 {
            padded_line.write_bytes(0, NR);
        }
        if x == width - 1 {
            padded_line.add((width + 1) * BOTTLENECK).write_bytes(0, NR);
        }
    }
    padded_line.wrapping_add((x + 1) * BOTTLENECK)
}

#[inline(always)]
unsafe fn tile_to_f32<const ROWS: usize>(tile: Int8MicroTile, target: *mut f32, pixel_stride: usize) {
    // SAFETY: by contract of the tile; the target is as the caller says.
    unsafe {
        let mut sums = zero_accumulators::<ROWS>();
        for k in (0..tile.depth).step_by(K_BLOCK) {
            accumulate::<K_BLOCK, ROWS>(&mut sums, tile.packed_a.add(k * ROWS), tile.b_panel.add(k * NR), K_BLOCK);
        }
        for row in 0..ROWS {
            for vector in 0..2 {
                let values = dequantize(sums[row][vector], tile.output_scale.add(VECTOR_OFFSETS[vector]), None);
                store_f32(values, target.add(row * pixel_stride + VECTOR_OFFSETS[vector]));
            }
        }
    }
}

#[inline(always)]
unsafe fn tile_to_u8<const ROWS: usize>(tile: Int8MicroTile, targets: &[*mut u8; MAX_MR], output_shift: *const f32) {
    // SAFETY: by contract of the tile; the targets are as the caller says.
    unsafe {
        let mut sums = zero_accumulators::<ROWS>();
        for k in (0..tile.depth).step_by(K_BLOCK) {
            accumulate::<K_BLOCK, ROWS>(&mut sums, tile.packed_a.add(k * ROWS), tile.b_panel.add(k * NR), K_BLOCK);
        }
        for row in 0..ROWS {
            for vector in 0..2 {
                let output_shift = output_shift.add(VECTOR_OFFSETS[vector]);
                let values =
                    dequantize(sums[row][vector], tile.output_scale.add(VECTOR_OFFSETS[vector]), Some(output_shift));
                store_u8(values, targets[row].add(VECTOR_OFFSETS[vector]));
            }
        }
    }
}

impl Int8Conv1x1<'_> {
    /// Packs norm, ReLU and quantisation of the pixels from `first` on.
    ///
    /// # Safety
    /// The machine has the instructions; the target has room for `rows` rows; no other task writes what is read.
    #[inline(always)]
    unsafe fn pack(&self, first: usize, rows: usize, target: *mut u8) {
        let depth = self.scale.len();
        let (scale, shift) = (self.scale.as_ptr(), self.shift.as_ptr());
        for row in 0..rows {
            let (pixels, count) = self.pixel_source.pixels(self.input, self.input_stride, first + row, depth);
            let ahead = pixels[0].wrapping_add(PIXEL_PREFETCH_FLOATS.div_ceil(depth) * self.input_stride);
            for channel in (0..depth).step_by(LANES) {
                // SAFETY: `depth` floats are readable of pixels, scale and shift; the target is as the caller says.
                unsafe {
                    _mm_prefetch::<_MM_HINT_T0>(ahead.wrapping_add(channel).cast());
                    let (scale, shift) = (scale.add(channel), shift.add(channel));
                    let mut sum = norm_relu(pixels[0].add(channel), scale, shift);
                    for pixel in &pixels[1..count] {
                        sum = _mm512_add_ps(sum, norm_relu(pixel.add(channel), scale, shift));
                    }
                    store_u8(sum, target.add((channel / K_BLOCK * rows + row) * K_BLOCK + channel % K_BLOCK));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::memory::Buffer;
    use crate::plan::vector::Vnni;

    const DEPTH: usize = 96;
    const PIXEL_STRIDE: usize = DEPTH + 16;

    fn weight(column: usize, k: usize) -> i64 {
        (column * 5 + k * 3) as i64 % 31 - 15
    }

    fn packed(columns: usize) -> Vec<i8> {
        let position = |index: usize| {
            let (panel, rest) = (index / (DEPTH * NR), index % (DEPTH * NR));
            (panel * NR + rest / 4 % NR, rest / (NR * 4) * 4 + rest % 4)
        };
        (0..columns * DEPTH).map(position).map(|(column, k)| weight(column, k) as i8).collect()
    }

    /// Integers, some below 0 and some above 255.
    fn input(pixel: usize, channel: usize) -> f32 {
        ((pixel * 37 + channel * 11) % 301) as f32 - 20.0
    }

    /// Computes the pixels in two parts.
    fn run(
        vnni: Vnni,
        pixel_source: PixelSource,
        input_pixels: usize,
        target: Int8Output,
        columns: usize,
        pixels: usize,
    ) {
        let mut source = Buffer::zeroed(input_pixels * PIXEL_STRIDE).unwrap();
        for (pixel, values) in source.values_mut().chunks_exact_mut(PIXEL_STRIDE).enumerate() {
            for (channel, value) in values.iter_mut().enumerate() {
                *value = if channel < DEPTH { input(pixel, channel) } else { f32::NAN };
            }
        }
        let (weights, mut scratch) = (packed(columns), vec![0.0; PACKED_A_FLOATS]);
        for pixels in [0..pixels / 3, pixels / 3..pixels] {
            let kernel = Int8Conv1x1 {
                input: Span::of(source.values_mut()),
                input_stride: PIXEL_STRIDE,
                pixel_source,
                scale: &[1.0; DEPTH],
                shift: &[0.0; DEPTH],
                weights: &weights,
                output_scale: &vec![0.5; columns],
                target,
                pixels,
                columns: 0..columns,
                scratch: &mut scratch,
            };
            vnni.run(kernel);
        }
    }

    #[test]
    fn output_bytes_are_rounded_and_padded() {
        let Some(vnni) = Vnni::or_left_out() else { return };
        let (width, lines) = (5, 7);
        let output_shift: Vec<f32> = (0..BOTTLENECK).map(|column| column as f32 - 3000.0).collect();
        let mut target = Buffer::zeroed(lines * padded_line_bytes(width) / 4).unwrap();
        target.values_mut().fill(f32::from_bits(0x0909_0909));
        let to = Int8Output::U8 { to: Span::of(target.values_mut()), width, output_shift: &output_shift };
        run(vnni, PixelSource::Single, lines * width, to, BOTTLENECK, lines * width);
        let mut different = std::collections::BTreeSet::new();
        for pixel in 0..lines * (width + 2) {
            let (line, x) = (pixel / (width + 2), pixel % (width + 2));
            for column in 0..BOTTLENECK {
                let expected = if x == 0 || x == width + 1 {
                    0
                } else {
                    let pixel = line * width + x - 1;
                    let product = |k| input(pixel, k).clamp(0.0, 255.0) as i64 * weight(column, k);
                    let sum: i64 = (0..DEPTH).map(product).sum();
                    (sum as f32 * 0.5 + output_shift[column]).clamp(0.0, 255.0).round_ties_even() as u8
                };
                // SAFETY: within the buffer.
                let found = unsafe { *Span::of(target.values_mut()).bytes(pixel * BOTTLENECK + column, 1) };
                assert_eq!(found, expected, "line {line}, pixel {x}, column {column}");
                different.insert(found);
            }
        }
        assert!(different.len() > 50, "{different:?}");
    }

    #[test]
    fn average_pool_input() {
        let Some(vnni) = Vnni::or_left_out() else { return };
        let (height, width, columns, pixel_stride) = (5, 7, 2 * NR, 2 * NR + 16);
        let pixels = 2 * (height / 2) * (width / 2);
        let mut target = Buffer::zeroed((1 + pixels) * pixel_stride).unwrap();
        target.values_mut().fill(f32::NAN);
        let to = Int8Output::F32 { to: Span::of(target.values_mut()), pixel_stride, pixel: 1 };
        run(vnni, PixelSource::AveragePool2x2 { height, width }, 2 * height * width, to, columns, pixels);
        for (pixel, values) in target.values().chunks_exact(pixel_stride).enumerate() {
            for (column, value) in values.iter().enumerate() {
                if pixel == 0 || column >= columns {
                    assert!(value.is_nan());
                    continue;
                }
                let (line, x) = ((pixel - 1) / (width / 2), (pixel - 1) % (width / 2) * 2);
                let first = (line / (height / 2) * height + line % (height / 2) * 2) * width + x;
                let four = [first, first + 1, first + width, first + width + 1];
                let byte = |k| four.iter().map(|pixel| input(*pixel, k).max(0.0)).sum::<f32>().min(255.0) as i64;
                let sum: i64 = (0..DEPTH).map(|k| byte(k) * weight(column, k)).sum();
                assert_eq!(*value, sum as f32 * 0.5, "pixel {pixel}, column {column}");
            }
        }
    }
}
