//! Matrix products of single precision on the calling thread: libtorch's, or those of `kernels::product`.

use super::kernels::product::{self, Left, Panels, Product};
use super::torch::checked;
use crate::error::Result;
use std::ffi::c_int;

/// Rows and columns of a matrix in a slice, and how far apart they lie.
#[derive(Clone, Copy, Debug)]
struct MatrixLayout {
    rows: usize,
    columns: usize,
    row_step: usize,
    column_step: usize,
}

impl MatrixLayout {
    fn new(available: usize, rows: usize, columns: usize, row_step: usize) -> Self {
        let needed = if rows == 0 { 0 } else { (rows - 1) * row_step + columns };
        assert!(columns <= row_step && needed <= available, "{rows} rows of {columns} in {available} numbers");
        MatrixLayout { rows, columns, row_step, column_step: 1 }
    }

    fn as_array(self) -> [i64; 4] {
        [self.rows, self.columns, self.row_step, self.column_step].map(|number| number as i64)
    }
}

/// A matrix to read.
#[derive(Clone, Copy, Debug)]
pub struct Matrix<'a> {
    values: &'a [f32],
    layout: MatrixLayout,
}

impl<'a> Matrix<'a> {
    /// With its rows `row_step` numbers apart.
    pub fn new(values: &'a [f32], rows: usize, columns: usize, row_step: usize) -> Self {
        Matrix { values, layout: MatrixLayout::new(values.len(), rows, columns, row_step) }
    }

    /// Its transpose.
    pub fn transposed(self) -> Self {
        let MatrixLayout { rows, columns, row_step, column_step } = self.layout;
        let layout = MatrixLayout { rows: columns, columns: rows, row_step: column_step, column_step: row_step };
        Matrix { layout, ..self }
    }
}

/// The right factor of products, made ready once for all of them.
#[derive(Debug)]
pub enum Factor<'a> {
    /// For libtorch.
    AsItLies(Matrix<'a>),
    /// For the library's own products.
    Packed(Panels<'a>),
}

impl<'a> Factor<'a> {
    /// In whichever form suits this processor; `memory` holds what is packed.
    pub fn of(matrix: Matrix<'a>, memory: &'a mut Vec<f32>) -> Result<Self> {
        let MatrixLayout { rows, columns, row_step, column_step } = matrix.layout;
        if !product::suits(columns) {
            return Ok(Factor::AsItLies(matrix));
        }
        Ok(Factor::Packed(Panels::pack(matrix.values, (rows, columns), (row_step, column_step), memory)?))
    }
}

/// A matrix to write.
#[derive(Debug)]
pub struct MatrixMut<'a> {
    values: &'a mut [f32],
    layout: MatrixLayout,
}

impl<'a> MatrixMut<'a> {
    /// With its rows `row_step` numbers apart.
    pub fn new(values: &'a mut [f32], rows: usize, columns: usize, row_step: usize) -> Self {
        let layout = MatrixLayout::new(values.len(), rows, columns, row_step);
        MatrixMut { values, layout }
    }

    /// Becomes `left` times `right`, or has it added when `accumulate`; on this thread alone when called from a job.
    pub fn multiply(&mut self, left: Matrix, right: &Factor, accumulate: bool) -> Result<()> {
        match right {
            Factor::AsItLies(right) => self.multiply_by_libtorch(left, *right, accumulate),
            Factor::Packed(right) => {
                let (a, c) = (left.layout, self.layout);
                let fits = a.columns == right.depth() && c.rows == a.rows && c.columns == right.columns();
                assert!(fits, "{a:?} times {} x {} is not {c:?}", right.depth(), right.columns());
                let step = if a.column_step == 1 { a.row_step } else { a.column_step };
                let left = Left { values: left.values, rows: a.rows, step, is_transposed: a.column_step != 1 };
                product::multiply(Product { left, right, target: self.values, step: c.row_step, accumulate });
                Ok(())
            }
        }
    }

    fn multiply_by_libtorch(&mut self, left: Matrix, right: Matrix, accumulate: bool) -> Result<()> {
        let (a, b, c) = (left.layout, right.layout, self.layout);
        assert!(a.columns == b.rows && c.rows == a.rows && c.columns == b.columns, "{a:?} times {b:?} is not {c:?}");
        // SAFETY: each layout was checked against its slice, and the three slices live through the call.
        checked(unsafe {
            lens_ext_multiply(
                left.values.as_ptr(),
                a.as_array().as_ptr(),
                right.values.as_ptr(),
                b.as_array().as_ptr(),
                self.values.as_mut_ptr(),
                c.as_array().as_ptr(),
                accumulate,
            )
        })
    }
}

unsafe extern "C" {
    fn lens_ext_multiply(
        left: *const f32,
        left_layout: *const i64,
        right: *const f32,
        right_layout: *const i64,
        result: *mut f32,
        result_layout: *const i64,
        accumulate: bool,
    ) -> c_int;
}
