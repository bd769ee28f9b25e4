//! Automatic mixed precision: libtorch's own.

use crate::error::Result;
use crate::torch::checked;
use lens_engine::policy::Precision;
use std::ffi::{c_int, c_void};
use tch::Tensor;

unsafe extern "C" {
    fn lens_ext_autocast_enter(place: *const c_void, half: c_int, was: *mut c_int) -> c_int;
    fn lens_ext_autocast_leave(place: *const c_void, was: *const c_int) -> c_int;
    fn lens_ext_unscale(gradients: *const c_void, found_non_finite: *const c_void, inverse: *const c_void) -> c_int;
}

/// Runs `work` with this thread's operations on `place`'s device in the given precision: convolutions and products in
/// half precision, what needs range or sums in f32. f32 runs it as it is.
pub(crate) fn with_precision<T>(precision: Precision, place: &Tensor, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let half = match precision {
        Precision::F32 => return work(),
        Precision::Bf16 => 0,
        Precision::F16 => 1,
    };
    /// Leaves also when the work panics.
    struct Inside<'a>(&'a Tensor, [c_int; 2]);
    impl Drop for Inside<'_> {
        fn drop(&mut self) {
            // SAFETY: a live tensor and the two numbers that entering wrote. There is nothing to do about a failure.
            let _ = unsafe { lens_ext_autocast_leave(self.0.as_ptr().cast(), self.1.as_ptr()) };
        }
    }
    let mut was = [0; 2];
    // SAFETY: a live tensor, and room for the two numbers that are written.
    checked(unsafe { lens_ext_autocast_enter(place.as_ptr().cast(), half, was.as_mut_ptr()) })?;
    let _inside = Inside(place, was);
    work()
}

/// Multiplies gradients by a one-element tensor, in place, and sets the one-element `found_non_finite` to 1 when one of
/// them is not finite.
pub(crate) fn unscale(gradients: &mut Tensor, found_non_finite: &mut Tensor, inverse_scale: &Tensor) -> Result<()> {
    // SAFETY: three live tensors, two of them exclusively borrowed; ATen checks types, devices and sizes itself.
    checked(unsafe {
        lens_ext_unscale(gradients.as_ptr().cast(), found_non_finite.as_ptr().cast(), inverse_scale.as_ptr().cast())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::{Device, Kind};

    #[test]
    fn products_are_computed_in_the_precision_asked_for_and_only_inside() {
        let a = Tensor::ones([4, 4], (Kind::Float, Device::Cpu));
        let kind = || Ok(a.matmul(&a).kind());
        for (precision, expected) in
            [(Precision::F32, Kind::Float), (Precision::Bf16, Kind::BFloat16), (Precision::F16, Kind::Half)]
        {
            assert_eq!(with_precision(precision, &a, kind).unwrap(), expected);
            assert_eq!(kind().unwrap(), Kind::Float);
        }
        let failed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            with_precision::<()>(Precision::Bf16, &a, || panic!("on purpose"))
        }));
        assert!(failed.is_err());
        assert_eq!(kind().unwrap(), Kind::Float);
    }

    #[test]
    fn unscaling_finds_what_is_not_finite() {
        let inverse = Tensor::from_slice(&[0.5f32]);
        for (value, expected) in [(2.0, 0.0), (f32::INFINITY, 1.0), (f32::NAN, 1.0)] {
            let mut gradients = Tensor::from_slice(&[4.0, value]);
            let mut found = Tensor::zeros([1], (Kind::Float, Device::Cpu));
            unscale(&mut gradients, &mut found, &inverse).unwrap();
            assert_eq!(found.double_value(&[0]), expected);
            assert_eq!(gradients.double_value(&[0]), 2.0);
        }
    }
}
