//! Single-precision matrix products (GEMM) C = A B on one thread. A's rows are packed as they are needed and may be
//! computed while they are packed; B is packed in panels of `Vector::NR` columns.

use super::micro_kernel::{K_BLOCK, accumulate_packed, dispatch_rows, tiles};
use super::vector::{Instructions, Kernel, Vector};
use crate::buffer::sized;
use lens_base::Result;
use std::cell::RefCell;

/// Floats of packed A that are worked on at a time: with a panel of B they stay in the second-level cache.
const PACKED_A_FLOATS: usize = 64 * 1024;

/// The largest `Vector::NR`; the number of columns of B is a multiple of it.
pub const MAX_NR: usize = 32;

/// Where the rows of A (or of a B to be packed) come from.
pub trait RowSource: Copy {
    /// Length of a row: a multiple of `K_BLOCK`.
    fn columns(&self) -> usize;

    /// Writes a row, `V::LANES` columns at a time; `address` gives the destination of the columns from a given one on.
    ///
    /// # Safety
    /// The machine has `V`'s instructions, and `V::LANES` floats are writable at every address. Implementations are
    /// `#[inline(always)]`.
    unsafe fn pack_row<V: Vector>(self, row: usize, address: impl Fn(usize) -> *mut f32);
}

/// Rows of a matrix in memory.
#[derive(Clone, Copy, Debug)]
pub struct DenseRows<'a> {
    values: &'a [f32],
    columns: usize,
    /// Floats from one row to the next.
    row_stride: usize,
}

impl<'a> DenseRows<'a> {
    /// Rows of `columns` floats, `row_stride` floats apart.
    pub fn new(values: &'a [f32], columns: usize, row_stride: usize) -> Self {
        DenseRows { values, columns, row_stride }
    }
}

impl RowSource for DenseRows<'_> {
    fn columns(&self) -> usize {
        self.columns
    }

    #[inline(always)]
    unsafe fn pack_row<V: Vector>(self, row: usize, address: impl Fn(usize) -> *mut f32) {
        let row = &self.values[row * self.row_stride..][..self.columns];
        for column in (0..self.columns).step_by(V::LANES) {
            // SAFETY: the columns are a multiple of the lanes, so that these are within the row; writable by contract.
            unsafe { V::load(row.as_ptr().add(column)).store(address(column)) };
        }
    }
}

/// Packed B: `[panel][row][column]`, panels of `Vector::NR` columns.
#[derive(Clone, Copy, Debug)]
pub struct PackedB<'a> {
    values: &'a [f32],
    rows: usize,
    columns: usize,
    instructions: Instructions,
}

impl<'a> PackedB<'a> {
    /// Of values that `pack` wrote for these instructions.
    pub fn new(instructions: Instructions, values: &'a [f32], (rows, columns): (usize, usize)) -> Self {
        assert!(columns.is_multiple_of(MAX_NR) && values.len() == rows * columns, "panels of {rows} x {columns}");
        PackedB { values, rows, columns, instructions }
    }

    /// Packs a matrix; the strides are the floats from one row to the next and from one column to the next.
    pub fn pack(
        instructions: Instructions,
        values: &[f32],
        (rows, columns): (usize, usize),
        (row_stride, column_stride): (usize, usize),
        target: &mut [f32],
    ) {
        assert!(columns.is_multiple_of(MAX_NR) && target.len() == rows * columns, "panels of {rows} x {columns}");
        let width = instructions.nr();
        for (panel, first) in target.chunks_exact_mut((rows * width).max(1)).zip((0..columns).step_by(width)) {
            Self::pack_panel(&values[first * column_stride..], width, (row_stride, column_stride), panel);
        }
    }

    /// Packs one panel of `width` columns.
    pub fn pack_panel(values: &[f32], width: usize, (row_stride, column_stride): (usize, usize), panel: &mut [f32]) {
        if column_stride == 1 {
            for (row, target) in panel.chunks_exact_mut(width).enumerate() {
                target.copy_from_slice(&values[row * row_stride..][..width]);
            }
            return;
        }
        // A few rows of all columns at a time, which stay in the first-level cache.
        for (part, target) in panel.chunks_mut(K_BLOCK * width).enumerate() {
            for column in 0..width {
                let from = &values[column * column_stride + part * K_BLOCK * row_stride..];
                for (row, target) in target.chunks_exact_mut(width).enumerate() {
                    target[column] = from[row * row_stride];
                }
            }
        }
    }

    /// Packs some rows of a source into `memory`.
    pub fn of_rows(
        instructions: Instructions,
        source: impl RowSource,
        rows: std::ops::Range<usize>,
        memory: &'a mut Vec<f32>,
    ) -> Result<Self> {
        let size = (rows.len(), source.columns());
        let values = sized(memory, size.0 * size.1)?;
        assert!(size.1.is_multiple_of(MAX_NR), "{} columns", size.1);
        instructions.run(PackB { source, rows, target: &mut *values });
        Ok(PackedB::new(instructions, values, size))
    }

    /// Rows of B: the depth of the product.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Columns of B.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// The instructions it is packed for.
    pub fn instructions(&self) -> Instructions {
        self.instructions
    }

    /// The panel whose first column this is.
    #[inline(always)]
    pub fn panel(&self, column: usize) -> &'a [f32] {
        &self.values[column * self.rows..][..self.instructions.nr() * self.rows]
    }
}

struct PackB<'a, R> {
    source: R,
    rows: std::ops::Range<usize>,
    target: &'a mut [f32],
}

impl<R: RowSource> Kernel for PackB<'_, R> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let (width, count) = (V::NR, self.rows.len());
        assert!(self.source.columns().is_multiple_of(width) && self.target.len() == count * self.source.columns());
        let target = self.target.as_mut_ptr();
        for (index, row) in self.rows.enumerate() {
            let address =
                |column: usize| target.wrapping_add(column / width * (width * count) + index * width + column % width);
            // SAFETY: the instructions by contract; the target holds all rows and columns, and lanes divide a panel.
            unsafe { self.source.pack_row::<V>(row, address) };
        }
    }
}

/// The matrix C that a product is written or added to.
#[derive(Debug)]
pub struct GemmOutput<'a> {
    /// The elements, from the first row on.
    pub values: &'a mut [f32],
    /// Floats from one row to the next.
    pub row_stride: usize,
    /// Whether the product is added to C.
    pub accumulate: bool,
}

impl GemmOutput<'_> {
    fn check(&self, rows: usize, columns: usize) {
        let needed = if rows == 0 { 0 } else { (rows - 1) * self.row_stride + columns };
        assert!(columns <= self.row_stride && needed <= self.values.len(), "{rows} rows of {columns} as a target");
    }

    /// The result of a product of depth 0.
    fn clear(&mut self, rows: usize, columns: usize) {
        if !self.accumulate {
            self.values.chunks_mut(self.row_stride.max(1)).take(rows).for_each(|row| row[..columns].fill(0.0));
        }
    }
}

/// C = A B, or C += A B, for the first `rows` rows of A.
pub fn gemm(a: impl RowSource, rows: usize, b: PackedB, mut c: GemmOutput) {
    assert_eq!(a.columns(), b.rows);
    assert!(b.rows.is_multiple_of(K_BLOCK), "{} columns", b.rows);
    c.check(rows, b.columns);
    if rows == 0 || b.rows == 0 {
        return c.clear(rows, b.columns);
    }
    b.instructions.run(Gemm { a, rows, b, c });
}

/// C = A^T B, or C += A^T B. `a` has as many rows as B, `lda` floats apart, of `columns` columns, which are the rows of
/// C.
pub fn gemm_transposed_a(a: &[f32], columns: usize, lda: usize, b: PackedB, mut c: GemmOutput) {
    let needed = if b.rows == 0 { 0 } else { (b.rows - 1) * lda + columns };
    assert!(columns <= lda && needed <= a.len(), "{} rows of {columns}", b.rows);
    c.check(columns, b.columns);
    if columns == 0 || b.rows == 0 {
        return c.clear(columns, b.columns);
    }
    b.instructions.run(GemmTransposedA { a, columns, lda, b, c });
}

thread_local! {
    /// Packed A, kept from call to call.
    static PACKED_A: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
}

struct Gemm<'a, R> {
    a: R,
    rows: usize,
    b: PackedB<'a>,
    c: GemmOutput<'a>,
}

impl<R: RowSource> Kernel for Gemm<'_, R> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let (width, depth) = (V::NR, self.b.rows);
        // Taken, not borrowed within a closure, which would be compiled without the instructions.
        let mut memory = PACKED_A.take();
        memory.resize(memory.len().max(PACKED_A_FLOATS).max(V::MR * depth), 0.0);
        let packed = memory.as_mut_ptr();
        let max_rows = memory.len() / depth / V::MR * V::MR;
        for (first, count) in tiles(self.rows, max_rows) {
            for (start, rows) in tiles(count, V::MR) {
                let target = packed.wrapping_add(start * depth);
                for row in 0..rows {
                    let address = |column: usize| {
                        target.wrapping_add((column / K_BLOCK * rows + row) * K_BLOCK + column % K_BLOCK)
                    };
                    // SAFETY: the instructions by contract; the memory holds `max_rows` rows, and lanes divide the depth.
                    unsafe { self.a.pack_row::<V>(first + start + row, address) };
                }
            }
            for column in (0..self.b.columns).step_by(width) {
                let panel = self.b.panel(column).as_ptr();
                for (start, rows) in tiles(count, V::MR) {
                    let target = &mut self.c.values[(first + start) * self.c.row_stride + column..];
                    let tile = GemmTile {
                        a: packed.wrapping_add(start * depth),
                        lda: K_BLOCK,
                        b_panel: panel,
                        depth,
                        c: target.as_mut_ptr(),
                        ldc: self.c.row_stride,
                        accumulate: self.c.accumulate,
                    };
                    // SAFETY: the rows were just packed, the panel is a slice, and the target was checked.
                    unsafe { dispatch_rows!(rows, gemm_tile, (V, false), (tile)) };
                }
            }
        }
        PACKED_A.set(memory);
    }
}

struct GemmTransposedA<'a> {
    a: &'a [f32],
    columns: usize,
    lda: usize,
    b: PackedB<'a>,
    c: GemmOutput<'a>,
}

impl Kernel for GemmTransposedA<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        for column in (0..self.b.columns).step_by(V::NR) {
            for (start, rows) in tiles(self.columns, V::MR) {
                let target = &mut self.c.values[start * self.c.row_stride + column..];
                let tile = GemmTile {
                    a: self.a[start..].as_ptr(),
                    lda: self.lda,
                    b_panel: self.b.panel(column).as_ptr(),
                    depth: self.b.rows,
                    c: target.as_mut_ptr(),
                    ldc: self.c.row_stride,
                    accumulate: self.c.accumulate,
                };
                // SAFETY: left factor and target were checked, and the panel is a slice.
                unsafe { dispatch_rows!(rows, gemm_tile, (V, true), (tile)) };
            }
        }
    }
}

/// Operands of one register tile.
#[derive(Clone, Copy)]
struct GemmTile {
    /// Packed A; with TRANSPOSED_A the tile's first column of A in row 0.
    a: *const f32,
    /// With TRANSPOSED_A: floats from one row of A to the next.
    lda: usize,
    b_panel: *const f32,
    depth: usize,
    c: *mut f32,
    ldc: usize,
    accumulate: bool,
}

/// # Safety
/// The machine has `V`'s instructions, `ROWS` is at most `V::MR`, and the tile's pointers reach what it says.
#[inline(always)]
unsafe fn gemm_tile<V: Vector, const TRANSPOSED_A: bool, const ROWS: usize>(tile: GemmTile) {
    if ROWS > V::MR {
        unreachable!("a tile of {ROWS} rows");
    }
    let mut sums = [[V::splat(0.0); 2]; ROWS];
    // SAFETY: within what the tile says, by contract.
    unsafe {
        if tile.accumulate {
            for row in 0..ROWS {
                for vector in 0..2 {
                    sums[row][vector] = V::load(tile.c.add(row * tile.ldc + vector * V::LANES));
                }
            }
        }
        if TRANSPOSED_A {
            let (mut a, mut b_panel) = (tile.a, tile.b_panel);
            for _ in 0..tile.depth {
                let (first, second) = (V::load(b_panel), V::load(b_panel.add(V::LANES)));
                for row in 0..ROWS {
                    let value = V::splat(*a.add(row));
                    sums[row][0] = value.mul_add(first, sums[row][0]);
                    sums[row][1] = value.mul_add(second, sums[row][1]);
                }
                a = a.wrapping_add(tile.lda);
                b_panel = b_panel.wrapping_add(V::NR);
            }
        } else {
            accumulate_packed::<V, (), ROWS, 2>(&mut sums, tile.a, tile.b_panel, tile.depth / K_BLOCK, ());
        }
        for row in 0..ROWS {
            for vector in 0..2 {
                sums[row][vector].store(tile.c.add(row * tile.ldc + vector * V::LANES));
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

    /// For every instruction set of the machine, with rows further apart than they are long.
    #[test]
    fn gemm_matches_double_precision() {
        for instructions in Instructions::available() {
            for (rows, depth, columns) in
                [(1, 16, 32), (5, 16, 64), (14, 48, 32), (15, 64, 96), (128, 256, 32), (200, 640, 64)]
            {
                let (lda, ldb, ldc) = (depth.max(rows) + 3, columns + 5, columns + 2);
                let (a, b) = (noise(lda * depth.max(rows), 1), noise(ldb * depth, 2));
                let value = |row: usize, column: usize| b[row * ldb + column];
                let transpose: Vec<f32> =
                    (0..columns * depth).map(|address| value(address % depth, address / depth)).collect();
                let (size, mut packed, mut memory) = ((depth, columns), vec![f32::NAN; depth * columns], Vec::new());
                for (values, steps) in [(&b, (ldb, 1)), (&transpose, (1, depth))] {
                    PackedB::pack(instructions, values, size, steps, &mut packed);
                    let panels = PackedB::new(instructions, &packed, size);
                    for (is_transposed, accumulate) in [(false, false), (true, false), (false, true), (true, true)] {
                        let mut found = noise(rows * ldc, 3);
                        let before = found.clone();
                        let target = GemmOutput { values: &mut found, row_stride: ldc, accumulate };
                        if is_transposed {
                            gemm_transposed_a(&a, rows, lda, panels, target);
                        } else {
                            gemm(DenseRows::new(&a, depth, lda), rows, panels, target);
                        }
                        for (index, (found, before)) in found.iter().zip(&before).enumerate() {
                            let (row, column) = (index / ldc, index % ldc);
                            if column >= columns {
                                assert_eq!(found, before);
                                continue;
                            }
                            let at = |k: usize| if is_transposed { k * lda + row } else { row * lda + k };
                            let terms = (0..depth).map(|k| f64::from(a[at(k)]) * f64::from(value(k, column)));
                            let expected = terms.sum::<f64>() + if accumulate { f64::from(*before) } else { 0.0 };
                            let error = (f64::from(*found) - expected).abs();
                            assert!(error < 1e-5 * (depth as f64).sqrt(), "{instructions:?} {rows} {depth}: {error}");
                        }
                    }
                }
                let dense = DenseRows::new(&b[ldb..], columns, ldb);
                let panels = PackedB::of_rows(instructions, dense, 2..depth - 1, &mut memory).unwrap();
                let mut expected = vec![f32::NAN; panels.rows() * columns];
                PackedB::pack(instructions, &b[3 * ldb..], (panels.rows(), columns), (ldb, 1), &mut expected);
                assert_eq!(panels.values, expected);
            }
        }
    }

    #[test]
    fn gemm_of_depth_zero() {
        let b = PackedB::new(Instructions::best(), &[], (0, 32));
        let mut values = vec![1.0; 3 * 32];
        gemm_transposed_a(&[], 3, 3, b, GemmOutput { values: &mut values, row_stride: 32, accumulate: true });
        assert!(values.iter().all(|value| *value == 1.0));
        gemm(DenseRows::new(&[], 0, 0), 3, b, GemmOutput { values: &mut values, row_stride: 32, accumulate: false });
        assert!(values.iter().all(|value| *value == 0.0));
    }
}
