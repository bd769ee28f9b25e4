//! A library called libtorch.so, which AOTInductor packages ask for.
//!
//! libtorch's own drags in the GPU library. Where that is not loaded, an empty library of this name takes its place, which
//! needs libtorch_cpu.so and nothing else.

use super::gpu_library::{gpu_library_is_registered, open};
use once_cell::sync::OnceCell;
use std::fs::File;
use std::io::Write;
use std::os::fd::{AsRawFd, FromRawFd};
use std::path::{Path, PathBuf};

const NAME: &str = "libtorch.so";
/// Made by build.rs.
const STUB: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/libtorch.so"));

/// Sees to it that there is one in the process; in words why that cannot be.
pub fn have_libtorch_by_name() -> Result<(), String> {
    static DONE: OnceCell<()> = OnceCell::new();
    DONE.get_or_try_init(|| {
        if open(Path::new(NAME), libc::RTLD_NOW | libc::RTLD_NOLOAD).is_ok() {
            return Ok(());
        }
        let beside = super::directory().map(|directory| directory.join(NAME));
        if let Some(path) = beside.filter(|path| gpu_library_is_registered() && path.exists()) {
            return load(&path);
        }
        let failed = |error: std::io::Error| format!("cannot lay out {NAME} in memory: {error}");
        let file = in_memory().and_then(|mut file| file.write_all(STUB).map(|()| file)).map_err(failed)?;
        load(&PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd())))
    })
    .copied()
}

fn load(path: &Path) -> Result<(), String> {
    // Global, so that it is found by name whichever library asks.
    open(path, libc::RTLD_NOW | libc::RTLD_GLOBAL)
        .map(drop)
        .map_err(|reason| format!("{NAME} cannot be loaded: {reason}"))
}

/// A file that is nowhere on a disk.
fn in_memory() -> std::io::Result<File> {
    // SAFETY: a C string and a flag; the descriptor that comes back is nobody else's.
    unsafe {
        match libc::memfd_create(c"lesionlens-libtorch".as_ptr(), libc::MFD_CLOEXEC) {
            -1 => Err(std::io::Error::last_os_error()),
            descriptor => Ok(File::from_raw_fd(descriptor)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn afterwards_it_is_found_by_name_and_brings_no_other_library() {
        have_libtorch_by_name().unwrap();
        assert!(open(Path::new(NAME), libc::RTLD_NOW | libc::RTLD_NOLOAD).is_ok());
        assert!(!gpu_library_is_registered());
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        assert!(!maps.contains("libtorch_cuda"), "{maps}");
        have_libtorch_by_name().unwrap();
    }
}
