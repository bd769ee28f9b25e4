//! The report of a GPU library's runtime.

use crate::error::{Error, Result, catch};
use crate::torch::c_string;
use lens_engine::{GpuReport, ReportedGpu};
use lens_system::Library;
use lens_system::probe::Vendor;
use std::ffi::{CStr, c_char, c_int, c_void};
use tch::{Device, Kind, Tensor};

/// cudaDevAttrComputeCapabilityMajor and Minor (CUDA's driver_types.h).
const CAPABILITY: [c_int; 2] = [75, 76];
/// Room for "ffffffff:ff:ff.f" and more.
const ADDRESS_LENGTH: usize = 32;

/// The functions of both runtimes, whose names differ in their prefix.
struct Runtime {
    library: Library,
    prefix: &'static str,
}

type OneNumber = unsafe extern "C" fn(*mut c_int) -> c_int;

impl Runtime {
    /// # Safety
    /// `F` is the type of the runtime's function of that name.
    unsafe fn function<F: Copy>(&self, name: &str) -> std::result::Result<F, String> {
        let name = c_string(&format!("{}{name}", self.prefix)).map_err(|error| error.to_string())?;
        let address = self.library.symbol(&name);
        let address = address.ok_or_else(|| format!("the GPU's runtime library has no {}", name.to_string_lossy()))?;
        assert_eq!(size_of::<F>(), size_of::<*mut c_void>());
        // SAFETY: a function's address read as the function type that the caller answers for.
        Ok(unsafe { std::mem::transmute_copy(&address) })
    }

    fn check(&self, action: &str, code: c_int) -> std::result::Result<(), String> {
        if code == 0 {
            return Ok(());
        }
        // SAFETY: const char *GetErrorString(error), of a static string, in both runtimes.
        let text = unsafe {
            let describe: unsafe extern "C" fn(c_int) -> *const c_char = self.function("GetErrorString")?;
            let text = describe(code);
            if text.is_null() { "unknown".into() } else { CStr::from_ptr(text).to_string_lossy() }
        };
        Err(format!("{action}: {text} (error {code})"))
    }

    fn number(&self, name: &str, action: &str) -> std::result::Result<c_int, String> {
        let mut value = 0;
        // SAFETY: the functions asked for here write one int.
        let code = unsafe { self.function::<OneNumber>(name)?(&raw mut value) };
        self.check(action, code)?;
        Ok(value)
    }

    fn address(&self, index: c_int) -> Option<String> {
        let mut text = [0 as c_char; ADDRESS_LENGTH];
        // SAFETY: error DeviceGetPCIBusId(char *text, int length, int device), which ends the text with NUL.
        unsafe {
            let ask: unsafe extern "C" fn(*mut c_char, c_int, c_int) -> c_int =
                self.function("DeviceGetPCIBusId").ok()?;
            if ask(text.as_mut_ptr(), ADDRESS_LENGTH as c_int, index) != 0 {
                return None;
            }
            Some(CStr::from_ptr(text.as_ptr()).to_string_lossy().to_lowercase())
        }
    }

    fn capability(&self, index: c_int) -> Option<(i32, i32)> {
        let mut values = [0; 2];
        for (attribute, value) in CAPABILITY.into_iter().zip(&mut values) {
            // SAFETY: error cudaDeviceGetAttribute(int *value, enum attribute, int device).
            let code = unsafe {
                let ask: unsafe extern "C" fn(*mut c_int, c_int, c_int) -> c_int =
                    self.function("DeviceGetAttribute").ok()?;
                ask(value, attribute, index)
            };
            if code != 0 {
                return None;
            }
        }
        Some((values[0], values[1]))
    }

    /// Free and total bytes. Restores the thread's current device, which the program that embeds the library may rely
    /// on.
    fn memory(&self, index: c_int) -> std::result::Result<(u64, u64), String> {
        let before = self.number("GetDevice", "asking for the current device")?;
        let (mut free, mut total) = (0usize, 0usize);
        // SAFETY: error SetDevice(int) and error MemGetInfo(size_t *free, size_t *total), in both runtimes.
        unsafe {
            let set: unsafe extern "C" fn(c_int) -> c_int = self.function("SetDevice")?;
            let ask: unsafe extern "C" fn(*mut usize, *mut usize) -> c_int = self.function("MemGetInfo")?;
            self.check("choosing the device", set(index))?;
            let code = ask(&raw mut free, &raw mut total);
            set(before);
            self.check("asking for the GPU's memory", code)?;
        }
        Ok((free as u64, total as u64))
    }
}

/// Asks for all GPUs, and for the memory of number `index`.
pub(super) fn report(vendor: Vendor, library: Library, index: i32) -> std::result::Result<GpuReport, String> {
    let prefix = match vendor {
        Vendor::Nvidia => "cuda",
        Vendor::Amd => "hip",
    };
    let runtime = Runtime { library, prefix };
    let count = runtime.number("GetDeviceCount", "counting GPUs").map_err(|reason| {
        // Without a driver the CUDA runtime reports that it is too old; its version, 0, distinguishes the cases.
        match (vendor, runtime.number("DriverGetVersion", "asking for the driver's version")) {
            (Vendor::Nvidia, Ok(0)) => format!("no NVIDIA driver is installed ({reason})"),
            (Vendor::Nvidia, Ok(version)) => {
                format!("{reason}; the driver is for CUDA {}.{}", version / 1000, version % 1000 / 10)
            }
            _ => reason,
        }
    })?;
    if count == 0 {
        return Err("its runtime finds no GPU".into());
    }
    let gpus = (0..count).map(|number| {
        let (free_bytes, total_bytes) = if number == index { runtime.memory(number)? } else { (0, 0) };
        let capability = if vendor == Vendor::Nvidia { runtime.capability(number) } else { None };
        Ok(ReportedGpu { address: runtime.address(number), capability, total_bytes, free_bytes })
    });
    Ok(GpuReport { vendor, gpus: gpus.collect::<std::result::Result<_, String>>()? })
}

/// Computes a convolution in f32 and fp16: a GPU too old for this libtorch, or a missing library that is loaded late,
/// shows only then.
pub(super) fn smoke_test(index: usize) -> std::result::Result<(), String> {
    let computed = catch(|| convolution_works(Device::Cuda(index)));
    computed.map_err(|error| format!("device {index} does not compute: {error}"))
}

fn convolution_works(device: Device) -> Result<()> {
    let _guard = tch::no_grad_guard();
    for kind in [Kind::Float, Kind::Half] {
        let ones = |shape: [i64; 4]| Tensor::ones(shape, (Kind::Float, Device::Cpu)).to_device(device).to_kind(kind);
        let output = ones([1, 3, 8, 8]).conv2d::<Tensor>(&ones([8, 3, 3, 3]), None, 1, 0, 1, 1);
        let values = Vec::<f32>::try_from(output.to_kind(Kind::Float).to_device(Device::Cpu).contiguous().view([-1]))?;
        // Each is the sum of 3 x 3 x 3 ones, which is exact in every precision.
        if let Some(wrong) = values.iter().find(|value| **value != 27.0) {
            return Err(Error::internal(format!("a convolution of ones came to {wrong}, not 27")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smoke_test_passes_on_cpu() {
        convolution_works(Device::Cpu).unwrap();
    }
}
