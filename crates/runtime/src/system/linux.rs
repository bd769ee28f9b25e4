//! The dynamic linker of Linux.

use std::ffi::{CStr, CString, c_void};
use std::path::{Path, PathBuf};

/// A loaded library, which is never unloaded.
#[derive(Clone, Copy, Debug)]
pub struct Library(*mut c_void);

// SAFETY: a handle of the dynamic linker may be used from any thread, and is never closed.
unsafe impl Send for Library {}
// SAFETY: as above.
unsafe impl Sync for Library {}

impl Library {
    /// The address of a symbol.
    pub fn symbol(self, name: &CStr) -> Option<*mut c_void> {
        // SAFETY: an open handle and a C string.
        let address = unsafe { libc::dlsym(self.0, name.as_ptr()) };
        (!address.is_null()).then_some(address)
    }
}

/// Loads a library with everything that it needs; in the linker's words why that cannot be. A path without a slash is
/// looked for where the linker looks. The symbols of a global one are offered to libraries that are loaded later.
pub fn open_library(path: &Path, global: bool) -> Result<Library, String> {
    let path = CString::new(path.as_os_str().as_encoded_bytes()).map_err(|error| error.to_string())?;
    let scope = if global { libc::RTLD_GLOBAL } else { libc::RTLD_LOCAL };
    // SAFETY: a C string; constructors of the library run, as those of any library that is linked.
    let handle = unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_NOW | scope) };
    if !handle.is_null() {
        return Ok(Library(handle));
    }
    // SAFETY: after a failure dlerror returns a C string of this thread, valid until its next call.
    let message = unsafe {
        let message = libc::dlerror();
        if message.is_null() { "no reason given".into() } else { CStr::from_ptr(message).to_string_lossy() }
    };
    Err(message.into_owned())
}

/// The directory of the library or program that this code is part of, links resolved.
pub fn own_directory() -> Option<PathBuf> {
    let mut info = libc::Dl_info {
        dli_fname: std::ptr::null(),
        dli_fbase: std::ptr::null_mut(),
        dli_sname: std::ptr::null(),
        dli_saddr: std::ptr::null_mut(),
    };
    let own = own_directory as fn() -> Option<PathBuf> as *const c_void;
    // SAFETY: dladdr accepts any address and fills the struct when it returns non-zero; dli_fname is then a C string that
    // lives as long as the library is loaded.
    let name = unsafe {
        if libc::dladdr(own, &raw mut info) == 0 || info.dli_fname.is_null() {
            return None;
        }
        CStr::from_ptr(info.dli_fname).to_str().ok()?
    };
    // A program that was found through PATH is named without a directory.
    let file = if name.contains('/') { PathBuf::from(name) } else { std::env::current_exe().ok()? };
    file.canonicalize().ok()?.parent().map(Path::to_path_buf)
}
