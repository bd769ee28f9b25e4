//! Rows of A computed while they are packed: norm and ReLU of pixels, and their 2x2 average pooling.

use super::statistics::ScaleShift;
use crate::kernels::gemm::RowSource;
use crate::kernels::vector::Vector;

/// Norm and ReLU of the first channels of pixels `pixel_stride` floats apart.
#[derive(Clone, Copy)]
pub struct NormRelu<'a> {
    pub values: &'a [f32],
    pub pixel_stride: usize,
    pub affine: &'a ScaleShift,
}

impl RowSource for NormRelu<'_> {
    fn columns(&self) -> usize {
        self.affine.scale.len()
    }

    #[inline(always)]
    unsafe fn pack_row<V: Vector>(self, row: usize, address: impl Fn(usize) -> *mut f32) {
        let scale = &self.affine.scale[..];
        let shift = &self.affine.shift[..scale.len()];
        let pixel = &self.values[row * self.pixel_stride..][..scale.len()];
        for channel in (0..scale.len()).step_by(V::LANES) {
            // SAFETY: the channels are a multiple of the lanes, and the three slices have as many; writable by contract.
            unsafe {
                let (scale, shift) = (V::load(scale.as_ptr().add(channel)), V::load(shift.as_ptr().add(channel)));
                let value = V::load(pixel.as_ptr().add(channel)).mul(scale).add(shift).relu();
                value.store(address(channel));
            }
        }
    }
}

/// 2x2 average pooling of norm and ReLU.
#[derive(Clone, Copy)]
pub struct NormReluAveragePool<'a, W> {
    pub values: &'a [f32],
    pub affine: &'a ScaleShift,
    /// Where the four pixels of a pooled one begin.
    pub window: W,
}

impl<W: Fn(usize) -> [usize; 4] + Copy> RowSource for NormReluAveragePool<'_, W> {
    fn columns(&self) -> usize {
        self.affine.scale.len()
    }

    #[inline(always)]
    unsafe fn pack_row<V: Vector>(self, row: usize, address: impl Fn(usize) -> *mut f32) {
        let scale = &self.affine.scale[..];
        let shift = &self.affine.shift[..scale.len()];
        let starts = (self.window)(row);
        let pixels = [0, 1, 2, 3].map(|pixel: usize| self.values[starts[pixel]..][..scale.len()].as_ptr());
        for channel in (0..scale.len()).step_by(V::LANES) {
            // SAFETY: the channels are a multiple of the lanes, and all slices have as many; writable by contract.
            unsafe {
                let (scale, shift) = (V::load(scale.as_ptr().add(channel)), V::load(shift.as_ptr().add(channel)));
                let mut sum = V::load(pixels[0].add(channel)).mul(scale).add(shift).relu();
                for pixel in &pixels[1..] {
                    sum = sum.add(V::load(pixel.add(channel)).mul(scale).add(shift).relu());
                }
                sum.mul(V::splat(0.25)).store(address(channel));
            }
        }
    }
}
