//! 3x3 convolutions by Winograd's algorithm: input tiles are transformed, multiplied with the transformed filters point
//! by point, and the sums transformed back.

use super::memory::Span;
use super::micro_kernel::{K_BLOCK, MAX_MR, MicroTile, PanelPrefetch, micro_kernel, tiles};
use super::vector::{Kernel, Vector};
use super::winograd_transform::{BOTTLENECK, F2x2, F4x4, GROWTH_RATE, Tiling, WinogradTransform};
use std::ops::Range;

/// Padding between the products of two points, so that they do not map to the same cache sets.
const POINT_PADDING: usize = K_BLOCK;
/// Register tiles for which the weights of a point are read once.
const TILES_PER_B_READ: usize = 2;

/// Channels of a task that does not write all: a panel, or half of one.
pub const MIN_TASK_COLUMNS: usize = GROWTH_RATE / 2;

/// Zeros that are read outside the image.
#[repr(align(64))]
struct ZeroPixel([f32; BOTTLENECK]);
static ZERO_PIXEL: ZeroPixel = ZeroPixel([0.0; BOTTLENECK]);

/// Scratch memory in floats.
pub fn scratch(tiling: Tiling) -> usize {
    tiling.points() * TILES_PER_B_READ * MAX_MR * (BOTTLENECK + POINT_PADDING + GROWTH_RATE)
}

/// Some tiles and channels of a layer's 3x3 convolution.
pub struct WinogradConv3x3<'a> {
    /// Size of the tiles.
    pub tiling: Tiling,
    /// Input: `BOTTLENECK` channels of each pixel, densely.
    pub input: Span<'a>,
    /// The layer's packed filters.
    pub weights: &'a [f32],
    /// Output: `GROWTH_RATE` channels from `target_channel` on; the pixels are `target_stride` floats apart.
    pub target: Span<'a>,
    pub target_stride: usize,
    pub target_channel: usize,
    /// Height of each image in pixels.
    pub height: usize,
    pub width: usize,
    /// Tiles to compute, row by row: flat indices over the batch.
    pub tiles: Range<usize>,
    /// Output channels to compute: the first or second `MIN_TASK_COLUMNS`, or all.
    pub columns: Range<usize>,
    /// At least `scratch(tiling)` floats.
    pub scratch: &'a mut [f32],
}

impl Kernel for WinogradConv3x3<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(mut self) {
        match self.tiling {
            // SAFETY: the contract is passed on.
            Tiling::F2x2 => unsafe { self.compute::<V, F2x2, 2, 4>() },
            // SAFETY: the contract is passed on.
            Tiling::F4x4 => unsafe { self.compute::<V, F4x4, 4, 6>() },
        }
    }
}

/// First pixel of an output tile.
#[derive(Clone, Copy, Default)]
struct Corner {
    image: usize,
    y: usize,
    x: usize,
}

impl WinogradConv3x3<'_> {
    /// # Safety
    /// The machine has `V`'s instructions, and no other task writes what is read or accesses what is written.
    #[inline(always)]
    unsafe fn compute<V: Vector, F: WinogradTransform<M, ALPHA>, const M: usize, const ALPHA: usize>(&mut self) {
        let (tile_columns, tile_rows) = (self.width.div_ceil(M), self.height.div_ceil(M));
        let corner = |tile: usize| {
            let (row, column) = (tile / tile_columns, tile % tile_columns);
            Corner { image: row / tile_rows, y: row % tile_rows * M, x: column * M }
        };
        assert!([0..MIN_TASK_COLUMNS, MIN_TASK_COLUMNS..GROWTH_RATE, 0..GROWTH_RATE].contains(&self.columns));
        let (products, sums) =
            self.scratch.split_at_mut(ALPHA * ALPHA * TILES_PER_B_READ * MAX_MR * (BOTTLENECK + POINT_PADDING));
        assert!(sums.len() >= ALPHA * ALPHA * TILES_PER_B_READ * MAX_MR * GROWTH_RATE);
        assert!(self.weights.len() >= ALPHA * ALPHA * BOTTLENECK * GROWTH_RATE);
        let (products, sums) = (products.as_mut_ptr(), sums.as_mut_ptr());
        for (first, count) in tiles(self.tiles.len(), TILES_PER_B_READ * V::MR) {
            let first = self.tiles.start + first;
            // Each register tile has a part of the scratch memory.
            let part = |row: usize| products.wrapping_add(ALPHA * ALPHA * row * (BOTTLENECK + POINT_PADDING));
            for (start, rows) in tiles(count, V::MR) {
                for row in 0..rows {
                    // SAFETY: the scratch memory holds TILES_PER_B_READ register tiles of at most V::MR rows; the patch
                    // is readable as `patch` says.
                    unsafe {
                        let patch = self.patch::<M, ALPHA>(corner(first + start + row));
                        transform_input::<V, F, M, ALPHA>(&patch, part(start), row, rows);
                    }
                }
            }
            let width = V::NR;
            let parts = count.div_ceil(V::MR);
            for point in 0..ALPHA * ALPHA {
                for (index, (start, rows)) in tiles(count, V::MR).enumerate() {
                    for column in self.columns.clone().step_by(width) {
                        let panel = |point: usize| {
                            let first = (point * GROWTH_RATE + column / width * width) * BOTTLENECK;
                            self.weights.as_ptr().wrapping_add(first + column % width)
                        };
                        let mut tile = MicroTile {
                            packed_a: part(start).wrapping_add(point * (rows * BOTTLENECK + POINT_PADDING)),
                            b_panel: panel(point),
                            k_blocks: BOTTLENECK / K_BLOCK,
                            bias: std::ptr::null(),
                            c: sums.wrapping_add((point * count + start) * GROWTH_RATE + column),
                            ldc: GROWTH_RATE,
                            prefetch: PanelPrefetch::share_of(panel(point + 1), width, BOTTLENECK, index, parts),
                        };
                        // SAFETY: weights and scratch memory are as large as the assertions say.
                        unsafe {
                            if width > MIN_TASK_COLUMNS && self.columns.len() == MIN_TASK_COLUMNS {
                                tile.prefetch = PanelPrefetch::half_panel(panel(point + 1), width);
                                micro_kernel::<V, false, 1>(rows, tile);
                            } else {
                                micro_kernel::<V, false, 2>(rows, tile);
                            }
                        }
                    }
                }
            }
            for row in 0..count {
                // SAFETY: the sums of all points of this row were just written.
                unsafe {
                    self.transform_output::<V, F, M, ALPHA>(sums.add(row * GROWTH_RATE), count, corner(first + row))
                };
            }
        }
    }

    /// Addresses of the pixels of the input tile around an output tile.
    #[inline(always)]
    fn patch<const M: usize, const ALPHA: usize>(&self, corner: Corner) -> [[*const f32; ALPHA]; ALPHA] {
        let image =
            self.input.at(corner.image * self.height * self.width * BOTTLENECK, self.height * self.width * BOTTLENECK);
        let zeros = ZERO_PIXEL.0.as_ptr();
        let mut patch = [[zeros; ALPHA]; ALPHA];
        for (row, line) in patch.iter_mut().enumerate() {
            // Padding of 1; rows and columns before the first wrap to huge values.
            let y = (corner.y + row).wrapping_sub(1);
            for (column, address) in line.iter_mut().enumerate() {
                let x = (corner.x + column).wrapping_sub(1);
                if y < self.height && x < self.width {
                    *address = image.wrapping_add((y * self.width + x) * BOTTLENECK);
                }
            }
        }
        patch
    }

    /// # Safety
    /// `sums` points to the first point's sums; consecutive points are `count` rows of `GROWTH_RATE` apart.
    #[inline(always)]
    unsafe fn transform_output<V: Vector, F: WinogradTransform<M, ALPHA>, const M: usize, const ALPHA: usize>(
        &self,
        sums: *const f32,
        count: usize,
        corner: Corner,
    ) {
        let (rows, columns) = (M.min(self.height - corner.y), M.min(self.width - corner.x));
        let pixel = (corner.image * self.height + corner.y) * self.width + corner.x;
        let reach = ((rows - 1) * self.width + columns - 1) * self.target_stride + GROWTH_RATE;
        let target = self.target.at(pixel * self.target_stride + self.target_channel, reach);
        for channel in self.columns.clone().step_by(V::LANES) {
            let mut lines = [[V::splat(0.0); ALPHA]; M];
            for x in 0..ALPHA {
                let mut column = [V::splat(0.0); ALPHA];
                for y in 0..ALPHA {
                    // SAFETY: by contract.
                    column[y] = unsafe { V::load(sums.add((y * ALPHA + x) * count * GROWTH_RATE + channel)) };
                }
                let column = F::output(column);
                for y in 0..M {
                    lines[y][x] = column[y];
                }
            }
            for y in 0..M {
                let line = F::output(lines[y]);
                for x in 0..M {
                    if y < rows && x < columns {
                        // SAFETY: within the span, as `at` checked.
                        unsafe { line[x].store(target.add((y * self.width + x) * self.target_stride + channel)) };
                    }
                }
            }
        }
    }
}

/// Writes an input tile's transform to row `row` of `rows` of each point: `[point][channel / K_BLOCK][row][K_BLOCK]`.
///
/// # Safety
/// `BOTTLENECK` floats are readable at each address of the patch, and the target has room for all points.
#[inline(always)]
unsafe fn transform_input<V: Vector, F: WinogradTransform<M, ALPHA>, const M: usize, const ALPHA: usize>(
    patch: &[[*const f32; ALPHA]; ALPHA],
    target: *mut f32,
    row: usize,
    rows: usize,
) {
    for channel in (0..BOTTLENECK).step_by(V::LANES) {
        let mut lines = [[V::splat(0.0); ALPHA]; ALPHA];
        for x in 0..ALPHA {
            let mut column = [V::splat(0.0); ALPHA];
            for y in 0..ALPHA {
                // SAFETY: by contract.
                column[y] = unsafe { V::load(patch[y][x].add(channel)) };
            }
            let column = F::input(column);
            for y in 0..ALPHA {
                lines[y][x] = column[y];
            }
        }
        let offset = (channel / K_BLOCK * rows + row) * K_BLOCK + channel % K_BLOCK;
        for y in 0..ALPHA {
            let line = F::input(lines[y]);
            for x in 0..ALPHA {
                // SAFETY: by contract.
                unsafe { line[x].store(target.add((y * ALPHA + x) * (rows * BOTTLENECK + POINT_PADDING) + offset)) };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::memory::Buffer;
    use crate::plan::vector::Instructions;

    fn noise(count: usize, seed: u32) -> Vec<f32> {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 23) as f32 - 1.0
        };
        (0..count).map(|_| next()).collect()
    }

    #[test]
    fn winograd_matches_direct() {
        let (images, height, width, pixel_stride, first) = (2, 7, 9, GROWTH_RATE + 24, 8);
        let input = noise(images * height * width * BOTTLENECK, 1);
        let weight = noise(GROWTH_RATE * BOTTLENECK * 9, 2);
        let direct = |image: usize, y: usize, x: usize, output: usize| -> f64 {
            let mut sum = 0.0;
            for (row, column) in (0..3).flat_map(|row| (0..3).map(move |column| (row, column))) {
                let (y, x) = ((y + row).wrapping_sub(1), (x + column).wrapping_sub(1));
                if y < height && x < width {
                    let pixel = &input[((image * height + y) * width + x) * BOTTLENECK..][..BOTTLENECK];
                    let weights =
                        (0..BOTTLENECK).map(|channel| weight[(output * BOTTLENECK + channel) * 9 + row * 3 + column]);
                    sum += pixel.iter().zip(weights).map(|(one, other)| f64::from(*one * other)).sum::<f64>();
                }
            }
            sum
        };
        for instructions in Instructions::available() {
            for tiling in [Tiling::F2x2, Tiling::F4x4] {
                let mut weights = Buffer::zeroed(tiling.weight_count()).unwrap();
                tiling.pack(instructions, &weight, weights.values_mut());
                let mut source = Buffer::zeroed(input.len()).unwrap();
                source.values_mut().copy_from_slice(&input);
                let mut target = Buffer::zeroed(images * height * width * pixel_stride).unwrap();
                target.values_mut().fill(f32::NAN);
                let mut scratch = vec![f32::NAN; scratch(tiling)];
                let count = images * height.div_ceil(tiling.tile_side()) * width.div_ceil(tiling.tile_side());
                // In parts: the second begins in the middle of a row, the last two compute half of the channels each.
                for (tiles, columns) in
                    [(0..4, 0..GROWTH_RATE), (4..count, 0..MIN_TASK_COLUMNS), (4..count, MIN_TASK_COLUMNS..GROWTH_RATE)]
                {
                    instructions.run(WinogradConv3x3 {
                        tiling,
                        input: Span::of(source.values_mut()),
                        weights: weights.values(),
                        target: Span::of(target.values_mut()),
                        target_stride: pixel_stride,
                        target_channel: first,
                        height,
                        width,
                        tiles,
                        columns,
                        scratch: &mut scratch,
                    });
                }
                for (pixel, values) in target.values().chunks_exact(pixel_stride).enumerate() {
                    let (image, y, x) = (pixel / (height * width), pixel / width % height, pixel % width);
                    for (channel, value) in values.iter().enumerate() {
                        if (first..first + GROWTH_RATE).contains(&channel) {
                            let expected = direct(image, y, x, channel - first);
                            // Sums of 1152 products of numbers up to 1 are about 10.
                            let error = (f64::from(*value) - expected).abs();
                            assert!(error < 1e-4, "{instructions:?} {tiling:?}: {value} {expected}");
                        } else {
                            assert!(value.is_nan());
                        }
                    }
                }
            }
        }
    }
}
