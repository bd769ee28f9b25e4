//! 3x3 convolutions: patches of the input are transformed, multiplied with the transformed filters point by point, and
//! the sums transformed back.

use super::filtering::{Filtering, Four, GROWTH, INNER, Tiling, Two};
use super::memory::Span;
use super::multiply::{DEPTH, MOST_ROWS, Next, Tile, multiply, tiles};
use super::vector::{Kernel, Vector};
use std::ops::Range;

/// Rows of patches' products between two points, padded so that they do not fall on the same sets of the cache.
const POINT_PADDING: usize = DEPTH;
/// Tiles of the register that go through together: the weights of a point are read once for all of them.
const GROUP: usize = 2;

/// Channels of those that it writes of a task that does not write all: a panel, or half of one.
pub const SHARE: usize = GROWTH / 2;

/// What lies outside the image.
#[repr(align(64))]
struct Outside([f32; INNER]);
static OUTSIDE: Outside = Outside([0.0; INNER]);

/// Floats that the kernel needs to work with.
pub fn scratch(tiling: Tiling) -> usize {
    tiling.points() * GROUP * MOST_ROWS * (INNER + POINT_PADDING + GROWTH)
}

/// Computes tiles of a layer's 3x3 convolution.
pub struct Convolution<'a> {
    /// Size of the tiles.
    pub tiling: Tiling,
    /// What it reads: `INNER` channels of each pixel, pixel by pixel.
    pub input: Span<'a>,
    /// The layer's packed weights.
    pub weights: &'a [f32],
    /// What it writes: `GROWTH` channels from `target_channel` on; the pixels lie `target_step` apart.
    pub target: Span<'a>,
    pub target_step: usize,
    pub target_channel: usize,
    /// Of each image.
    pub height: usize,
    pub width: usize,
    /// Which tiles, row by row, counted through all images.
    pub tiles: Range<usize>,
    /// Which of the channels that it writes: one of two `SHARE`s, or all.
    pub columns: Range<usize>,
    /// At least `scratch(tiling)` floats.
    pub scratch: &'a mut [f32],
}

impl Kernel for Convolution<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(mut self) {
        match self.tiling {
            // SAFETY: the contract is passed on.
            Tiling::Two => unsafe { self.compute::<V, Two, 2, 4>() },
            // SAFETY: the contract is passed on.
            Tiling::Four => unsafe { self.compute::<V, Four, 4, 6>() },
        }
    }
}

/// First pixel of a tile.
#[derive(Clone, Copy, Default)]
struct Corner {
    image: usize,
    y: usize,
    x: usize,
}

impl Convolution<'_> {
    /// # Safety
    /// The machine has `V`'s instructions, and no other task writes to what is read or touches what is written.
    #[inline(always)]
    unsafe fn compute<V: Vector, F: Filtering<M, S>, const M: usize, const S: usize>(&mut self) {
        let (across, down) = (self.width.div_ceil(M), self.height.div_ceil(M));
        let corner = |tile: usize| {
            let (row, column) = (tile / across, tile % across);
            Corner { image: row / down, y: row % down * M, x: column * M }
        };
        assert!([0..SHARE, SHARE..GROWTH, 0..GROWTH].contains(&self.columns));
        let (products, sums) = self.scratch.split_at_mut(S * S * GROUP * MOST_ROWS * (INNER + POINT_PADDING));
        assert!(sums.len() >= S * S * GROUP * MOST_ROWS * GROWTH);
        assert!(self.weights.len() >= S * S * INNER * GROWTH);
        let (products, sums) = (products.as_mut_ptr(), sums.as_mut_ptr());
        for (first, count) in tiles(self.tiles.len(), GROUP * V::ROWS) {
            let first = self.tiles.start + first;
            // Each tile of the register has its part of the scratch memory.
            let part = |row: usize| products.wrapping_add(S * S * row * (INNER + POINT_PADDING));
            for (start, rows) in tiles(count, V::ROWS) {
                for row in 0..rows {
                    // SAFETY: the scratch memory holds GROUP tiles of at most V::ROWS rows; for the rest see patch.
                    unsafe {
                        let patch = self.patch::<M, S>(corner(first + start + row));
                        transform_input::<V, F, M, S>(&patch, part(start), row, rows);
                    }
                }
            }
            let width = 2 * V::LANES;
            let parts = count.div_ceil(V::ROWS);
            for point in 0..S * S {
                for (index, (start, rows)) in tiles(count, V::ROWS).enumerate() {
                    for column in self.columns.clone().step_by(width) {
                        let panel = |point: usize| {
                            let first = (point * GROWTH + column / width * width) * INNER;
                            self.weights.as_ptr().wrapping_add(first + column % width)
                        };
                        let mut tile = Tile {
                            rows: part(start).wrapping_add(point * (rows * INNER + POINT_PADDING)),
                            panel: panel(point),
                            depth: INNER / DEPTH,
                            bias: std::ptr::null(),
                            target: sums.wrapping_add((point * count + start) * GROWTH + column),
                            step: GROWTH,
                            next: Next::share(panel(point + 1), width, INNER, index, parts),
                        };
                        // SAFETY: weights and scratch memory are as large as the assertions say.
                        unsafe {
                            if width > SHARE && self.columns.len() == SHARE {
                                tile.next = Next::half(panel(point + 1), width);
                                multiply::<V, false, 1>(rows, tile);
                            } else {
                                multiply::<V, false, 2>(rows, tile);
                            }
                        }
                    }
                }
            }
            for row in 0..count {
                // SAFETY: the sums of all points of this row were just written.
                unsafe { self.transform_output::<V, F, M, S>(sums.add(row * GROWTH), count, corner(first + row)) };
            }
        }
    }

    /// Addresses of the pixels around a tile.
    #[inline(always)]
    fn patch<const M: usize, const S: usize>(&self, corner: Corner) -> [[*const f32; S]; S] {
        let image = self.input.at(corner.image * self.height * self.width * INNER, self.height * self.width * INNER);
        let zeros = OUTSIDE.0.as_ptr();
        let mut patch = [[zeros; S]; S];
        for (row, line) in patch.iter_mut().enumerate() {
            // One less than the corner; rows and columns before the first become huge.
            let y = (corner.y + row).wrapping_sub(1);
            for (column, address) in line.iter_mut().enumerate() {
                let x = (corner.x + column).wrapping_sub(1);
                if y < self.height && x < self.width {
                    *address = image.wrapping_add((y * self.width + x) * INNER);
                }
            }
        }
        patch
    }

    /// # Safety
    /// `sums` points to the first point's sums; `count` rows of `GROWTH` lie between two points.
    #[inline(always)]
    unsafe fn transform_output<V: Vector, F: Filtering<M, S>, const M: usize, const S: usize>(
        &self,
        sums: *const f32,
        count: usize,
        corner: Corner,
    ) {
        let (rows, columns) = (M.min(self.height - corner.y), M.min(self.width - corner.x));
        let pixel = (corner.image * self.height + corner.y) * self.width + corner.x;
        let reach = ((rows - 1) * self.width + columns - 1) * self.target_step + GROWTH;
        let target = self.target.at(pixel * self.target_step + self.target_channel, reach);
        for channel in self.columns.clone().step_by(V::LANES) {
            let mut lines = [[V::splat(0.0); S]; M];
            for x in 0..S {
                let mut column = [V::splat(0.0); S];
                for y in 0..S {
                    // SAFETY: by contract.
                    column[y] = unsafe { V::load(sums.add((y * S + x) * count * GROWTH + channel)) };
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
                        // SAFETY: within the reach asked of the span.
                        unsafe { line[x].store(target.add((y * self.width + x) * self.target_step + channel)) };
                    }
                }
            }
        }
    }
}

/// Writes a patch's transform to row `row` of `rows` of each point: `[point][channel / 16][row][16]`.
///
/// # Safety
/// `INNER` floats are readable at each address of the patch, and the target has room for all points.
#[inline(always)]
unsafe fn transform_input<V: Vector, F: Filtering<M, S>, const M: usize, const S: usize>(
    patch: &[[*const f32; S]; S],
    target: *mut f32,
    row: usize,
    rows: usize,
) {
    for channel in (0..INNER).step_by(V::LANES) {
        let mut lines = [[V::splat(0.0); S]; S];
        for x in 0..S {
            let mut column = [V::splat(0.0); S];
            for y in 0..S {
                // SAFETY: by contract.
                column[y] = unsafe { V::load(patch[y][x].add(channel)) };
            }
            let column = F::input(column);
            for y in 0..S {
                lines[y][x] = column[y];
            }
        }
        let place = (channel / DEPTH * rows + row) * DEPTH + channel % DEPTH;
        for y in 0..S {
            let line = F::input(lines[y]);
            for x in 0..S {
                // SAFETY: by contract.
                unsafe { line[x].store(target.add((y * S + x) * (rows * INNER + POINT_PADDING) + place)) };
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
    fn it_is_the_direct_convolution_and_writes_nothing_else() {
        let (images, height, width, step, first) = (2, 7, 9, GROWTH + 24, 8);
        let input = noise(images * height * width * INNER, 1);
        let weight = noise(GROWTH * INNER * 9, 2);
        let direct = |image: usize, y: usize, x: usize, output: usize| -> f64 {
            let mut sum = 0.0;
            for (row, column) in (0..3).flat_map(|row| (0..3).map(move |column| (row, column))) {
                let (y, x) = ((y + row).wrapping_sub(1), (x + column).wrapping_sub(1));
                if y < height && x < width {
                    let pixel = &input[((image * height + y) * width + x) * INNER..][..INNER];
                    let weights = (0..INNER).map(|channel| weight[(output * INNER + channel) * 9 + row * 3 + column]);
                    sum += pixel.iter().zip(weights).map(|(one, other)| f64::from(*one * other)).sum::<f64>();
                }
            }
            sum
        };
        for instructions in Instructions::available() {
            for tiling in [Tiling::Two, Tiling::Four] {
                let mut weights = Buffer::zeroed(tiling.weight_count()).unwrap();
                tiling.pack(instructions, &weight, weights.values_mut());
                let mut source = Buffer::zeroed(input.len()).unwrap();
                source.values_mut().copy_from_slice(&input);
                let mut target = Buffer::zeroed(images * height * width * step).unwrap();
                target.values_mut().fill(f32::NAN);
                let mut scratch = vec![f32::NAN; scratch(tiling)];
                let count = images * height.div_ceil(tiling.side()) * width.div_ceil(tiling.side());
                // In parts, of which the second begins in the middle of a row and the others make half of the channels.
                for (tiles, columns) in [(0..4, 0..GROWTH), (4..count, 0..SHARE), (4..count, SHARE..GROWTH)] {
                    instructions.run(Convolution {
                        tiling,
                        input: Span::of(source.values_mut()),
                        weights: weights.values(),
                        target: Span::of(target.values_mut()),
                        target_step: step,
                        target_channel: first,
                        height,
                        width,
                        tiles,
                        columns,
                        scratch: &mut scratch,
                    });
                }
                for (pixel, values) in target.values().chunks_exact(step).enumerate() {
                    let (image, y, x) = (pixel / (height * width), pixel / width % height, pixel % width);
                    for (channel, value) in values.iter().enumerate() {
                        if (first..first + GROWTH).contains(&channel) {
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
