//! 1x1 convolutions: norm, ReLU and rounding to bytes on the way into packed rows, then a matrix product.

use super::super::filtering::INNER;
use super::super::memory::Span;
use super::super::multiply::{MOST_ROWS, tiles, with_rows};
use super::super::pointwise::{AHEAD, PACKED, Reading};
use super::super::vector::BytesKernel;
use super::convolution::line_bytes;
use super::kernel::{HALVES, PANEL, ROWS, accumulate, activated, no_sums, scaled, store_bytes, store_floats};
use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch, _mm512_add_ps};
use std::ops::Range;

/// Depths that lie beside each other in a row of packed pixels: `[depth / 32][row][32]`.
const DEPTH: usize = 32;
const LANES: usize = 16;
/// Bytes of packed rows that are worked on at a time.
const ROOM: usize = PACKED;

/// Where results go.
#[derive(Clone, Copy)]
pub enum Target<'a> {
    /// All columns, from channel 0 on, of pixels `step` apart, the first at `pixel`.
    Floats { to: Span<'a>, step: usize, pixel: usize },
    /// Lines of so many pixels of `INNER` bytes as the 3x3 convolution reads them, after adding and a ReLU.
    Bytes { to: Span<'a>, width: usize, addend: &'a [f32] },
}

/// Computes some pixels of some columns of a 1x1 convolution.
pub struct Pointwise<'a> {
    /// What it reads: the first channels of pixels `step` apart.
    pub input: Span<'a>,
    pub input_step: usize,
    pub reading: Reading,
    /// Norm of each channel that is read, in steps of a byte; their number is the product's depth.
    pub scale: &'a [f32],
    pub shift: &'a [f32],
    /// Packed weights: `[panel][depth / 4][column][4]`.
    pub weights: &'a [i8],
    /// What one of each column's sums is worth in the target.
    pub factor: &'a [f32],
    pub target: Target<'a>,
    /// Which pixels of those it makes, counted through all images.
    pub pixels: Range<usize>,
    /// Which columns; whole panels.
    pub columns: Range<usize>,
    /// At least `PACKED` floats.
    pub scratch: &'a mut [f32],
}

/// Packed rows and a panel of weights.
#[derive(Clone, Copy)]
struct Tile {
    rows: *const u8,
    panel: *const i8,
    depth: usize,
    factor: *const f32,
}

impl BytesKernel for Pointwise<'_> {
    #[inline(always)]
    unsafe fn run(self) {
        let depth = self.scale.len();
        assert!(depth.is_multiple_of(DEPTH) && self.shift.len() == depth && self.scratch.len() >= PACKED);
        assert!(self.columns.start.is_multiple_of(PANEL) && self.columns.end.is_multiple_of(PANEL));
        assert!(self.weights.len() >= self.columns.end * depth && self.factor.len() >= self.columns.end);
        let packed = self.scratch.as_mut_ptr().cast::<u8>();
        let most = ROOM / depth / ROWS * ROWS;
        for (first, count) in tiles(self.pixels.len(), most) {
            let first = self.pixels.start + first;
            for (start, rows) in tiles(count, ROWS) {
                // SAFETY: `count` rows of `depth` bytes fit into the scratch memory by the choice of `most`.
                unsafe { self.pack(first + start, rows, packed.add(start * depth)) };
            }
            for column in self.columns.clone().step_by(PANEL) {
                let panel = self.weights[column * depth..][..PANEL * depth].as_ptr();
                let factor = self.factor[column..][..PANEL].as_ptr();
                for (start, rows) in tiles(count, ROWS) {
                    let tile = Tile { rows: packed.wrapping_add(start * depth), panel, depth, factor };
                    match self.target {
                        Target::Floats { to, step, pixel } => {
                            let reach = (rows - 1) * step + PANEL;
                            let target = to.at((pixel + first + start) * step + column, reach);
                            // SAFETY: the rows were just packed, panel and factor are slices of the right size, and the
                            // target reaches as far as was asked of the span.
                            unsafe { with_rows!(rows, to_floats, (), (tile, target, step)) };
                        }
                        Target::Bytes { to, width, addend } => {
                            let addend = addend[column..][..PANEL].as_ptr();
                            let mut targets = [std::ptr::null_mut(); MOST_ROWS];
                            for (row, target) in targets[..rows].iter_mut().enumerate() {
                                // SAFETY: nobody else has this pixel's columns, nor the margins beside it.
                                *target = unsafe { place(to, width, first + start + row, column) };
                            }
                            // SAFETY: as above, and a panel's bytes are writable at each target.
                            unsafe { with_rows!(rows, to_bytes, (), (tile, &targets, addend)) };
                        }
                    }
                }
            }
        }
    }
}

/// The place of a panel's bytes of a pixel; margins beside the pixel are filled with zeros.
///
/// # Safety
/// No other task has the columns of the pixel and of the margins beside it.
#[inline(always)]
unsafe fn place(to: Span, width: usize, pixel: usize, column: usize) -> *mut u8 {
    let (line, x) = (pixel / width, pixel % width);
    let margins = to.bytes(line * line_bytes(width), line_bytes(width)).wrapping_add(column);
    // SAFETY: within the line, whose first and last pixel are margins.
    unsafe {
        if x == 0 {
            margins.write_bytes(0, PANEL);
        }
        if x == width - 1 {
            margins.add((width + 1) * INNER).write_bytes(0, PANEL);
        }
    }
    margins.wrapping_add((x + 1) * INNER)
}

#[inline(always)]
unsafe fn to_floats<const COUNT: usize>(tile: Tile, target: *mut f32, step: usize) {
    // SAFETY: by contract of the tile; the target is as the caller says.
    unsafe {
        let mut sums = no_sums::<COUNT>();
        for k in (0..tile.depth).step_by(DEPTH) {
            accumulate::<DEPTH, COUNT>(&mut sums, tile.rows.add(k * COUNT), tile.panel.add(k * PANEL), DEPTH);
        }
        for row in 0..COUNT {
            for half in 0..2 {
                let values = scaled(sums[row][half], tile.factor.add(HALVES[half]), None);
                store_floats(values, target.add(row * step + HALVES[half]));
            }
        }
    }
}

#[inline(always)]
unsafe fn to_bytes<const COUNT: usize>(tile: Tile, targets: &[*mut u8; MOST_ROWS], addend: *const f32) {
    // SAFETY: by contract of the tile; the targets are as the caller says.
    unsafe {
        let mut sums = no_sums::<COUNT>();
        for k in (0..tile.depth).step_by(DEPTH) {
            accumulate::<DEPTH, COUNT>(&mut sums, tile.rows.add(k * COUNT), tile.panel.add(k * PANEL), DEPTH);
        }
        for row in 0..COUNT {
            for half in 0..2 {
                let addend = addend.add(HALVES[half]);
                let values = scaled(sums[row][half], tile.factor.add(HALVES[half]), Some(addend));
                store_bytes(values, targets[row].add(HALVES[half]));
            }
        }
    }
}

impl Pointwise<'_> {
    /// Norm, ReLU and rounding of the pixels from `first` on, packed as the product reads them.
    ///
    /// # Safety
    /// The machine has the instructions; the target has room for `rows` rows; no other task writes what is read.
    #[inline(always)]
    unsafe fn pack(&self, first: usize, rows: usize, target: *mut u8) {
        let depth = self.scale.len();
        let (scale, shift) = (self.scale.as_ptr(), self.shift.as_ptr());
        for row in 0..rows {
            let (pixels, count) = self.reading.pixels(self.input, self.input_step, first + row, depth);
            let ahead = pixels[0].wrapping_add(AHEAD.div_ceil(depth) * self.input_step);
            for channel in (0..depth).step_by(LANES) {
                // SAFETY: `depth` floats are readable of pixels, scale and shift; the target is as the caller says.
                unsafe {
                    _mm_prefetch::<_MM_HINT_T0>(ahead.wrapping_add(channel).cast());
                    let (scale, shift) = (scale.add(channel), shift.add(channel));
                    let mut sum = activated(pixels[0].add(channel), scale, shift);
                    for pixel in &pixels[1..count] {
                        sum = _mm512_add_ps(sum, activated(pixel.add(channel), scale, shift));
                    }
                    store_bytes(sum, target.add((channel / DEPTH * rows + row) * DEPTH + channel % DEPTH));
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

    const DEPTH_READ: usize = 96;
    const STEP: usize = DEPTH_READ + 16;

    fn weight(column: usize, k: usize) -> i64 {
        (column * 5 + k * 3) as i64 % 31 - 15
    }

    fn packed(columns: usize) -> Vec<i8> {
        let place = |index: usize| {
            let (panel, rest) = (index / (DEPTH_READ * PANEL), index % (DEPTH_READ * PANEL));
            (panel * PANEL + rest / 4 % PANEL, rest / (PANEL * 4) * 4 + rest % 4)
        };
        (0..columns * DEPTH_READ).map(place).map(|(column, k)| weight(column, k) as i8).collect()
    }

    /// Whole numbers, of which some are below 0 and some above 255.
    fn input(pixel: usize, channel: usize) -> f32 {
        ((pixel * 37 + channel * 11) % 301) as f32 - 20.0
    }

    /// Computes the pixels in two parts.
    fn run(vnni: Vnni, reading: Reading, input_pixels: usize, target: Target, columns: usize, pixels: usize) {
        let mut source = Buffer::zeroed(input_pixels * STEP).unwrap();
        for (pixel, values) in source.values_mut().chunks_exact_mut(STEP).enumerate() {
            for (channel, value) in values.iter_mut().enumerate() {
                *value = if channel < DEPTH_READ { input(pixel, channel) } else { f32::NAN };
            }
        }
        let (weights, mut scratch) = (packed(columns), vec![0.0; PACKED]);
        for pixels in [0..pixels / 3, pixels / 3..pixels] {
            let kernel = Pointwise {
                input: Span::of(source.values_mut()),
                input_step: STEP,
                reading,
                scale: &[1.0; DEPTH_READ],
                shift: &[0.0; DEPTH_READ],
                weights: &weights,
                factor: &vec![0.5; columns],
                target,
                pixels,
                columns: 0..columns,
                scratch: &mut scratch,
            };
            vnni.run(kernel);
        }
    }

    #[test]
    fn bytes_are_rounded_and_lie_between_margins_of_zeros() {
        let Some(vnni) = Vnni::available() else { return };
        let (width, lines) = (5, 7);
        let addend: Vec<f32> = (0..INNER).map(|column| column as f32 - 3000.0).collect();
        let mut target = Buffer::zeroed(lines * line_bytes(width) / 4).unwrap();
        target.values_mut().fill(f32::from_bits(0x0909_0909));
        let to = Target::Bytes { to: Span::of(target.values_mut()), width, addend: &addend };
        run(vnni, Reading::Single, lines * width, to, INNER, lines * width);
        let mut different = std::collections::BTreeSet::new();
        for place in 0..lines * (width + 2) {
            let (line, x) = (place / (width + 2), place % (width + 2));
            for column in 0..INNER {
                let expected = if x == 0 || x == width + 1 {
                    0
                } else {
                    let pixel = line * width + x - 1;
                    let product = |k| input(pixel, k).clamp(0.0, 255.0) as i64 * weight(column, k);
                    let sum: i64 = (0..DEPTH_READ).map(product).sum();
                    (sum as f32 * 0.5 + addend[column]).clamp(0.0, 255.0).round_ties_even() as u8
                };
                // SAFETY: within the buffer.
                let found = unsafe { *Span::of(target.values_mut()).bytes(place * INNER + column, 1) };
                assert_eq!(found, expected, "line {line}, place {x}, column {column}");
                different.insert(found);
            }
        }
        assert!(different.len() > 50, "{different:?}");
    }

    #[test]
    fn four_pixels_are_pooled() {
        let Some(vnni) = Vnni::available() else { return };
        let (height, width, columns, step) = (5, 7, 2 * PANEL, 2 * PANEL + 16);
        let pixels = 2 * (height / 2) * (width / 2);
        let mut target = Buffer::zeroed((1 + pixels) * step).unwrap();
        target.values_mut().fill(f32::NAN);
        let to = Target::Floats { to: Span::of(target.values_mut()), step, pixel: 1 };
        run(vnni, Reading::Pooled { height, width }, 2 * height * width, to, columns, pixels);
        for (pixel, values) in target.values().chunks_exact(step).enumerate() {
            for (column, value) in values.iter().enumerate() {
                if pixel == 0 || column >= columns {
                    assert!(value.is_nan());
                    continue;
                }
                let (line, x) = ((pixel - 1) / (width / 2), (pixel - 1) % (width / 2) * 2);
                let first = (line / (height / 2) * height + line % (height / 2) * 2) * width + x;
                let four = [first, first + 1, first + width, first + width + 1];
                let byte = |k| four.iter().map(|pixel| input(*pixel, k).max(0.0)).sum::<f32>().min(255.0) as i64;
                let sum: i64 = (0..DEPTH_READ).map(|k| byte(k) * weight(column, k)).sum();
                assert_eq!(*value, sum as f32 * 0.5, "pixel {pixel}, column {column}");
            }
        }
    }
}
