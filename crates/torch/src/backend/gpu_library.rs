//! libtorch's GPU library: searched, and loaded into the process.
//!
//! It must be loaded before anything asks libtorch about GPUs, since libtorch caches the first answer. Until then only
//! the registry of device guards is read, which is not cached.

use lens_engine::torch_table::gpu_library;
use lens_system::probe::Vendor;
use lens_system::{Library, Scope};
use parking_lot::Mutex;
use std::ffi::c_int;
use std::path::PathBuf;

unsafe extern "C" {
    fn lens_ext_gpu_registered() -> c_int;
    fn lens_ext_gpu_build() -> c_int;
}

/// The loaded library. A process cannot have two: both would be libtorch's CUDA device.
static LOADED: Mutex<Option<(Vendor, Library)>> = Mutex::new(None);

/// Whether a GPU library is loaded, by whomever.
pub fn gpu_library_is_registered() -> bool {
    // SAFETY: reads an atomic pointer.
    unsafe { lens_ext_gpu_registered() != 0 }
}

/// Whether there is one to load, or it is loaded already.
pub(super) fn is_available(vendor: Vendor, search: &[PathBuf]) -> bool {
    find(vendor, search).is_some() || Library::loaded(gpu_library(vendor)).is_some()
}

fn find(vendor: Vendor, search: &[PathBuf]) -> Option<PathBuf> {
    search.iter().map(|directory| directory.join(gpu_library(vendor))).find(|path| path.exists())
}

/// Loads it, once per process; the error is the reason.
pub(super) fn load(vendor: Vendor, search: &[PathBuf]) -> Result<Library, String> {
    let mut loaded = LOADED.lock();
    if let Some((present, library)) = *loaded {
        if present == vendor {
            return Ok(library);
        }
        return Err(format!(
            "this process has loaded {} for another context, and {} cannot be loaded beside it",
            gpu_library(present),
            gpu_library(vendor)
        ));
    }
    let library = match Library::loaded(gpu_library(vendor)) {
        Some(library) => library,
        None => {
            let path = find(vendor, search).ok_or_else(|| {
                let searched: Vec<String> = search.iter().map(|directory| directory.display().to_string()).collect();
                format!("this libtorch has no {} (looked in {})", gpu_library(vendor), searched.join(", "))
            })?;
            Library::open(&path, Scope::Global)
                .map_err(|reason| format!("{} cannot be loaded: {reason}", path.display()))?
        }
    };
    check(vendor)?;
    *loaded = Some((vendor, library));
    Ok(library)
}

/// Checks that libtorch registered the library, and that it is the vendor's.
fn check(vendor: Vendor) -> Result<(), String> {
    if !gpu_library_is_registered() {
        return Err(format!(
            "{} was loaded, but offers libtorch no device: it is of another build",
            gpu_library(vendor)
        ));
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
        _ => Err(format!("{} is not of the build that its name says", gpu_library(vendor))),
    }
}
