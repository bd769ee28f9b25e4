//! Several libtorches in one process: a defect of its set-up that shows in strange places, so it is looked for.

use std::ffi::{CStr, c_int, c_void};
use std::path::{Path, PathBuf};

/// Every other libtorch_cpu.so in the process than the one in `ours`.
pub(super) fn others(ours: Option<&Path>) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = loaded_files()
        .into_iter()
        .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("libtorch_cpu")))
        .map(|path| path.canonicalize().unwrap_or(path))
        .filter(|path| path.parent() != ours)
        .collect();
    found.sort();
    found.dedup();
    found
}

/// The files of all libraries in the process.
fn loaded_files() -> Vec<PathBuf> {
    unsafe extern "C" fn note(info: *mut libc::dl_phdr_info, _: usize, files: *mut c_void) -> c_int {
        // SAFETY: dl_iterate_phdr passes a valid record and the pointer that it was given.
        let (info, files) = unsafe { (&*info, &mut *files.cast::<Vec<PathBuf>>()) };
        if !info.dlpi_name.is_null() {
            // SAFETY: not NULL, so a C string that lives as long as the library is loaded.
            files.push(PathBuf::from(unsafe { CStr::from_ptr(info.dlpi_name) }.to_string_lossy().into_owned()));
        }
        0
    }
    let mut files: Vec<PathBuf> = Vec::new();
    // SAFETY: the function gets the vector that it expects, which outlives the call.
    unsafe { libc::dl_iterate_phdr(Some(note), (&raw mut files).cast::<c_void>()) };
    files
}
