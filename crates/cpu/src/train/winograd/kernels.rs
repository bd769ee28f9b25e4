//! Winograd's matrix products, and the transforms that inference does not need.

use super::{OutputTile, POINTS, WinogradFilters};
use crate::kernels::micro_kernel::{accumulate, dispatch_rows, tiles};
use crate::kernels::vector::{Kernel, Vector};
use crate::plan::winograd_transform::{F2x2, WinogradTransform};

/// The transpose of `F2x2::output`.
#[inline(always)]
fn output_gradient_transform<V: Vector>(line: [V; 2]) -> [V; 4] {
    let [a, b] = line;
    [a, a.add(b), a.sub(b), V::splat(0.0).sub(b)]
}

/// The filter transform G, of three weights.
#[inline(always)]
fn filter_transform<V: Vector>(line: [V; 3]) -> [V; 4] {
    let ([a, b, c], half) = (line, V::splat(0.5));
    let outer = a.add(c);
    [a, outer.add(b).mul(half), outer.sub(b).mul(half), c]
}

/// The transpose of `filter_transform`.
#[inline(always)]
fn filter_gradient_transform<V: Vector>(line: [V; 4]) -> [V; 3] {
    let ([a, b, c, d], half) = (line, V::splat(0.5));
    let sum = b.add(c).mul(half);
    [a.add(sum), b.sub(c).mul(half), sum.add(d)]
}

/// Applies a 1D transform to the rows of a small matrix, and then to the columns of the result. A macro, since a
/// function passed as an argument might be compiled without the target features.
macro_rules! transform_2d {
    ($function:path, $values:expr, $from:literal, $to:literal) => {{
        let mut rows = [[V::splat(0.0); $to]; $from];
        for row in 0..$from {
            rows[row] = $function($values[row]);
        }
        let mut result = [[V::splat(0.0); $to]; $to];
        for column in 0..$to {
            let mut line = [V::splat(0.0); $from];
            for row in 0..$from {
                line[row] = rows[row][column];
            }
            let line = $function(line);
            for row in 0..$to {
                result[row][column] = line[row];
            }
        }
        result
    }};
}

/// A square of vectors, whose rows and columns are `row` and `column` floats apart.
///
/// # Safety
/// The machine has `V`'s instructions, and all of the square is readable.
#[inline(always)]
unsafe fn load<V: Vector, const SIDE: usize>(from: *const f32, (row, column): (usize, usize)) -> [[V; SIDE]; SIDE] {
    let mut values = [[V::splat(0.0); SIDE]; SIDE];
    for y in 0..SIDE {
        for x in 0..SIDE {
            // SAFETY: by contract.
            values[y][x] = unsafe { V::load(from.add(y * row + x * column)) };
        }
    }
    values
}

/// Stores such a square.
///
/// # Safety
/// The machine has `V`'s instructions, and all of the square is writable.
#[inline(always)]
unsafe fn store<V: Vector, const SIDE: usize>(values: [[V; SIDE]; SIDE], to: *mut f32, (row, column): (usize, usize)) {
    for y in 0..SIDE {
        for x in 0..SIDE {
            // SAFETY: by contract.
            unsafe { values[y][x].store(to.add(y * row + x * column)) };
        }
    }
}

/// Transforms input tiles: `[point][tile][channel]`.
pub struct InputTransform<'a> {
    pub tiles: &'a [OutputTile],
    pub padded: &'a [f32],
    pub line: usize,
    pub channels: usize,
    pub target: &'a mut [f32],
}

impl Kernel for InputTransform<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let (channels, point_stride) = (self.channels, self.tiles.len() * self.channels);
        for (index, tile) in self.tiles.iter().enumerate() {
            let patch = self.padded[tile.patch * channels..][..(3 * self.line + 4) * channels].as_ptr();
            let target = self.target[index * channels..][..(POINTS - 1) * point_stride + channels].as_mut_ptr();
            for channel in (0..channels).step_by(V::LANES) {
                // SAFETY: within the slices, channels being a multiple of the lanes.
                unsafe {
                    let values: [_; 4] = load(patch.add(channel), (self.line * channels, channels));
                    store::<V, 4>(
                        transform_2d!(F2x2::input, values, 4, 4),
                        target.add(channel),
                        (4 * point_stride, point_stride),
                    );
                }
            }
        }
    }
}

/// Transforms tiles of the output's gradient, which are the middle 2x2 pixels of input tiles: `[point][tile][channel]`.
pub struct OutputGradientTransform<'a> {
    pub tiles: &'a [OutputTile],
    pub padded: &'a [f32],
    pub line: usize,
    pub channels: usize,
    pub target: &'a mut [f32],
}

impl Kernel for OutputGradientTransform<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let (channels, point_stride) = (self.channels, self.tiles.len() * self.channels);
        for (index, tile) in self.tiles.iter().enumerate() {
            let first = (tile.patch + self.line + 1) * channels;
            let patch = self.padded[first..][..(self.line + 2) * channels].as_ptr();
            let target = self.target[index * channels..][..(POINTS - 1) * point_stride + channels].as_mut_ptr();
            for channel in (0..channels).step_by(V::LANES) {
                // SAFETY: within the slices, channels being a multiple of the lanes.
                unsafe {
                    let values: [_; 2] = load(patch.add(channel), (self.line * channels, channels));
                    store::<V, 4>(
                        transform_2d!(output_gradient_transform, values, 2, 4),
                        target.add(channel),
                        (4 * point_stride, point_stride),
                    );
                }
            }
        }
    }
}

/// One matrix product for each point, of transformed tiles and filters: `[point][tile][output]`.
pub struct PointGemms<'a, const INPUTS: usize> {
    pub values: &'a [f32],
    pub count: usize,
    pub weights: WinogradFilters<'a>,
    pub target: &'a mut [f32],
}

impl<const INPUTS: usize> Kernel for PointGemms<'_, INPUTS> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let (width, outputs, count) = (V::NR, self.weights.outputs, self.count);
        let panels = &self.weights.values[..POINTS * INPUTS * outputs];
        for point in 0..POINTS {
            let values = &self.values[point * count * INPUTS..][..count * INPUTS];
            let target = &mut self.target[point * count * outputs..][..count * outputs];
            for (panel, column) in (0..outputs).step_by(width).enumerate() {
                let panel = panels[(panel * POINTS + point) * INPUTS * width..][..INPUTS * width].as_ptr();
                for (first, rows) in tiles(count, V::MR) {
                    let values = values[first * INPUTS..].as_ptr();
                    let target = target[first * outputs + column..].as_mut_ptr();
                    // SAFETY: the instructions by contract; `rows` rows of inputs and outputs lie from there on, and the
                    // panel is as deep as the inputs.
                    unsafe { dispatch_rows!(rows, multiply_tiles, (V, INPUTS), (values, panel, target, outputs)) };
                }
            }
        }
    }
}

/// # Safety
/// The machine has `V`'s instructions, `ROWS` is at most `V::MR`, there are `ROWS` rows of `INPUTS` values, the target
/// has as many rows of `V::NR` columns, `ldc` floats apart, and the panel is `INPUTS` deep.
#[inline(always)]
unsafe fn multiply_tiles<V: Vector, const INPUTS: usize, const ROWS: usize>(
    values: *const f32,
    panel: *const f32,
    target: *mut f32,
    ldc: usize,
) {
    if ROWS > V::MR {
        unreachable!("{ROWS} rows");
    }
    let mut sums = [[V::splat(0.0); 2]; ROWS];
    // SAFETY: by contract.
    unsafe { accumulate::<V, (), INPUTS, ROWS, 2>(&mut sums, values, panel, INPUTS, ()) };
    for row in 0..ROWS {
        for vector in 0..2 {
            // SAFETY: by contract.
            unsafe { sums[row][vector].store(target.add(row * ldc + vector * V::LANES)) };
        }
    }
}

/// Transforms the products to output pixels.
pub struct OutputTransform<'a> {
    pub tiles: &'a [OutputTile],
    pub products: &'a [f32],
    /// Pixels of an output line.
    pub line: usize,
    pub channels: usize,
    pub target: &'a mut [f32],
    pub pixel_stride: usize,
}

impl Kernel for OutputTransform<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let (channels, point_stride) = (self.channels, self.tiles.len() * self.channels);
        for (index, tile) in self.tiles.iter().enumerate() {
            let products = self.products[index * channels..][..(POINTS - 1) * point_stride + channels].as_ptr();
            let last = (tile.height - 1) * self.line + tile.width - 1;
            let target =
                self.target[tile.pixel * self.pixel_stride..][..last * self.pixel_stride + channels].as_mut_ptr();
            for channel in (0..channels).step_by(V::LANES) {
                // SAFETY: within the slice, channels being a multiple of the lanes.
                let values: [[V; 4]; 4] = unsafe { load(products.add(channel), (4 * point_stride, point_stride)) };
                let values = transform_2d!(F2x2::output, values, 4, 2);
                for row in 0..tile.height.min(2) {
                    for column in 0..tile.width.min(2) {
                        let pixel = row * self.line + column;
                        // SAFETY: a pixel of the slice, up to its last.
                        unsafe { values[row][column].store(target.add(pixel * self.pixel_stride + channel)) };
                    }
                }
            }
        }
    }
}

/// Adds, for each point, the product of the transposed transformed tiles and their transformed gradients.
pub struct FilterGradientGemms<'a> {
    pub values: &'a [f32],
    pub gradient: &'a [f32],
    pub count: usize,
    pub inputs: usize,
    pub outputs: usize,
    pub target: &'a mut [f32],
}

impl Kernel for FilterGradientGemms<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let (inputs, outputs, count) = (self.inputs, self.outputs, self.count);
        for point in 0..POINTS {
            let values = &self.values[point * count * inputs..][..count * inputs];
            let gradient = &self.gradient[point * count * outputs..][..count * outputs];
            let target = &mut self.target[point * inputs * outputs..][..inputs * outputs];
            for (first, rows) in tiles(inputs, V::MR) {
                for column in (0..outputs).step_by(V::NR) {
                    let operands = GemmOperands {
                        values: values[first..].as_ptr(),
                        gradient: gradient[column..].as_ptr(),
                        count,
                        inputs,
                        outputs,
                    };
                    let target = target[first * outputs + column..].as_mut_ptr();
                    // SAFETY: the instructions by contract; all rows of the three slices have these columns.
                    unsafe { dispatch_rows!(rows, filter_gradient_tile, (V), (operands, target)) };
                }
            }
        }
    }
}

/// Some columns of transformed tiles and of gradients, which have a row for each tile.
#[derive(Clone, Copy)]
struct GemmOperands {
    values: *const f32,
    gradient: *const f32,
    /// Tiles.
    count: usize,
    /// Floats from one row of the tiles to the next.
    inputs: usize,
    /// Floats from one row of the gradients, and of the target, to the next.
    outputs: usize,
}

/// # Safety
/// The machine has `V`'s instructions, `ROWS` is at most `V::MR`, the tiles have `ROWS` columns, and the gradients and
/// the target have `V::NR`.
#[inline(always)]
unsafe fn filter_gradient_tile<V: Vector, const ROWS: usize>(operands: GemmOperands, target: *mut f32) {
    if ROWS > V::MR {
        unreachable!("{ROWS} rows");
    }
    let GemmOperands { mut values, mut gradient, count, inputs, outputs } = operands;
    let mut sums = [[V::splat(0.0); 2]; ROWS];
    for row in 0..ROWS {
        for vector in 0..2 {
            // SAFETY: by contract.
            sums[row][vector] = unsafe { V::load(target.add(row * outputs + vector * V::LANES)) };
        }
    }
    for _ in 0..count {
        // SAFETY: a row of each factor, by contract.
        unsafe {
            let (first, second) = (V::load(gradient), V::load(gradient.add(V::LANES)));
            for row in 0..ROWS {
                let value = V::splat(*values.add(row));
                sums[row][0] = value.mul_add(first, sums[row][0]);
                sums[row][1] = value.mul_add(second, sums[row][1]);
            }
        }
        values = values.wrapping_add(inputs);
        gradient = gradient.wrapping_add(outputs);
    }
    for row in 0..ROWS {
        for vector in 0..2 {
            // SAFETY: by contract.
            unsafe { sums[row][vector].store(target.add(row * outputs + vector * V::LANES)) };
        }
    }
}

/// Transforms filters in place.
pub struct FilterTransform<'a> {
    pub panels: &'a mut [f32],
    pub count: usize,
}

impl Kernel for FilterTransform<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        for panel in self.panels.chunks_exact_mut(POINTS * self.count) {
            let panel = panel.as_mut_ptr();
            for at in (0..self.count).step_by(V::LANES) {
                // SAFETY: a panel has POINTS times the count, which is a multiple of the lanes.
                unsafe {
                    let values: [_; 3] = load(panel.add(at), (3 * self.count, self.count));
                    store::<V, 4>(
                        transform_2d!(filter_transform, values, 3, 4),
                        panel.add(at),
                        (4 * self.count, self.count),
                    );
                }
            }
        }
    }
}

/// From gradients of transformed filters to gradients of filters, in place.
pub struct FilterGradientTransform<'a> {
    pub values: &'a mut [f32],
    pub count: usize,
}

impl Kernel for FilterGradientTransform<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let values = self.values[..POINTS * self.count].as_mut_ptr();
        for at in (0..self.count).step_by(V::LANES) {
            // SAFETY: within the slice, the count being a multiple of the lanes.
            unsafe {
                let points: [_; 4] = load(values.add(at), (4 * self.count, self.count));
                let taps = transform_2d!(filter_gradient_transform, points, 4, 3);
                store::<V, 3>(taps, values.add(at), (3 * self.count, self.count));
            }
        }
    }
}
