//! libtorch's global state, and what tch leaves open.

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
    /// Takes over a tensor that nothing writes to any more.
    pub fn new(tensor: Tensor) -> Self {
        SharedTensor(tensor)
    }
}

impl Borrow<Tensor> for SharedTensor {
    fn borrow(&self) -> &Tensor {
        &self.0
    }
}

/// So many floats in the host's memory that a GPU copies from while the host goes on; their values are anything.
pub(crate) fn page_locked(count: usize) -> Result<Tensor> {
    let mut floats = std::ptr::null_mut();
    // SAFETY: room for the pointer to a new tensor.
    checked(unsafe { lens_ext_page_locked(count as i64, &raw mut floats) })?;
    // SAFETY: a new tensor, which is taken over here.
    Ok(unsafe { Tensor::from_ptr(floats.cast()) })
}

/// Copies a tensor's values to `target` as 32-bit floats, row by row; there must be exactly so many.
pub(crate) fn copy_to_slice(tensor: &Tensor, target: &mut [f32]) -> Result<()> {
    if tensor.numel() != target.len() {
        let size = tensor.size();
        return Err(Error::argument(format!("there is room for {} numbers; {size:?} are to be copied", target.len())));
    }
    let tensor = tensor.detach().f_to_kind(Kind::Float)?.f_to_device(Device::Cpu)?;
    Ok(tensor.f_copy_data(target, target.len())?)
}

/// Makes libtorch compute with so many threads when called from this thread.
///
/// The setting is the process's, but OpenMP keeps a copy for each calling thread, so each has to make it.
pub(crate) fn use_threads(threads: usize) {
    thread_local! {
        static SET: Cell<usize> = const { Cell::new(0) };
    }
    let threads_now = usize::try_from(tch::get_num_threads()).unwrap_or(0);
    if SET.get() != threads || threads_now != threads {
        tch::set_num_threads(i32::try_from(threads).unwrap_or(i32::MAX));
        SET.set(threads);
    }
}

/// Text as C takes it.
pub(crate) fn c_string(text: &str) -> Result<CString> {
    CString::new(text).map_err(|_| Error::argument(format!("{} has a zero byte in it", text.escape_debug())))
}

/// What a function of the C++ files returned, as a result.
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
pub(crate) fn an_address() -> *const c_void {
    // SAFETY: the function of torch_ext.cpp takes the address of a function and does nothing else.
    unsafe { lens_ext_torch_address() }
}

/// The version of the libtorch that is loaded, such as "2.13.0".
pub(crate) fn version() -> String {
    // SAFETY: the function of torch_ext.cpp returns a static NUL-terminated string and does not throw.
    unsafe { CStr::from_ptr(lens_ext_torch_version()) }.to_string_lossy().into_owned()
}
