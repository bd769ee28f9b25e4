//! The GPU library of libtorch: found, and loaded into the process.
//!
//! That must happen before anything asks libtorch about GPUs: it remembers the first answer for good. Hence nothing
//! here asks before that library is loaded, but for the registry of device guards, which is not remembered.

use lens_engine::probe::Vendor;
use parking_lot::Mutex;
use std::ffi::{CStr, CString, c_int, c_void};
use std::path::{Path, PathBuf};

unsafe extern "C" {
    fn lens_ext_gpu_registered() -> c_int;
    fn lens_ext_gpu_build() -> c_int;
}

/// A loaded library, which stays loaded.
#[derive(Clone, Copy, Debug)]
pub(super) struct GpuLibrary(*mut c_void);

// SAFETY: a handle of the dynamic linker may be used from any thread, and is never closed here.
unsafe impl Send for GpuLibrary {}

impl GpuLibrary {
    /// A function of the library or of those it is linked against.
    pub fn symbol(self, name: &str) -> Result<*mut c_void, String> {
        let c_name = CString::new(name).map_err(|error| error.to_string())?;
        // SAFETY: an open handle and a C string.
        let address = unsafe { libc::dlsym(self.0, c_name.as_ptr()) };
        if address.is_null() { Err(format!("the GPU's runtime library has no {name}")) } else { Ok(address) }
    }
}

/// The one that was loaded. A process cannot have two: both would be libtorch's CUDA device.
static LOADED: Mutex<Option<(Vendor, GpuLibrary)>> = Mutex::new(None);

/// Whether a GPU library is in the process, whoever loaded it.
pub fn gpu_library_is_registered() -> bool {
    // SAFETY: reads an atomic pointer.
    unsafe { lens_ext_gpu_registered() != 0 }
}

/// Whether there is one to load, or it is in the process already.
pub(super) fn is_there(vendor: Vendor, search: &[PathBuf]) -> bool {
    find(vendor, search).is_some() || open_by_name(vendor).is_some()
}

fn find(vendor: Vendor, search: &[PathBuf]) -> Option<PathBuf> {
    search.iter().map(|directory| directory.join(vendor.library())).find(|path| path.exists())
}

/// The library that the host has loaded already.
fn open_by_name(vendor: Vendor) -> Option<GpuLibrary> {
    open(Path::new(vendor.library()), libc::RTLD_NOW | libc::RTLD_NOLOAD).ok()
}

pub(super) fn open(path: &Path, flags: c_int) -> Result<GpuLibrary, String> {
    let c_path = CString::new(path.as_os_str().as_encoded_bytes()).map_err(|error| error.to_string())?;
    // SAFETY: a C string; constructors of the library run, as those of any library that is linked.
    let handle = unsafe { libc::dlopen(c_path.as_ptr(), flags) };
    if !handle.is_null() {
        return Ok(GpuLibrary(handle));
    }
    // SAFETY: after a failure dlerror returns a C string of this thread, valid until its next call.
    let message = unsafe {
        let message = libc::dlerror();
        if message.is_null() { "no reason given".into() } else { CStr::from_ptr(message).to_string_lossy() }
    };
    Err(message.into_owned())
}

/// Loads it, once per process; in words why that cannot be.
pub(super) fn load(vendor: Vendor, search: &[PathBuf]) -> Result<GpuLibrary, String> {
    let mut loaded = LOADED.lock();
    if let Some((present, library)) = *loaded {
        if present == vendor {
            return Ok(library);
        }
        return Err(format!(
            "this process has loaded {} for another context, and {} cannot be loaded beside it",
            present.library(),
            vendor.library()
        ));
    }
    let library = match open_by_name(vendor) {
        Some(library) => library,
        None => {
            let path = find(vendor, search).ok_or_else(|| {
                let places: Vec<String> = search.iter().map(|place| place.display().to_string()).collect();
                format!("this libtorch has no {} (looked in {})", vendor.library(), places.join(", "))
            })?;
            open(&path, libc::RTLD_NOW | libc::RTLD_GLOBAL)
                .map_err(|reason| format!("{} cannot be loaded: {reason}", path.display()))?
        }
    };
    check(vendor)?;
    *loaded = Some((vendor, library));
    Ok(library)
}

/// Whether libtorch has taken notice of the library, and which one it is.
fn check(vendor: Vendor) -> Result<(), String> {
    if !gpu_library_is_registered() {
        return Err(format!("{} was loaded, but offers libtorch no device: it is of another build", vendor.library()));
    }
    // SAFETY: asks libtorch's hooks for two constants of their build; nothing is thrown.
    match unsafe { lens_ext_gpu_build() } {
        0 => Err(
            "libtorch was asked for GPUs in this process before its GPU library was loaded, and does not look again: \
                  call lens_init with this device before anything else computes with libtorch"
                .into(),
        ),
        1 if vendor == Vendor::Nvidia => Ok(()),
        2 if vendor == Vendor::Amd => Ok(()),
        _ => Err(format!("{} is not of the build that its name says", vendor.library())),
    }
}
