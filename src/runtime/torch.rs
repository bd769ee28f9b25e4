//! libtorch's global state, and what tch leaves open.

use crate::error::{Error, Result};
use std::borrow::Borrow;
use std::cell::Cell;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
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

/// Floats that one thread fills and libtorch then reads. On the way to a GPU they lie in page-locked memory, so that
/// copying them need not be waited for.
#[derive(Debug)]
pub struct HostBuffer {
    floats: Tensor,
    device: Device,
}

impl HostBuffer {
    /// So many zeros, on the way to `device`.
    pub fn new(count: usize, device: Device) -> Self {
        let count = count.max(1) as i64;
        let locked = if device == Device::Cpu { None } else { page_locked(count).ok() };
        // Where no memory can be locked, copies are waited for.
        let floats = locked.unwrap_or_else(|| Tensor::empty([count], (Kind::Float, Device::Cpu)));
        // Not by libtorch: after a large fill its threads go on spinning, beside those of the pool.
        // SAFETY: a contiguous f32 tensor in the host's memory that nobody else has; zero bytes are the float 0.
        unsafe { floats.data_ptr().cast::<f32>().write_bytes(0, floats.numel()) };
        HostBuffer { floats, device }
    }

    /// The floats, to be filled.
    pub fn values_mut(&mut self) -> &mut [f32] {
        // SAFETY: a contiguous f32 tensor in the host's memory that was made here, with so many elements. It is borrowed
        // exclusively; tensors that `part` handed out share its memory, but libtorch reads them only while it is called,
        // and for such a call on another thread the buffer would have to be shared.
        unsafe { std::slice::from_raw_parts_mut(self.floats.data_ptr().cast::<f32>(), self.floats.numel()) }
    }

    fn values(&self) -> &[f32] {
        // SAFETY: as in `values_mut`, but for reading.
        unsafe { std::slice::from_raw_parts(self.floats.data_ptr().cast::<f32>().cast_const(), self.floats.numel()) }
    }

    /// How many floats there are.
    pub fn count(&self) -> usize {
        self.floats.numel()
    }

    /// The same floats with room for more.
    pub fn grown(&self, count: usize) -> Self {
        let mut grown = HostBuffer::new(count, self.device);
        grown.values_mut()[..self.count()].copy_from_slice(self.values());
        grown
    }

    /// `count` floats from `first` on, on the device: shared on the CPU, copied elsewhere.
    pub fn part(&self, first: usize, count: usize) -> Tensor {
        let part = self.floats.narrow(0, first as i64, count as i64);
        match self.device {
            Device::Cpu => part,
            device => part.to_device_(device, Kind::Float, true, false),
        }
    }
}

fn page_locked(count: i64) -> Result<Tensor> {
    let mut floats = std::ptr::null_mut();
    // SAFETY: room for the pointer to a new tensor.
    checked(unsafe { lens_ext_page_locked(count, &raw mut floats) })?;
    // SAFETY: a new tensor, which is taken over here.
    Ok(unsafe { Tensor::from_ptr(floats.cast()) })
}

/// Images of a tensor, N x 3 x H x W, in the host's memory, with the samples of a pixel beside each other.
pub struct HostPixels(Tensor);

impl HostPixels {
    /// The tensor itself when its memory is in that order, a copy otherwise.
    pub fn of(tensor: &Tensor) -> Result<Self> {
        let pixels = tensor.f_permute([0, 2, 3, 1])?.f_to_device(Device::Cpu)?.f_to_kind(Kind::Float)?;
        let (size, stride) = (pixels.size(), pixels.stride());
        let in_order = size[3] == 3 && stride[3] == 1 && stride[2] == 3 && stride[1] >= 3 * size[2] && stride[0] >= 0;
        Ok(HostPixels(if in_order { pixels } else { pixels.f_contiguous()? }))
    }

    /// Of each image its samples from the first to the last, and how far apart its rows begin.
    pub fn images(&self) -> impl Iterator<Item = (&[f32], usize)> {
        let (size, stride) = (self.0.size(), self.0.stride());
        let [count, height, width, channels] = [0, 1, 2, 3].map(|dimension| size[dimension] as usize);
        let [step, row_step] = [0, 1].map(|dimension| stride[dimension] as usize);
        let samples = if height * width == 0 { 0 } else { (height - 1) * row_step + width * channels };
        (0..count).map(move |index| {
            // SAFETY: these are the places of the image's elements, first to last, in the order that `of` made sure of;
            // gaps between rows lie inside the same storage. The tensor is borrowed, and the crate writes to no tensor
            // that it has handed out for reading.
            let image = unsafe {
                std::slice::from_raw_parts(self.0.data_ptr().cast::<f32>().add(index * step).cast_const(), samples)
            };
            (image, row_step)
        })
    }
}

/// Images as they come, channels last, or in NCHW order.
pub fn arranged(images: Tensor, channels_last: bool) -> Tensor {
    if channels_last { images } else { images.contiguous() }
}

/// A tensor's values as files hold them: 32-bit floats, row by row, little-endian as on every machine this library runs
/// on.
pub fn float_bytes(tensor: &Tensor) -> Result<Vec<u8>> {
    let tensor = tensor.detach().f_to_device(Device::Cpu)?.f_to_kind(Kind::Float)?.f_contiguous()?;
    let mut bytes = vec![0; tensor.numel() * size_of::<f32>()];
    tensor.f_copy_data_u8(&mut bytes, tensor.numel())?;
    Ok(bytes)
}

/// Peak memory of the process so far, in bytes, where the system tells.
pub fn peak_memory_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}

/// Runs work whose panics come back as errors: libtorch's exceptions among them, which most methods of tch turn into
/// panics.
pub fn catch<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(result) => result,
        Err(panic) => Err(Error::from_torch(
            panic
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| panic.downcast_ref::<&str>().copied())
                .unwrap_or("a panic without a message"),
        )),
    }
}

/// Makes libtorch compute with so many threads when called from this thread.
///
/// The setting is the process's, but OpenMP keeps a copy for each calling thread, so each has to make it.
pub(super) fn use_threads(threads: usize) {
    thread_local! {
        static SET: Cell<usize> = const { Cell::new(0) };
    }
    let threads_now = usize::try_from(tch::get_num_threads()).unwrap_or(0);
    if SET.get() != threads || threads_now != threads {
        tch::set_num_threads(i32::try_from(threads).unwrap_or(i32::MAX));
        SET.set(threads);
    }
}

/// What a function of torch_ext.cpp returned, as a result.
pub(super) fn checked(failed: c_int) -> Result<()> {
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
pub(super) fn an_address() -> *const c_void {
    // SAFETY: the function of torch_ext.cpp takes the address of a function and does nothing else.
    unsafe { lens_ext_torch_address() }
}

/// The version of the libtorch that is loaded, such as "2.13.0".
pub(super) fn version() -> String {
    // SAFETY: the function of torch_ext.cpp returns a static NUL-terminated string and does not throw.
    unsafe { CStr::from_ptr(lens_ext_torch_version()) }.to_string_lossy().into_owned()
}
