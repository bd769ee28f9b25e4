//! Inputs of 1x1 convolutions, made as they are packed: norm and ReLU of pixels, or the mean of four such.

use super::statistics::Affine;
use crate::kernels::product::Rows;
use crate::kernels::vector::Vector;

/// Norm and ReLU of the first channels of pixels that lie `step` apart.
#[derive(Clone, Copy)]
pub struct Normalized<'a> {
    pub values: &'a [f32],
    pub step: usize,
    pub affine: &'a Affine,
}

impl Rows for Normalized<'_> {
    fn columns(&self) -> usize {
        self.affine.scale.len()
    }

    #[inline(always)]
    unsafe fn write<V: Vector>(self, row: usize, place: impl Fn(usize) -> *mut f32) {
        let scale = &self.affine.scale[..];
        let shift = &self.affine.shift[..scale.len()];
        let pixel = &self.values[row * self.step..][..scale.len()];
        for channel in (0..scale.len()).step_by(V::LANES) {
            // SAFETY: the channels are a multiple of the lanes, and the three slices have as many; writable by contract.
            unsafe {
                let (scale, shift) = (V::load(scale.as_ptr().add(channel)), V::load(shift.as_ptr().add(channel)));
                let value = V::load(pixel.as_ptr().add(channel)).times(scale).plus(shift).relu();
                value.store(place(channel));
            }
        }
    }
}

/// The mean of 2x2 pixels after norm and ReLU.
#[derive(Clone, Copy)]
pub struct Pooled<'a, Q> {
    pub values: &'a [f32],
    pub affine: &'a Affine,
    /// Where the four pixels of a pooled one begin.
    pub quad: Q,
}

impl<Q: Fn(usize) -> [usize; 4] + Copy> Rows for Pooled<'_, Q> {
    fn columns(&self) -> usize {
        self.affine.scale.len()
    }

    #[inline(always)]
    unsafe fn write<V: Vector>(self, row: usize, place: impl Fn(usize) -> *mut f32) {
        let scale = &self.affine.scale[..];
        let shift = &self.affine.shift[..scale.len()];
        let starts = (self.quad)(row);
        let pixels = [0, 1, 2, 3].map(|pixel: usize| self.values[starts[pixel]..][..scale.len()].as_ptr());
        for channel in (0..scale.len()).step_by(V::LANES) {
            // SAFETY: the channels are a multiple of the lanes, and all slices have as many; writable by contract.
            unsafe {
                let (scale, shift) = (V::load(scale.as_ptr().add(channel)), V::load(shift.as_ptr().add(channel)));
                let mut sum = V::load(pixels[0].add(channel)).times(scale).plus(shift).relu();
                for pixel in &pixels[1..] {
                    sum = sum.plus(V::load(pixel.add(channel)).times(scale).plus(shift).relu());
                }
                sum.times(V::splat(0.25)).store(place(channel));
            }
        }
    }
}
