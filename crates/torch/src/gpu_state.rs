//! libtorch's GPU settings, which are global to the process, and its memory on GPUs.

use crate::error::Result;
use crate::torch::checked;
use lens_engine::GpuMemory;
use std::ffi::c_int;

unsafe extern "C" {
    fn lens_ext_gpu_settings(tf32: c_int, benchmark: c_int, deterministic: c_int) -> c_int;
    fn lens_ext_gpu_settings_now(values: *mut c_int) -> c_int;
    fn lens_ext_gpu_memory(device: c_int, bytes: *mut i64) -> c_int;
    fn lens_ext_gpu_empty_cache() -> c_int;
}

/// Global settings for GPUs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct GpuSettings {
    /// f32 products may round their operands to TF32.
    pub tf32: bool,
    /// Convolution algorithms are benchmarked.
    pub benchmark: bool,
    /// Convolutions use deterministic algorithms only.
    pub deterministic: bool,
}

impl GpuSettings {
    /// Applies them, unless they are in effect.
    pub fn apply(self) -> Result<()> {
        if GpuSettings::now()? == self {
            return Ok(());
        }
        // SAFETY: three numbers; libtorch stores them.
        checked(unsafe { lens_ext_gpu_settings(self.tf32.into(), self.benchmark.into(), self.deterministic.into()) })
    }

    /// The settings in effect.
    pub fn now() -> Result<Self> {
        let mut values = [0; 3];
        // SAFETY: room for the three numbers that are written.
        checked(unsafe { lens_ext_gpu_settings_now(values.as_mut_ptr()) })?;
        let [tf32, benchmark, deterministic] = values.map(|value| value != 0);
        Ok(GpuSettings { tf32, benchmark, deterministic })
    }
}

/// Memory of libtorch's allocator on a GPU.
pub(crate) fn memory(device: usize) -> Result<GpuMemory> {
    let mut bytes = [0; 4];
    // SAFETY: room for the four numbers that are written.
    checked(unsafe { lens_ext_gpu_memory(device as c_int, bytes.as_mut_ptr()) })?;
    let [allocated, allocated_peak, reserved, reserved_peak] = bytes.map(|count: i64| count.max(0) as u64);
    Ok(GpuMemory { allocated, allocated_peak, reserved, reserved_peak })
}

/// Returns unused memory to the GPU.
pub(crate) fn empty_cache() -> Result<()> {
    // SAFETY: libtorch's allocator has its own lock.
    checked(unsafe { lens_ext_gpu_empty_cache() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_round_trip() {
        let before = GpuSettings::now().unwrap();
        for settings in [
            GpuSettings { tf32: true, benchmark: true, deterministic: false },
            GpuSettings { tf32: false, benchmark: false, deterministic: true },
            before,
        ] {
            settings.apply().unwrap();
            assert_eq!(GpuSettings::now().unwrap(), settings);
        }
    }
}
