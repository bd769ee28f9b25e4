//! Products of matrices in single precision on one thread. The left factor's rows are packed as the product needs them,
//! and may be computed on that way; the right factor is packed in panels, two vectors wide.

use super::multiply::{DEPTH, accumulate_packed, tiles, with_rows};
use super::vector::{Instructions, Kernel, Vector};
use crate::buffer::sized;
use lens_base::Result;
use std::cell::RefCell;

/// Floats of packed rows that are worked on at a time: with a panel they stay in the second-level cache.
const PACKED: usize = 64 * 1024;

/// Columns of a matrix that becomes panels are a multiple of this, the widest panel.
pub const COLUMNS: usize = 32;

/// Where the rows of a matrix come from.
pub trait Rows: Copy {
    /// Length of a row: a multiple of `DEPTH`.
    fn columns(&self) -> usize;

    /// Writes a row, `V::LANES` columns at a time; `place` says where those from a column on go.
    ///
    /// # Safety
    /// The machine has `V`'s instructions, and `V::LANES` floats are writable at every place. Implementations are
    /// `#[inline(always)]`.
    unsafe fn write<V: Vector>(self, row: usize, place: impl Fn(usize) -> *mut f32);
}

/// Rows that lie in memory.
#[derive(Clone, Copy, Debug)]
pub struct Dense<'a> {
    values: &'a [f32],
    columns: usize,
    /// From one row to the next.
    step: usize,
}

impl<'a> Dense<'a> {
    /// With its rows `step` floats apart.
    pub fn new(values: &'a [f32], columns: usize, step: usize) -> Self {
        Dense { values, columns, step }
    }
}

impl Rows for Dense<'_> {
    fn columns(&self) -> usize {
        self.columns
    }

    #[inline(always)]
    unsafe fn write<V: Vector>(self, row: usize, place: impl Fn(usize) -> *mut f32) {
        let row = &self.values[row * self.step..][..self.columns];
        for column in (0..self.columns).step_by(V::LANES) {
            // SAFETY: the columns are a multiple of the lanes, so that these lie in the row; writable by contract.
            unsafe { V::load(row.as_ptr().add(column)).store(place(column)) };
        }
    }
}

/// A right factor, packed: `[panel][row][column]`.
#[derive(Clone, Copy, Debug)]
pub struct Panels<'a> {
    values: &'a [f32],
    rows: usize,
    columns: usize,
    instructions: Instructions,
}

impl<'a> Panels<'a> {
    /// From what `pack` wrote for these instructions.
    pub fn new(instructions: Instructions, values: &'a [f32], (rows, columns): (usize, usize)) -> Self {
        assert!(columns.is_multiple_of(COLUMNS) && values.len() == rows * columns, "panels of {rows} x {columns}");
        Panels { values, rows, columns, instructions }
    }

    /// Packs a matrix; `steps` lead from one row to the next, and from one column to the next.
    pub fn pack(
        instructions: Instructions,
        values: &[f32],
        (rows, columns): (usize, usize),
        (row_step, column_step): (usize, usize),
        target: &mut [f32],
    ) {
        assert!(columns.is_multiple_of(COLUMNS) && target.len() == rows * columns, "panels of {rows} x {columns}");
        let width = 2 * instructions.lanes();
        for (panel, first) in target.chunks_exact_mut((rows * width).max(1)).zip((0..columns).step_by(width)) {
            Self::pack_panel(&values[first * column_step..], width, (row_step, column_step), panel);
        }
    }

    /// Packs so many columns, a panel.
    pub fn pack_panel(values: &[f32], width: usize, (row_step, column_step): (usize, usize), panel: &mut [f32]) {
        if column_step == 1 {
            for (row, target) in panel.chunks_exact_mut(width).enumerate() {
                target.copy_from_slice(&values[row * row_step..][..width]);
            }
            return;
        }
        // A few rows of all columns at a time, which stay in the first-level cache.
        for (part, target) in panel.chunks_mut(DEPTH * width).enumerate() {
            for column in 0..width {
                let from = &values[column * column_step + part * DEPTH * row_step..];
                for (row, target) in target.chunks_exact_mut(width).enumerate() {
                    target[column] = from[row * row_step];
                }
            }
        }
    }

    /// Packs so many rows from their source, `memory` being where they go.
    pub fn of_rows(
        instructions: Instructions,
        source: impl Rows,
        rows: std::ops::Range<usize>,
        memory: &'a mut Vec<f32>,
    ) -> Result<Self> {
        let size = (rows.len(), source.columns());
        let values = sized(memory, size.0 * size.1)?;
        assert!(size.1.is_multiple_of(COLUMNS), "{} columns", size.1);
        instructions.run(PackRows { source, rows, target: &mut *values });
        Ok(Panels::new(instructions, values, size))
    }

    /// Its rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Its columns.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// The instructions it is packed for.
    pub fn instructions(&self) -> Instructions {
        self.instructions
    }

    /// The panel that begins with this column.
    #[inline(always)]
    pub fn panel(&self, column: usize) -> &'a [f32] {
        &self.values[column * self.rows..][..2 * self.instructions.lanes() * self.rows]
    }
}

struct PackRows<'a, R> {
    source: R,
    rows: std::ops::Range<usize>,
    target: &'a mut [f32],
}

impl<R: Rows> Kernel for PackRows<'_, R> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let (width, count) = (2 * V::LANES, self.rows.len());
        assert!(self.source.columns().is_multiple_of(width) && self.target.len() == count * self.source.columns());
        let target = self.target.as_mut_ptr();
        for (index, row) in self.rows.enumerate() {
            let place =
                |column: usize| target.wrapping_add(column / width * (width * count) + index * width + column % width);
            // SAFETY: the instructions by contract; the target holds all rows and columns, and lanes divide a panel.
            unsafe { self.source.write::<V>(row, place) };
        }
    }
}

/// What a product becomes.
#[derive(Debug)]
pub struct Target<'a> {
    /// From the first row on.
    pub values: &'a mut [f32],
    /// From one row to the next.
    pub step: usize,
    /// Whether the product is added to what is there.
    pub accumulate: bool,
}

impl Target<'_> {
    fn check(&self, rows: usize, columns: usize) {
        let needed = if rows == 0 { 0 } else { (rows - 1) * self.step + columns };
        assert!(columns <= self.step && needed <= self.values.len(), "{rows} rows of {columns} as a target");
    }

    /// What a product without depth is.
    fn clear(&mut self, rows: usize, columns: usize) {
        if !self.accumulate {
            self.values.chunks_mut(self.step.max(1)).take(rows).for_each(|row| row[..columns].fill(0.0));
        }
    }
}

/// The first rows of `left` times `right`, which is as deep as they are long.
pub fn multiply(left: impl Rows, rows: usize, right: Panels, mut target: Target) {
    assert_eq!(left.columns(), right.rows);
    assert!(right.rows.is_multiple_of(DEPTH), "{} columns", right.rows);
    target.check(rows, right.columns);
    if rows == 0 || right.rows == 0 {
        return target.clear(rows, right.columns);
    }
    right.instructions.run(Product { left, rows, right, target });
}

/// The transpose of a matrix whose rows lie `step` apart times `right`, which has as many rows; `columns` is how many
/// there are of the former, and the product's rows.
pub fn multiply_transposed(values: &[f32], columns: usize, step: usize, right: Panels, mut target: Target) {
    let needed = if right.rows == 0 { 0 } else { (right.rows - 1) * step + columns };
    assert!(columns <= step && needed <= values.len(), "{} rows of {columns}", right.rows);
    target.check(columns, right.columns);
    if columns == 0 || right.rows == 0 {
        return target.clear(columns, right.columns);
    }
    right.instructions.run(TransposedProduct { values, columns, step, right, target });
}

thread_local! {
    /// Packed rows.
    static ROWS: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
}

struct Product<'a, R> {
    left: R,
    rows: usize,
    right: Panels<'a>,
    target: Target<'a>,
}

impl<R: Rows> Kernel for Product<'_, R> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let (width, depth) = (2 * V::LANES, self.right.rows);
        // Taken, not borrowed within a closure, which would be compiled without the instructions.
        let mut memory = ROWS.take();
        memory.resize(memory.len().max(PACKED).max(V::ROWS * depth), 0.0);
        let packed = memory.as_mut_ptr();
        let most = memory.len() / depth / V::ROWS * V::ROWS;
        for (first, count) in tiles(self.rows, most) {
            for (start, rows) in tiles(count, V::ROWS) {
                let target = packed.wrapping_add(start * depth);
                for row in 0..rows {
                    let place =
                        |column: usize| target.wrapping_add((column / DEPTH * rows + row) * DEPTH + column % DEPTH);
                    // SAFETY: the instructions by contract; the memory holds `most` rows, and lanes divide the depth.
                    unsafe { self.left.write::<V>(first + start + row, place) };
                }
            }
            for column in (0..self.right.columns).step_by(width) {
                let panel = self.right.panel(column).as_ptr();
                for (start, rows) in tiles(count, V::ROWS) {
                    let target = &mut self.target.values[(first + start) * self.target.step + column..];
                    let tile = Tile {
                        left: packed.wrapping_add(start * depth),
                        left_step: DEPTH,
                        panel,
                        depth,
                        target: target.as_mut_ptr(),
                        step: self.target.step,
                        accumulate: self.target.accumulate,
                    };
                    // SAFETY: the rows were just packed, the panel is a slice, and the target was checked.
                    unsafe { with_rows!(rows, compute, (V, false), (tile)) };
                }
            }
        }
        ROWS.set(memory);
    }
}

struct TransposedProduct<'a> {
    values: &'a [f32],
    columns: usize,
    step: usize,
    right: Panels<'a>,
    target: Target<'a>,
}

impl Kernel for TransposedProduct<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        for column in (0..self.right.columns).step_by(2 * V::LANES) {
            for (start, rows) in tiles(self.columns, V::ROWS) {
                let target = &mut self.target.values[start * self.target.step + column..];
                let tile = Tile {
                    left: self.values[start..].as_ptr(),
                    left_step: self.step,
                    panel: self.right.panel(column).as_ptr(),
                    depth: self.right.rows,
                    target: target.as_mut_ptr(),
                    step: self.target.step,
                    accumulate: self.target.accumulate,
                };
                // SAFETY: left factor and target were checked, and the panel is a slice.
                unsafe { with_rows!(rows, compute, (V, true), (tile)) };
            }
        }
    }
}

/// What one tile reads and writes.
#[derive(Clone, Copy)]
struct Tile {
    /// Packed rows, or the first row's value of the first column.
    left: *const f32,
    /// From one column to the next, where rows lie together.
    left_step: usize,
    panel: *const f32,
    depth: usize,
    target: *mut f32,
    step: usize,
    accumulate: bool,
}

/// # Safety
/// The machine has `V`'s instructions, `ROWS` is at most `V::ROWS`, and the tile's pointers reach what it says.
#[inline(always)]
unsafe fn compute<V: Vector, const TRANSPOSED: bool, const ROWS: usize>(tile: Tile) {
    if ROWS > V::ROWS {
        unreachable!("a tile of {ROWS} rows");
    }
    let mut sums = [[V::splat(0.0); 2]; ROWS];
    // SAFETY: within what the tile says, by contract.
    unsafe {
        if tile.accumulate {
            for row in 0..ROWS {
                for half in 0..2 {
                    sums[row][half] = V::load(tile.target.add(row * tile.step + half * V::LANES));
                }
            }
        }
        if TRANSPOSED {
            let (mut left, mut panel) = (tile.left, tile.panel);
            for _ in 0..tile.depth {
                let (first, second) = (V::load(panel), V::load(panel.add(V::LANES)));
                for row in 0..ROWS {
                    let value = V::splat(*left.add(row));
                    sums[row][0] = value.times_plus(first, sums[row][0]);
                    sums[row][1] = value.times_plus(second, sums[row][1]);
                }
                left = left.wrapping_add(tile.left_step);
                panel = panel.wrapping_add(2 * V::LANES);
            }
        } else {
            accumulate_packed::<V, (), ROWS, 2>(&mut sums, tile.left, tile.panel, tile.depth / DEPTH, ());
        }
        for row in 0..ROWS {
            for half in 0..2 {
                sums[row][half].store(tile.target.add(row * tile.step + half * V::LANES));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(count: usize, seed: u32) -> Vec<f32> {
        let mut state = seed;
        (0..count)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 8) as f32 / (1 << 23) as f32 - 1.0
            })
            .collect()
    }

    /// A product of every form, with rows further apart than they are long, for all instructions of the machine.
    #[test]
    fn products_of_any_form_are_the_sums_of_their_terms() {
        for instructions in Instructions::available() {
            for (rows, depth, columns) in
                [(1, 16, 32), (5, 16, 64), (14, 48, 32), (15, 64, 96), (128, 256, 32), (200, 640, 64)]
            {
                let (left_step, right_step, step) = (depth.max(rows) + 3, columns + 5, columns + 2);
                let (left, right) = (noise(left_step * depth.max(rows), 1), noise(right_step * depth, 2));
                let value = |row: usize, column: usize| right[row * right_step + column];
                let transpose: Vec<f32> =
                    (0..columns * depth).map(|place| value(place % depth, place / depth)).collect();
                let (size, mut packed, mut memory) = ((depth, columns), vec![f32::NAN; depth * columns], Vec::new());
                for (values, steps) in [(&right, (right_step, 1)), (&transpose, (1, depth))] {
                    Panels::pack(instructions, values, size, steps, &mut packed);
                    let panels = Panels::new(instructions, &packed, size);
                    for (is_transposed, accumulate) in [(false, false), (true, false), (false, true), (true, true)] {
                        let mut found = noise(rows * step, 3);
                        let before = found.clone();
                        let target = Target { values: &mut found, step, accumulate };
                        if is_transposed {
                            multiply_transposed(&left, rows, left_step, panels, target);
                        } else {
                            multiply(Dense::new(&left, depth, left_step), rows, panels, target);
                        }
                        for (place, (found, before)) in found.iter().zip(&before).enumerate() {
                            let (row, column) = (place / step, place % step);
                            if column >= columns {
                                assert_eq!(found, before);
                                continue;
                            }
                            let at = |k: usize| if is_transposed { k * left_step + row } else { row * left_step + k };
                            let terms = (0..depth).map(|k| f64::from(left[at(k)]) * f64::from(value(k, column)));
                            let expected = terms.sum::<f64>() + if accumulate { f64::from(*before) } else { 0.0 };
                            let error = (f64::from(*found) - expected).abs();
                            assert!(error < 1e-5 * (depth as f64).sqrt(), "{instructions:?} {rows} {depth}: {error}");
                        }
                    }
                }
                let dense = Dense::new(&right[right_step..], columns, right_step);
                let panels = Panels::of_rows(instructions, dense, 2..depth - 1, &mut memory).unwrap();
                let mut expected = vec![f32::NAN; panels.rows() * columns];
                Panels::pack(
                    instructions,
                    &right[3 * right_step..],
                    (panels.rows(), columns),
                    (right_step, 1),
                    &mut expected,
                );
                assert_eq!(panels.values, expected);
            }
        }
    }

    #[test]
    fn a_product_without_depth_is_zero() {
        let right = Panels::new(Instructions::best(), &[], (0, 32));
        let mut values = vec![1.0; 3 * 32];
        multiply_transposed(&[], 3, 3, right, Target { values: &mut values, step: 32, accumulate: true });
        assert!(values.iter().all(|value| *value == 1.0));
        multiply(Dense::new(&[], 0, 0), 3, right, Target { values: &mut values, step: 32, accumulate: false });
        assert!(values.iter().all(|value| *value == 0.0));
    }
}
