//! The products of Winograd's algorithm, and those of its transforms that inference does not have.

use super::{Filters, POINTS, Tile};
use crate::kernels::multiply::{accumulate, tiles, with_rows};
use crate::kernels::vector::{Kernel, Vector};
use crate::plan::filtering::{Filtering, Two};

/// The transpose of `Two::output`.
#[inline(always)]
fn gradient_line<V: Vector>(line: [V; 2]) -> [V; 4] {
    let [a, b] = line;
    [a, a.plus(b), a.minus(b), V::splat(0.0).minus(b)]
}

/// From three weights to what patches are multiplied by.
#[inline(always)]
fn filter_line<V: Vector>(line: [V; 3]) -> [V; 4] {
    let ([a, b, c], half) = (line, V::splat(0.5));
    let outer = a.plus(c);
    [a, outer.plus(b).times(half), outer.minus(b).times(half), c]
}

/// The transpose of `filter_line`.
#[inline(always)]
fn filter_gradient_line<V: Vector>(line: [V; 4]) -> [V; 3] {
    let ([a, b, c, d], half) = (line, V::splat(0.5));
    let sum = b.plus(c).times(half);
    [a.plus(sum), b.minus(c).times(half), sum.plus(d)]
}

/// Applies a function of lines to the rows of a small matrix, and then to the columns of what that made. A function that
/// is passed to another one might be compiled without the instructions.
macro_rules! both_ways {
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

/// A square of vectors, whose rows and columns lie so many floats apart.
///
/// # Safety
/// The machine has `V`'s instructions, and all of the square can be read.
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

/// The other way.
///
/// # Safety
/// The machine has `V`'s instructions, and all of the square can be written.
#[inline(always)]
unsafe fn store<V: Vector, const SIDE: usize>(values: [[V; SIDE]; SIDE], to: *mut f32, (row, column): (usize, usize)) {
    for y in 0..SIDE {
        for x in 0..SIDE {
            // SAFETY: by contract.
            unsafe { values[y][x].store(to.add(y * row + x * column)) };
        }
    }
}

/// Transforms patches: `[point][tile][channel]`.
pub struct Patches<'a> {
    pub tiles: &'a [Tile],
    pub padded: &'a [f32],
    pub line: usize,
    pub channels: usize,
    pub target: &'a mut [f32],
}

impl Kernel for Patches<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let (channels, step) = (self.channels, self.tiles.len() * self.channels);
        for (index, tile) in self.tiles.iter().enumerate() {
            let patch = self.padded[tile.patch * channels..][..(3 * self.line + 4) * channels].as_ptr();
            let target = self.target[index * channels..][..(POINTS - 1) * step + channels].as_mut_ptr();
            for channel in (0..channels).step_by(V::LANES) {
                // SAFETY: within the slices, channels being a multiple of the lanes.
                unsafe {
                    let values: [_; 4] = load(patch.add(channel), (self.line * channels, channels));
                    store::<V, 4>(both_ways!(Two::input, values, 4, 4), target.add(channel), (4 * step, step));
                }
            }
        }
    }
}

/// Transforms output gradients, the middle of what patches are: `[point][tile][channel]`.
pub struct Gradients<'a> {
    pub tiles: &'a [Tile],
    pub padded: &'a [f32],
    pub line: usize,
    pub channels: usize,
    pub target: &'a mut [f32],
}

impl Kernel for Gradients<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let (channels, step) = (self.channels, self.tiles.len() * self.channels);
        for (index, tile) in self.tiles.iter().enumerate() {
            let first = (tile.patch + self.line + 1) * channels;
            let patch = self.padded[first..][..(self.line + 2) * channels].as_ptr();
            let target = self.target[index * channels..][..(POINTS - 1) * step + channels].as_mut_ptr();
            for channel in (0..channels).step_by(V::LANES) {
                // SAFETY: within the slices, channels being a multiple of the lanes.
                unsafe {
                    let values: [_; 2] = load(patch.add(channel), (self.line * channels, channels));
                    store::<V, 4>(both_ways!(gradient_line, values, 2, 4), target.add(channel), (4 * step, step));
                }
            }
        }
    }
}

/// Multiplies transformed patches by filters, point by point: `[point][tile][output]`.
pub struct Products<'a, const INPUTS: usize> {
    pub values: &'a [f32],
    pub count: usize,
    pub weights: Filters<'a>,
    pub target: &'a mut [f32],
}

impl<const INPUTS: usize> Kernel for Products<'_, INPUTS> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let (width, outputs, count) = (2 * V::LANES, self.weights.outputs, self.count);
        let panels = &self.weights.values[..POINTS * INPUTS * outputs];
        for point in 0..POINTS {
            let values = &self.values[point * count * INPUTS..][..count * INPUTS];
            let target = &mut self.target[point * count * outputs..][..count * outputs];
            for (panel, column) in (0..outputs).step_by(width).enumerate() {
                let panel = panels[(panel * POINTS + point) * INPUTS * width..][..INPUTS * width].as_ptr();
                for (first, rows) in tiles(count, V::ROWS) {
                    let values = values[first * INPUTS..].as_ptr();
                    let target = target[first * outputs + column..].as_mut_ptr();
                    // SAFETY: the instructions by contract; `rows` rows of inputs and outputs lie from there on, and the
                    // panel is as deep as the inputs.
                    unsafe { with_rows!(rows, multiply_tiles, (V, INPUTS), (values, panel, target, outputs)) };
                }
            }
        }
    }
}

/// # Safety
/// The machine has `V`'s instructions, `ROWS` is at most `V::ROWS`, there are `ROWS` rows of `INPUTS` values, as many rows of a
/// panel's columns `step` apart in the target, and the panel is `INPUTS` deep.
#[inline(always)]
unsafe fn multiply_tiles<V: Vector, const INPUTS: usize, const ROWS: usize>(
    values: *const f32,
    panel: *const f32,
    target: *mut f32,
    step: usize,
) {
    if ROWS > V::ROWS {
        unreachable!("{ROWS} rows");
    }
    let mut sums = [[V::splat(0.0); 2]; ROWS];
    // SAFETY: by contract.
    unsafe { accumulate::<V, (), INPUTS, ROWS, 2>(&mut sums, values, panel, INPUTS, ()) };
    for row in 0..ROWS {
        for half in 0..2 {
            // SAFETY: by contract.
            unsafe { sums[row][half].store(target.add(row * step + half * V::LANES)) };
        }
    }
}

/// Makes pixels from products.
pub struct Outputs<'a> {
    pub tiles: &'a [Tile],
    pub products: &'a [f32],
    /// Pixels of a line of the output.
    pub line: usize,
    pub channels: usize,
    pub target: &'a mut [f32],
    pub step: usize,
}

impl Kernel for Outputs<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let (channels, step) = (self.channels, self.tiles.len() * self.channels);
        for (index, tile) in self.tiles.iter().enumerate() {
            let products = self.products[index * channels..][..(POINTS - 1) * step + channels].as_ptr();
            let last = (tile.height - 1) * self.line + tile.width - 1;
            let target = self.target[tile.pixel * self.step..][..last * self.step + channels].as_mut_ptr();
            for channel in (0..channels).step_by(V::LANES) {
                // SAFETY: within the slice, channels being a multiple of the lanes.
                let values: [[V; 4]; 4] = unsafe { load(products.add(channel), (4 * step, step)) };
                let values = both_ways!(Two::output, values, 4, 2);
                for row in 0..tile.height.min(2) {
                    for column in 0..tile.width.min(2) {
                        let pixel = row * self.line + column;
                        // SAFETY: a pixel of the slice, up to its last.
                        unsafe { values[row][column].store(target.add(pixel * self.step + channel)) };
                    }
                }
            }
        }
    }
}

/// Adds the products of transformed patches and gradients, point by point, over the tiles.
pub struct Correlation<'a> {
    pub values: &'a [f32],
    pub gradient: &'a [f32],
    pub count: usize,
    pub inputs: usize,
    pub outputs: usize,
    pub target: &'a mut [f32],
}

impl Kernel for Correlation<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let (inputs, outputs, count) = (self.inputs, self.outputs, self.count);
        for point in 0..POINTS {
            let values = &self.values[point * count * inputs..][..count * inputs];
            let gradient = &self.gradient[point * count * outputs..][..count * outputs];
            let target = &mut self.target[point * inputs * outputs..][..inputs * outputs];
            for (first, rows) in tiles(inputs, V::ROWS) {
                for column in (0..outputs).step_by(2 * V::LANES) {
                    let factors = Factors {
                        values: values[first..].as_ptr(),
                        gradient: gradient[column..].as_ptr(),
                        count,
                        inputs,
                        outputs,
                    };
                    let target = target[first * outputs + column..].as_mut_ptr();
                    // SAFETY: the instructions by contract; all rows of the three slices have these columns.
                    unsafe { with_rows!(rows, correlate_tile, (V), (factors, target)) };
                }
            }
        }
    }
}

/// Some columns of transformed patches and of gradients, which have a row for each tile.
#[derive(Clone, Copy)]
struct Factors {
    values: *const f32,
    gradient: *const f32,
    /// Rows.
    count: usize,
    /// From one row of the patches to the next.
    inputs: usize,
    /// From one row of the gradients to the next, and of the target.
    outputs: usize,
}

/// # Safety
/// The machine has `V`'s instructions, `ROWS` is at most `V::ROWS`, the factors' rows have `ROWS` and two vectors of columns,
/// and so has the target.
#[inline(always)]
unsafe fn correlate_tile<V: Vector, const ROWS: usize>(factors: Factors, target: *mut f32) {
    if ROWS > V::ROWS {
        unreachable!("{ROWS} rows");
    }
    let Factors { mut values, mut gradient, count, inputs, outputs } = factors;
    let mut sums = [[V::splat(0.0); 2]; ROWS];
    for row in 0..ROWS {
        for half in 0..2 {
            // SAFETY: by contract.
            sums[row][half] = unsafe { V::load(target.add(row * outputs + half * V::LANES)) };
        }
    }
    for _ in 0..count {
        // SAFETY: a row of each factor, by contract.
        unsafe {
            let (first, second) = (V::load(gradient), V::load(gradient.add(V::LANES)));
            for row in 0..ROWS {
                let value = V::splat(*values.add(row));
                sums[row][0] = value.times_plus(first, sums[row][0]);
                sums[row][1] = value.times_plus(second, sums[row][1]);
            }
        }
        values = values.wrapping_add(inputs);
        gradient = gradient.wrapping_add(outputs);
    }
    for row in 0..ROWS {
        for half in 0..2 {
            // SAFETY: by contract.
            unsafe { sums[row][half].store(target.add(row * outputs + half * V::LANES)) };
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
                    store::<V, 4>(both_ways!(filter_line, values, 3, 4), panel.add(at), (4 * self.count, self.count));
                }
            }
        }
    }
}

/// Makes gradients of filters from those of transformed ones, in place.
pub struct FilterGradient<'a> {
    pub values: &'a mut [f32],
    pub count: usize,
}

impl Kernel for FilterGradient<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let values = self.values[..POINTS * self.count].as_mut_ptr();
        for at in (0..self.count).step_by(V::LANES) {
            // SAFETY: within the slice, the count being a multiple of the lanes.
            unsafe {
                let points: [_; 4] = load(values.add(at), (4 * self.count, self.count));
                let places = both_ways!(filter_gradient_line, points, 4, 3);
                store::<V, 3>(places, values.add(at), (3 * self.count, self.count));
            }
        }
    }
}
