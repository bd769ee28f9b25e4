//! Automatic mixed precision, by libtorch's autocast.

use crate::error::Result;
use crate::torch::checked;
use lens_engine::policy::Precision;
use std::ffi::{c_int, c_void};
use tch::Tensor;

unsafe extern "C" {
    fn lens_ext_autocast_enter(tensor: *const c_void, dtype: c_int, previous: *mut c_int) -> c_int;
    fn lens_ext_autocast_leave(tensor: *const c_void, previous: *const c_int) -> c_int;
    fn lens_ext_unscale(gradients: *const c_void, found_non_finite: *const c_void, inverse: *const c_void) -> c_int;
}

/// Runs `work` with autocast enabled in this thread for the device of `tensor`: convolutions and products in half
/// precision, operations that need range or accumulate in f32. With f32 there is no autocast.
pub(crate) fn with_precision<T>(precision: Precision, tensor: &Tensor, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let dtype = match precision {
        Precision::F32 => return work(),
        Precision::Bf16 => 0,
        Precision::F16 => 1,
    };
    /// Restores the state before, also if the work panics.
    struct AutocastGuard<'a>(&'a Tensor, [c_int; 2]);
    impl Drop for AutocastGuard<'_> {
        fn drop(&mut self) {
            // SAFETY: a live tensor and the two numbers that entering wrote. There is nothing to do about a failure.
            let _ = unsafe { lens_ext_autocast_leave(self.0.as_ptr().cast(), self.1.as_ptr()) };
        }
    }
    let mut previous = [0; 2];
    // SAFETY: a live tensor, and room for the two numbers that are written.
    checked(unsafe { lens_ext_autocast_enter(tensor.as_ptr().cast(), dtype, previous.as_mut_ptr()) })?;
    let _guard = AutocastGuard(tensor, previous);
    work()
}

/// Multiplies gradients by a one-element tensor, in place, and sets the one-element `found_non_finite` to 1 if one of
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
    fn autocast_is_scoped() {
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
    fn unscale_finds_non_finite() {
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
