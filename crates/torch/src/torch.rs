//! libtorch functions that tch lacks.

use crate::error::{Error, Result};
use std::borrow::Borrow;
use std::cell::Cell;
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use tch::{Device, Kind, Tensor};

/// A tensor that several threads read.
#[derive(Debug)]
pub struct SharedTensor(Tensor);

// SAFETY: libtorch allows any number of threads to read one tensor at once; its reference count is atomic. This type
// hands out shared references only, and the crate never writes through one (no in-place operation on a shared tensor).
unsafe impl Sync for SharedTensor {}

impl SharedTensor {
    /// Takes ownership of a tensor that nothing writes to any more.
    pub fn new(tensor: Tensor) -> Self {
        SharedTensor(tensor)
    }
}

impl Borrow<Tensor> for SharedTensor {
    fn borrow(&self) -> &Tensor {
        &self.0
    }
}

/// Uninitialised floats in pinned memory of the machine, from which a GPU copies asynchronously.
pub(crate) fn pinned_memory(count: usize) -> Result<Tensor> {
    let mut floats = std::ptr::null_mut();
    // SAFETY: room for the pointer to a new tensor.
    checked(unsafe { lens_ext_page_locked(count as i64, &raw mut floats) })?;
    // SAFETY: a new tensor, which is taken over here.
    Ok(unsafe { Tensor::from_ptr(floats.cast()) })
}

/// Copies a tensor's values to `target` as 32-bit floats, row-major; the lengths must be equal.
pub(crate) fn copy_to_slice(tensor: &Tensor, target: &mut [f32]) -> Result<()> {
    if tensor.numel() != target.len() {
        let size = tensor.size();
        return Err(Error::argument(format!("there is room for {} numbers; {size:?} are to be copied", target.len())));
    }
    let tensor = tensor.detach().f_to_kind(Kind::Float)?.f_to_device(Device::Cpu)?;
    Ok(tensor.f_copy_data(target, target.len())?)
}

/// Sets libtorch's number of threads for calls from this thread.
///
/// The setting is global, but OpenMP keeps a copy for each calling thread, so each has to set it.
pub(crate) fn set_threads(threads: usize) {
    thread_local! {
        static SET: Cell<usize> = const { Cell::new(0) };
    }
    let threads_now = usize::try_from(tch::get_num_threads()).unwrap_or(0);
    if SET.get() != threads || threads_now != threads {
        tch::set_num_threads(i32::try_from(threads).unwrap_or(i32::MAX));
        SET.set(threads);
    }
}

/// A C string.
pub(crate) fn c_string(text: &str) -> Result<CString> {
    CString::new(text).map_err(|_| Error::argument(format!("{} has a zero byte in it", text.escape_debug())))
}

/// The result for the return code of a C++ function.
pub(crate) fn checked(failed: c_int) -> Result<()> {
    if failed == 0 {
        return Ok(());
    }
    // SAFETY: a NUL-terminated string of this thread, valid until this thread's next failing call.
    let message = unsafe { CStr::from_ptr(lens_ext_error()) };
    Err(Error::from_torch(&message.to_string_lossy()))
}

unsafe extern "C" {
    fn lens_ext_error() -> *const c_char;
    fn lens_ext_torch_version() -> *const c_char;
    fn lens_ext_torch_address() -> *const c_void;
    fn lens_ext_page_locked(count: i64, floats: *mut *mut c_void) -> c_int;
}

/// An address inside the loaded libtorch_cpu.so.
pub(crate) fn symbol_address() -> *const c_void {
    // SAFETY: the function of torch_ext.cpp takes the address of a function and does nothing else.
    unsafe { lens_ext_torch_address() }
}

/// The version of the libtorch that is loaded, such as "2.13.0".
pub(crate) fn version() -> String {
    // SAFETY: the function of torch_ext.cpp returns a static NUL-terminated string and does not throw.
    unsafe { CStr::from_ptr(lens_ext_torch_version()) }.to_string_lossy().into_owned()
}
