//! Products of matrices in single precision on one thread, for processors on which libtorch's do without the widest
//! instructions: the Intel MKL in it takes AVX2 on processors of other makers.

use super::multiply::{DEPTH, accumulate_packed, tiles, with_rows};
use super::vector::{Instructions, Kernel, Vector};
use crate::error::Result;
use crate::runtime::buffer::sized;
use once_cell::sync::Lazy;
use std::cell::RefCell;

/// Floats of packed rows that are worked on at a time: with a panel they stay in the second-level cache.
const PACKED: usize = 64 * 1024;

/// The instructions of the products, where they are the library's own.
static INSTRUCTIONS: Lazy<Option<Instructions>> = Lazy::new(|| {
    let best = Instructions::available().pop()?;
    is_faster(&maker(), best.lanes()).then_some(best)
});

/// Whether the library's products are faster than libtorch's on processors of a maker, whose widest vectors hold so many
/// floats. On an AMD EPYC (Zen 5) they took half the time; for Intel's the MKL has kernels with AVX-512.
fn is_faster(maker: &str, lanes: usize) -> bool {
    maker != "GenuineIntel" && lanes >= 16
}

/// As the processor calls it; empty elsewhere than on x86.
fn maker() -> String {
    #[cfg(target_arch = "x86_64")]
    {
        let answer = std::arch::x86_64::__cpuid(0);
        let bytes: Vec<u8> = [answer.ebx, answer.edx, answer.ecx].iter().flat_map(|part| part.to_le_bytes()).collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }
    #[cfg(not(target_arch = "x86_64"))]
    String::new()
}

/// Whether products with a right factor of so many columns are computed here.
pub fn suits(columns: usize) -> bool {
    INSTRUCTIONS.is_some_and(|instructions| columns.is_multiple_of(2 * instructions.lanes()))
}

/// A right factor, packed: `[panel][depth][column]`, its depth filled up with zeros to a multiple of `DEPTH`.
#[derive(Debug)]
pub struct Panels<'a> {
    values: &'a [f32],
    depth: usize,
    columns: usize,
    instructions: Instructions,
}

impl<'a> Panels<'a> {
    /// A matrix of so many rows and columns, where `suits` says so; `steps` lead from one row to the next, and from one
    /// column to the next.
    pub fn pack(values: &[f32], size: (usize, usize), steps: (usize, usize), memory: &'a mut Vec<f32>) -> Result<Self> {
        Self::pack_for(INSTRUCTIONS.expect("asked for where it suits"), values, size, steps, memory)
    }

    fn pack_for(
        instructions: Instructions,
        values: &[f32],
        (rows, columns): (usize, usize),
        (row_step, column_step): (usize, usize),
        memory: &'a mut Vec<f32>,
    ) -> Result<Self> {
        let (width, depth) = (2 * instructions.lanes(), rows.next_multiple_of(DEPTH));
        let packed = sized(memory, depth * columns)?;
        for (panel, first) in packed.chunks_exact_mut((depth * width).max(1)).zip((0..columns).step_by(width)) {
            let (filled, rest) = panel.split_at_mut(rows * width);
            rest.fill(0.0);
            if column_step == 1 {
                for (row, target) in filled.chunks_exact_mut(width).enumerate() {
                    target.copy_from_slice(&values[row * row_step + first..][..width]);
                }
                continue;
            }
            // Column by column, which lie together in what is then a transpose.
            for column in 0..width {
                for row in 0..rows {
                    filled[row * width + column] = values[row * row_step + (first + column) * column_step];
                }
            }
        }
        Ok(Panels { values: packed, depth: rows, columns, instructions })
    }

    /// Its rows.
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// Its columns.
    pub fn columns(&self) -> usize {
        self.columns
    }
}

/// A left factor.
#[derive(Clone, Copy, Debug)]
pub struct Left<'a> {
    pub values: &'a [f32],
    pub rows: usize,
    /// From one row to the next; from one column to the next when it is transposed.
    pub step: usize,
    /// Whether its columns lie together instead of its rows.
    pub is_transposed: bool,
}

/// Left times right.
pub struct Product<'a> {
    pub left: Left<'a>,
    pub right: &'a Panels<'a>,
    /// As many rows as the left factor has, `step` apart.
    pub target: &'a mut [f32],
    pub step: usize,
    /// Whether it is added to what is there.
    pub accumulate: bool,
}

/// Computes it.
pub fn multiply(product: Product) {
    let (Left { values, rows, step, is_transposed }, depth) = (product.left, product.right.depth);
    let columns = product.right.columns;
    let reach = |count: usize, step: usize, length: usize| match (count, length) {
        (0, _) | (_, 0) => 0,
        _ => (count - 1) * step + length,
    };
    let needed = if is_transposed { reach(depth, step, rows) } else { reach(rows, step, depth) };
    assert!(needed <= values.len(), "{needed} of {} floats of the left factor", values.len());
    assert!(columns <= product.step && reach(rows, product.step, columns) <= product.target.len());
    if depth == 0 || rows == 0 {
        if !product.accumulate {
            product.target.chunks_mut(product.step.max(1)).take(rows).for_each(|row| row[..columns].fill(0.0));
        }
        return;
    }
    product.right.instructions.run(product);
}

thread_local! {
    /// Packed rows.
    static ROWS: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
}

impl Kernel for Product<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        if self.left.is_transposed {
            // SAFETY: the contract is passed on.
            return unsafe { self.transposed::<V>() };
        }
        // Taken, not borrowed within a closure, which would be compiled without the instructions.
        let mut rows = ROWS.take();
        rows.resize(rows.len().max(PACKED).max(V::ROWS * self.right.depth.next_multiple_of(DEPTH)), 0.0);
        // SAFETY: the contract is passed on; there is room for a tile of rows.
        unsafe { self.row_by_row::<V>(&mut rows) };
        ROWS.set(rows);
    }
}

impl Product<'_> {
    /// # Safety
    /// The machine has `V`'s instructions, the slices are as `multiply` checked, and `packed` holds a tile of rows.
    #[inline(always)]
    unsafe fn row_by_row<V: Vector>(self, packed: &mut [f32]) {
        let (width, depth) = (2 * V::LANES, self.right.depth.next_multiple_of(DEPTH));
        let most = packed.len() / depth / V::ROWS * V::ROWS;
        for (first, count) in tiles(self.left.rows, most) {
            for (start, rows) in tiles(count, V::ROWS) {
                self.pack(first + start, rows, &mut packed[start * depth..][..rows * depth]);
            }
            for column in (0..self.right.columns).step_by(width) {
                let panel = self.right.values[column * depth..][..width * depth].as_ptr();
                for (start, rows) in tiles(count, V::ROWS) {
                    let target = &mut self.target[(first + start) * self.step + column..];
                    let tile = Tile {
                        left: packed[start * depth..].as_ptr(),
                        left_step: DEPTH,
                        panel,
                        depth,
                        target: target.as_mut_ptr(),
                        step: self.step,
                        accumulate: self.accumulate,
                    };
                    // SAFETY: the rows were just packed, the panel is a slice, and the target was checked.
                    unsafe { with_rows!(rows, compute, (V, false), (tile)) };
                }
            }
        }
    }

    /// Rows from `first` on as `[depth / 16][row][16]`, filled up with zeros.
    #[inline(always)]
    fn pack(&self, first: usize, rows: usize, target: &mut [f32]) {
        for row in 0..rows {
            let line = &self.left.values[(first + row) * self.left.step..][..self.right.depth];
            for (part, values) in line.chunks(DEPTH).enumerate() {
                let target = &mut target[(part * rows + row) * DEPTH..][..DEPTH];
                if values.len() == DEPTH {
                    target.copy_from_slice(&values[..DEPTH]);
                } else {
                    target.fill(0.0);
                    target[..values.len()].copy_from_slice(values);
                }
            }
        }
    }

    /// # Safety
    /// The machine has `V`'s instructions, and the slices are as `multiply` checked.
    #[inline(always)]
    unsafe fn transposed<V: Vector>(self) {
        let (width, depth) = (2 * V::LANES, self.right.depth);
        let panel_length = width * depth.next_multiple_of(DEPTH);
        for (number, column) in (0..self.right.columns).step_by(width).enumerate() {
            let panel = self.right.values[number * panel_length..][..panel_length].as_ptr();
            for (start, rows) in tiles(self.left.rows, V::ROWS) {
                let target = &mut self.target[start * self.step + column..];
                let tile = Tile {
                    left: self.left.values[start..].as_ptr(),
                    left_step: self.left.step,
                    panel,
                    depth,
                    target: target.as_mut_ptr(),
                    step: self.step,
                    accumulate: self.accumulate,
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

    #[test]
    fn intels_processors_and_short_vectors_are_left_to_libtorch() {
        for (maker, lanes, expected) in
            [("AuthenticAMD", 16, true), ("AuthenticAMD", 8, false), ("GenuineIntel", 16, false), ("", 4, false)]
        {
            assert_eq!(is_faster(maker, lanes), expected, "{maker} {lanes}");
        }
    }

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
            let width = 2 * instructions.lanes();
            for (rows, depth, panels) in [(1, 1, 1), (5, 16, 2), (14, 17, 1), (15, 64, 3), (128, 250, 1), (200, 640, 2)]
            {
                let columns = panels * width;
                let (left_step, right_step, step) = (depth.max(rows) + 3, columns + 5, columns + 2);
                let (left, right) = (noise(left_step * depth.max(rows), 1), noise(right_step * depth, 2));
                let value = |row: usize, column: usize| right[row * right_step + column];
                let transpose: Vec<f32> =
                    (0..columns * depth).map(|place| value(place % depth, place / depth)).collect();
                let mut packed = vec![f32::NAN; 7];
                for (values, steps) in [(&right, (right_step, 1)), (&transpose, (1, depth))] {
                    let panels = Panels::pack_for(instructions, values, (depth, columns), steps, &mut packed).unwrap();
                    for (is_transposed, accumulate) in [(false, false), (true, false), (false, true), (true, true)] {
                        let mut target = noise(rows * step, 3);
                        let before = target.clone();
                        let left = Left { values: &left, rows, step: left_step, is_transposed };
                        multiply(Product { left, right: &panels, target: &mut target, step, accumulate });
                        for (place, (found, before)) in target.iter().zip(&before).enumerate() {
                            let (row, column) = (place / step, place % step);
                            if column >= columns {
                                assert_eq!(found, before);
                                continue;
                            }
                            let at = |k: usize| if is_transposed { k * left_step + row } else { row * left_step + k };
                            let terms = (0..depth).map(|k| f64::from(left.values[at(k)]) * f64::from(value(k, column)));
                            let expected = terms.sum::<f64>() + if accumulate { f64::from(*before) } else { 0.0 };
                            let error = (f64::from(*found) - expected).abs();
                            assert!(error < 1e-5 * (depth as f64).sqrt(), "{instructions:?} {rows} {depth}: {error}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn a_product_without_depth_is_zero() {
        let instructions = Instructions::available()[0];
        let columns = 2 * instructions.lanes();
        let mut memory = Vec::new();
        let right = Panels::pack_for(instructions, &[], (0, columns), (1, 1), &mut memory).unwrap();
        let mut target = vec![1.0; 3 * columns];
        let left = Left { values: &[], rows: 3, step: 1, is_transposed: false };
        multiply(Product { left, right: &right, target: &mut target, step: columns, accumulate: true });
        assert!(target.iter().all(|value| *value == 1.0));
        multiply(Product { left, right: &right, target: &mut target, step: columns, accumulate: false });
        assert!(target.iter().all(|value| *value == 0.0));
    }
}
