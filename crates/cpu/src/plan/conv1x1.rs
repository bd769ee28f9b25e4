//! 1x1 convolutions: norm and ReLU while the pixels are packed as A, then a matrix product with the packed weights.

use super::memory::Span;
use super::micro_kernel::{K_BLOCK, MicroTile, PanelPrefetch, Prefetch, PrefetchStream, micro_kernel, tiles};
use super::vector::{Kernel, Vector};
use std::ops::Range;

/// Floats of packed A that are worked on at a time: with a panel of B they stay in the second-level cache.
pub const PACKED_A_FLOATS: usize = 112 * 1024;

/// Distance in floats at which pixels are prefetched before they are packed: about the latency of the third-level
/// cache.
pub const PIXEL_PREFETCH_FLOATS: usize = 1024;

/// Which pixels a row of A is computed from.
#[derive(Clone, Copy, Debug)]
pub enum PixelSource {
    /// One pixel.
    Single,
    /// The sum over the window of a 2x2 average pooling, in images of `height` x `width` (before pooling).
    AveragePool2x2 { height: usize, width: usize },
}

impl PixelSource {
    /// Addresses of `depth` channels of the pixels of a row of A, and how many pixels there are; pixels are
    /// `pixel_stride` floats apart.
    #[inline(always)]
    pub fn pixels(self, input: Span, pixel_stride: usize, row: usize, depth: usize) -> ([*const f32; 4], usize) {
        let pixel = |number: usize| input.at(number * pixel_stride, depth).cast_const();
        match self {
            PixelSource::Single => ([pixel(row); 4], 1),
            PixelSource::AveragePool2x2 { height, width } => {
                let (across, down) = (width / 2, height / 2);
                let (line, x) = (row / across, row % across * 2);
                let first = (line / down * height + line % down * 2) * width + x;
                ([pixel(first), pixel(first + 1), pixel(first + width), pixel(first + width + 1)], 4)
            }
        }
    }
}

/// Some pixels and columns of a 1x1 convolution.
pub struct Conv1x1<'a> {
    /// Input: the first channels of pixels `input_stride` floats apart.
    pub input: Span<'a>,
    pub input_stride: usize,
    pub pixel_source: PixelSource,
    /// Scale and shift of the norm of each input channel; their number is the depth of the product.
    pub scale: &'a [f32],
    pub shift: &'a [f32],
    /// Packed B: `[panel][k][NR]`.
    pub weights: &'a [f32],
    /// Bias of each column, followed by a ReLU; none: neither bias nor ReLU.
    pub bias: Option<&'a [f32]>,
    /// Output: all columns, from channel 0 on, of pixels `target_stride` floats apart, the first at `target_pixel`.
    pub target: Span<'a>,
    pub target_stride: usize,
    pub target_pixel: usize,
    /// Output pixels to compute: flat indices over the batch.
    pub pixels: Range<usize>,
    /// Output columns to compute: whole panels.
    pub columns: Range<usize>,
    /// Weights of the next convolution, to be prefetched while the memory bus has little to do.
    pub prefetch: &'a [f32],
    /// At least `PACKED_A_FLOATS` floats.
    pub scratch: &'a mut [f32],
}

impl Kernel for Conv1x1<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let (depth, width) = (self.scale.len(), V::NR);
        assert!(depth.is_multiple_of(K_BLOCK) && self.shift.len() == depth && self.scratch.len() >= PACKED_A_FLOATS);
        assert!(self.columns.start.is_multiple_of(width) && self.columns.end.is_multiple_of(width));
        assert!(self.weights.len() >= self.columns.end * depth);
        assert!(self.bias.is_none_or(|bias| bias.len() >= self.columns.end));
        let packed = self.scratch.as_mut_ptr();
        let max_rows = PACKED_A_FLOATS / depth / V::MR * V::MR;
        let all_parts: usize = tiles(self.pixels.len(), max_rows).map(|(_, count)| count.div_ceil(V::MR)).sum();
        let mut prefetch = PrefetchStream::of(self.prefetch, all_parts * (self.columns.len() / width) * depth);
        for (first, count) in tiles(self.pixels.len(), max_rows) {
            let first = self.pixels.start + first;
            for (start, rows) in tiles(count, V::MR) {
                // SAFETY: `count` rows of `depth` floats fit into the scratch memory by the choice of `max_rows`.
                unsafe { self.pack::<V>(first + start, rows, packed.add(start * depth)) };
            }
            let reach = (count - 1) * self.target_stride + self.columns.end;
            let target = self.target.at((self.target_pixel + first) * self.target_stride, reach);
            for column in self.columns.clone().step_by(width) {
                let panel = self.weights[column * depth..][..width * depth].as_ptr();
                let parts = count.div_ceil(V::MR);
                for (index, (start, rows)) in tiles(count, V::MR).enumerate() {
                    let tile = MicroTile {
                        packed_a: packed.wrapping_add(start * depth),
                        b_panel: panel,
                        k_blocks: depth / K_BLOCK,
                        bias: self.bias.map_or(std::ptr::null(), |bias| bias[column..][..width].as_ptr()),
                        c: target.wrapping_add(start * self.target_stride + column),
                        ldc: self.target_stride,
                        prefetch: PanelPrefetch::share_of(
                            panel.wrapping_add(width * depth),
                            width,
                            depth,
                            index,
                            parts,
                        )
                        .with_stream(prefetch),
                    };
                    prefetch = prefetch.advanced(depth);
                    // SAFETY: the rows were just packed, panel and bias are slices of the right size, and the target
                    // is within the span, as `at` checked.
                    unsafe {
                        match self.bias {
                            Some(_) => micro_kernel::<V, true, 2>(rows, tile),
                            None => micro_kernel::<V, false, 2>(rows, tile),
                        }
                    }
                }
            }
        }
    }
}

impl Conv1x1<'_> {
    /// Packs norm and ReLU of the pixels from `first` on.
    ///
    /// # Safety
    /// The machine has `V`'s instructions; the target has room for `rows` rows; no other task writes what is read.
    #[inline(always)]
    unsafe fn pack<V: Vector>(&self, first: usize, rows: usize, target: *mut f32) {
        let depth = self.scale.len();
        let (scale, shift) = (self.scale.as_ptr(), self.shift.as_ptr());
        for row in 0..rows {
            let target = target.wrapping_add(row * K_BLOCK);
            let (pixels, count) = self.pixel_source.pixels(self.input, self.input_stride, first + row, depth);
            let ahead = pixels[0].wrapping_add(PIXEL_PREFETCH_FLOATS.div_ceil(depth) * self.input_stride);
            for channel in (0..depth).step_by(V::LANES) {
                let offset = channel / K_BLOCK * rows * K_BLOCK + channel % K_BLOCK;
                V::prefetch_l1(ahead.wrapping_add(channel));
                // SAFETY: `depth` floats are readable of pixels, scale and shift; the target is as the caller says.
                unsafe {
                    let (scale, shift) = (V::load(scale.add(channel)), V::load(shift.add(channel)));
                    let mut sum = V::load(pixels[0].add(channel)).mul_add(scale, shift).relu();
                    for pixel in &pixels[1..count] {
                        sum = sum.add(V::load(pixel.add(channel)).mul_add(scale, shift).relu());
                    }
                    sum.store(target.add(offset));
                }
            }
        }
    }
}
