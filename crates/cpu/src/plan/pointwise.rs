//! 1x1 convolutions: a matrix product, whose rows get norm and ReLU on their way into packed form.

use super::memory::Span;
use super::multiply::{Ahead, DEPTH, Next, Stream, Tile, multiply, tiles};
use super::vector::{Kernel, Vector};
use std::ops::Range;

/// Floats of packed rows that are worked on at a time: with a panel of weights they stay in the second-level cache.
pub const PACKED: usize = 112 * 1024;

/// Floats of pixels that are asked for ahead of their packing: about the time that the third-level cache takes.
pub const AHEAD: usize = 1024;

/// Which pixels a row is made from.
#[derive(Clone, Copy, Debug)]
pub enum Reading {
    /// One.
    Single,
    /// The sum of four that an average pooling takes together, in images of so many rows and columns (before pooling).
    Pooled { height: usize, width: usize },
}

impl Reading {
    /// Where `depth` channels of the pixels lie that a row is made from, pixels being `step` apart.
    #[inline(always)]
    pub fn pixels(self, input: Span, step: usize, row: usize, depth: usize) -> ([*const f32; 4], usize) {
        let pixel = |number: usize| input.at(number * step, depth).cast_const();
        match self {
            Reading::Single => ([pixel(row); 4], 1),
            Reading::Pooled { height, width } => {
                let (across, down) = (width / 2, height / 2);
                let (line, x) = (row / across, row % across * 2);
                let first = (line / down * height + line % down * 2) * width + x;
                ([pixel(first), pixel(first + 1), pixel(first + width), pixel(first + width + 1)], 4)
            }
        }
    }
}

/// Computes some pixels of some columns of a 1x1 convolution.
pub struct Pointwise<'a> {
    /// What it reads: the first channels of pixels `step` apart.
    pub input: Span<'a>,
    pub input_step: usize,
    pub reading: Reading,
    /// Norm of each channel that is read; their number is the product's depth.
    pub scale: &'a [f32],
    pub shift: &'a [f32],
    /// Packed weights.
    pub weights: &'a [f32],
    /// Added to each column, before a ReLU; none: nothing is added and there is no ReLU.
    pub bias: Option<&'a [f32]>,
    /// What it writes: all columns, from channel 0 on, of pixels `target_step` apart, the first at `target_pixel`.
    pub target: Span<'a>,
    pub target_step: usize,
    pub target_pixel: usize,
    /// Which pixels of those it makes, counted through all images.
    pub pixels: Range<usize>,
    /// Which columns; whole panels.
    pub columns: Range<usize>,
    /// Weights of what comes next, which it asks for: they come from afar while the memory has little to do.
    pub soon: &'a [f32],
    /// At least `PACKED` floats.
    pub scratch: &'a mut [f32],
}

impl Kernel for Pointwise<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let (depth, width) = (self.scale.len(), 2 * V::LANES);
        assert!(depth.is_multiple_of(DEPTH) && self.shift.len() == depth && self.scratch.len() >= PACKED);
        assert!(self.columns.start.is_multiple_of(width) && self.columns.end.is_multiple_of(width));
        assert!(self.weights.len() >= self.columns.end * depth);
        assert!(self.bias.is_none_or(|bias| bias.len() >= self.columns.end));
        let packed = self.scratch.as_mut_ptr();
        let most = PACKED / depth / V::ROWS * V::ROWS;
        let all_parts: usize = tiles(self.pixels.len(), most).map(|(_, count)| count.div_ceil(V::ROWS)).sum();
        let mut soon = Stream::of(self.soon, all_parts * (self.columns.len() / width) * depth);
        for (first, count) in tiles(self.pixels.len(), most) {
            let first = self.pixels.start + first;
            for (start, rows) in tiles(count, V::ROWS) {
                // SAFETY: `count` rows of `depth` floats fit into the scratch memory by the choice of `most`.
                unsafe { self.pack::<V>(first + start, rows, packed.add(start * depth)) };
            }
            let reach = (count - 1) * self.target_step + self.columns.end;
            let target = self.target.at((self.target_pixel + first) * self.target_step, reach);
            for column in self.columns.clone().step_by(width) {
                let panel = self.weights[column * depth..][..width * depth].as_ptr();
                let parts = count.div_ceil(V::ROWS);
                for (index, (start, rows)) in tiles(count, V::ROWS).enumerate() {
                    let tile = Tile {
                        rows: packed.wrapping_add(start * depth),
                        panel,
                        depth: depth / DEPTH,
                        bias: self.bias.map_or(std::ptr::null(), |bias| bias[column..][..width].as_ptr()),
                        target: target.wrapping_add(start * self.target_step + column),
                        step: self.target_step,
                        next: Next::share(panel.wrapping_add(width * depth), width, depth, index, parts).and(soon),
                    };
                    soon = soon.after(depth);
                    // SAFETY: the rows were just packed, panel and bias are slices of the right size, and the target
                    // reaches as far as was asked of the span.
                    unsafe {
                        match self.bias {
                            Some(_) => multiply::<V, true, 2>(rows, tile),
                            None => multiply::<V, false, 2>(rows, tile),
                        }
                    }
                }
            }
        }
    }
}

impl Pointwise<'_> {
    /// Norm and ReLU of the pixels from `first` on, packed as the product reads them.
    ///
    /// # Safety
    /// The machine has `V`'s instructions; the target has room for `rows` rows; no other task writes what is read.
    #[inline(always)]
    unsafe fn pack<V: Vector>(&self, first: usize, rows: usize, target: *mut f32) {
        let depth = self.scale.len();
        let (scale, shift) = (self.scale.as_ptr(), self.shift.as_ptr());
        for row in 0..rows {
            let target = target.wrapping_add(row * DEPTH);
            let (pixels, count) = self.reading.pixels(self.input, self.input_step, first + row, depth);
            let ahead = pixels[0].wrapping_add(AHEAD.div_ceil(depth) * self.input_step);
            for channel in (0..depth).step_by(V::LANES) {
                let place = channel / DEPTH * rows * DEPTH + channel % DEPTH;
                V::prefetch(ahead.wrapping_add(channel));
                // SAFETY: `depth` floats are readable of pixels, scale and shift; the target is as the caller says.
                unsafe {
                    let (scale, shift) = (V::load(scale.add(channel)), V::load(shift.add(channel)));
                    let mut sum = V::load(pixels[0].add(channel)).times_plus(scale, shift).relu();
                    for pixel in &pixels[1..count] {
                        sum = sum.plus(V::load(pixel.add(channel)).times_plus(scale, shift).relu());
                    }
                    sum.store(target.add(place));
                }
            }
        }
    }
}
