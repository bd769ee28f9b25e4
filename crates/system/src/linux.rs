//! Linux.

use std::ffi::{CStr, CString, OsString, c_int, c_void};
use std::fs::File;
use std::io::{Error, Write};
use std::ops::{Deref, DerefMut};
use std::os::fd::{AsRawFd, FromRawFd};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::ptr::NonNull;

/// A loaded library, which is never unloaded.
#[derive(Clone, Copy, Debug)]
pub struct Library(*mut c_void);

// SAFETY: a handle of the dynamic linker may be used from any thread, and is never closed.
unsafe impl Send for Library {}
// SAFETY: as above.
unsafe impl Sync for Library {}

/// Visibility of a library's symbols.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// To the library itself and those that depend on it.
    Local,
    /// Also to libraries that are loaded later.
    Global,
}

impl Library {
    /// Loads a library with its dependencies; the error is the dynamic linker's message. A path without a slash is
    /// searched by the linker.
    pub fn open(path: &Path, scope: Scope) -> Result<Self, String> {
        let scope = match scope {
            Scope::Local => libc::RTLD_LOCAL,
            Scope::Global => libc::RTLD_GLOBAL,
        };
        open(path, libc::RTLD_NOW | scope)
    }

    /// The library of this name, if it is loaded.
    pub fn loaded(name: &str) -> Option<Self> {
        open(Path::new(name), libc::RTLD_NOW | libc::RTLD_NOLOAD).ok()
    }

    /// Loads a library from its bytes; libraries that are loaded later find it by its soname.
    pub fn open_bytes(name: &CStr, bytes: &[u8]) -> Result<Self, String> {
        let failed = |error: Error| format!("cannot be laid out in memory: {error}");
        // SAFETY: a C string and a flag.
        let descriptor = unsafe { libc::memfd_create(name.as_ptr(), libc::MFD_CLOEXEC) };
        if descriptor == -1 {
            return Err(failed(Error::last_os_error()));
        }
        // SAFETY: a new descriptor, which is nobody else's.
        let mut file = unsafe { File::from_raw_fd(descriptor) };
        file.write_all(bytes).map_err(failed)?;
        Library::open(&PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd())), Scope::Global)
    }

    /// The address of a symbol of the library or its dependencies.
    pub fn symbol(self, name: &CStr) -> Option<*mut c_void> {
        // SAFETY: an open handle and a C string.
        let address = unsafe { libc::dlsym(self.0, name.as_ptr()) };
        (!address.is_null()).then_some(address)
    }
}

fn open(path: &Path, flags: c_int) -> Result<Library, String> {
    let path = CString::new(path.as_os_str().as_encoded_bytes()).map_err(|error| error.to_string())?;
    // SAFETY: a C string; constructors of the library run, as those of any library that is linked.
    let handle = unsafe { libc::dlopen(path.as_ptr(), flags) };
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

/// The directory of the library or program that contains an address, links resolved.
pub fn directory_of(address: usize) -> Option<PathBuf> {
    let mut info = libc::Dl_info {
        dli_fname: std::ptr::null(),
        dli_fbase: std::ptr::null_mut(),
        dli_sname: std::ptr::null(),
        dli_saddr: std::ptr::null_mut(),
    };
    // SAFETY: dladdr accepts any address and fills the struct when it returns non-zero; dli_fname is then a C string that
    // lives as long as the library is loaded.
    let name = unsafe {
        if libc::dladdr(address as *const c_void, &raw mut info) == 0 || info.dli_fname.is_null() {
            return None;
        }
        CStr::from_ptr(info.dli_fname).to_str().ok()?
    };
    // A program found through PATH has no directory in its name.
    let file = if name.contains('/') { PathBuf::from(name) } else { std::env::current_exe().ok()? };
    file.canonicalize().ok()?.parent().map(Path::to_path_buf)
}

/// The files of all loaded libraries.
pub fn loaded_files() -> Vec<PathBuf> {
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

/// Sets an environment variable unless it is set. The caller must rule out that other threads read the environment
/// meanwhile.
pub fn set_variable(name: &CStr, value: &CStr) -> Result<(), Error> {
    // SAFETY: two C strings, which setenv copies.
    match unsafe { libc::setenv(name.as_ptr(), value.as_ptr(), 0) } {
        0 => Ok(()),
        _ => Err(Error::last_os_error()),
    }
}

/// Bytes of a huge page on x86-64 and arm64 with 4 KiB pages.
pub const LARGE_PAGE: usize = 2 << 20;

/// Zeroed memory pages, returned to the system as soon as they are dropped, which the allocator would not do. They are
/// aligned to a huge page, and consist of huge pages as far as the system provides them.
#[derive(Debug)]
pub struct Pages {
    start: NonNull<u8>,
    bytes: usize,
}

// SAFETY: it owns its memory, as a Vec does.
unsafe impl Send for Pages {}
// SAFETY: shared references to it only read.
unsafe impl Sync for Pages {}

impl Pages {
    /// None if there is no memory.
    pub fn zeroed(bytes: usize) -> Option<Self> {
        let kept = round_up_to_pages(bytes)?;
        let reserved = kept.checked_add(LARGE_PAGE)?;
        let (rights, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        // SAFETY: a new mapping at an address of the system's choice.
        let reservation = unsafe { libc::mmap(std::ptr::null_mut(), reserved, rights, flags, -1, 0) };
        if reservation == libc::MAP_FAILED {
            return None;
        }
        let before = reservation.cast::<u8>().align_offset(LARGE_PAGE);
        // SAFETY: within the mapping, which is longer by a large page than what is kept.
        let start = unsafe { reservation.cast::<u8>().add(before) };
        // SAFETY: whole pages before and after the part that is kept, which nobody uses; advice changes no content.
        unsafe {
            if before > 0 {
                libc::munmap(reservation, before);
            }
            if before < LARGE_PAGE {
                libc::munmap(start.add(kept).cast(), LARGE_PAGE - before);
            }
            libc::madvise(start.cast(), kept, libc::MADV_HUGEPAGE);
        }
        NonNull::new(start).map(|start| Pages { start, bytes })
    }

    /// Returns all but the first bytes to the system.
    pub fn truncate(&mut self, bytes: usize) {
        let bytes = bytes.min(self.bytes);
        if let (Some(kept), Some(all)) = (round_up_to_pages(bytes), round_up_to_pages(self.bytes))
            && kept < all
        {
            // SAFETY: whole pages of this mapping behind the bytes that stay.
            unsafe { libc::munmap(self.start.as_ptr().add(kept).cast(), all - kept) };
        }
        self.bytes = bytes;
    }
}

impl Deref for Pages {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: `bytes` initialised bytes, owned.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.bytes) }
    }
}

impl DerefMut for Pages {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: `bytes` initialised bytes, owned and borrowed exclusively.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), self.bytes) }
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        // SAFETY: the mapping of this value, which nobody uses any more.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.bytes.max(1)) };
    }
}

/// Rounded up to whole pages, at least one; none if that cannot be addressed.
fn round_up_to_pages(bytes: usize) -> Option<usize> {
    // SAFETY: a question with a constant.
    let page = usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).ok()?;
    bytes.max(1).checked_next_multiple_of(page).filter(|bytes| isize::try_from(*bytes).is_ok())
}

/// Reads a file from its beginning, whatever its position.
pub fn read_whole(file: &File, bytes: &mut [u8]) -> Result<(), Error> {
    file.read_exact_at(bytes, 0)
}

/// Peak resident memory of the process, in bytes.
pub fn peak_memory_bytes() -> Option<u64> {
    status_bytes("VmHWM:")
}

/// Resident memory of the process, in bytes.
pub fn resident_memory_bytes() -> Option<u64> {
    status_bytes("VmRSS:")
}

fn status_bytes(field: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}

/// A file's name from the bytes that it has here, which need not be text.
pub fn name_of_bytes(bytes: Vec<u8>) -> OsString {
    OsStringExt::from_vec(bytes)
}

/// Makes a symbolic link to a directory.
pub fn link_to_directory(directory: &Path, link: &Path) -> Result<(), Error> {
    std::os::unix::fs::symlink(directory, link)
}

/// Gives a temporary file, which is private by default, the permissions of any new file.
pub fn with_rights_of_new_files(temporary: &mut tempfile::Builder) {
    temporary.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
}

/// Gives a temporary directory to this user alone.
pub fn for_this_user_alone(temporary: &mut tempfile::Builder) {
    temporary.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
}

/// Signals other than Ctrl-C by which users end programs: SIGTERM, and SIGHUP of a terminal that is closed, unless it is
/// ignored, as `nohup` has it.
pub fn ending_signals() -> Vec<c_int> {
    // SAFETY: all zeros are a valid value of this plain struct.
    let mut hangup: libc::sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: without a new action, the present one is written to the struct.
    let known = unsafe { libc::sigaction(libc::SIGHUP, std::ptr::null(), &mut hangup) } == 0;
    let ignored = known && hangup.sa_sigaction == libc::SIG_IGN;
    if ignored { vec![libc::SIGTERM] } else { vec![libc::SIGTERM, libc::SIGHUP] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn load_errors_are_the_linkers_messages() {
        let reason = Library::open(Path::new("/nowhere/a.so"), Scope::Local).unwrap_err();
        assert!(reason.contains("/nowhere/a.so"), "{reason}");
        let reason = Library::open_bytes(c"a", b"no library").unwrap_err();
        assert!(reason.contains("/proc/self/fd/"), "{reason}");
        assert!(Library::open(Path::new("a\0b"), Scope::Local).is_err());
        assert!(Library::loaded("liba-that-nobody-has.so").is_none());
    }

    #[test]
    fn loaded_library_has_symbols_and_directory() {
        let library = Library::loaded("libc.so.6").unwrap();
        let address = library.symbol(c"strlen").unwrap();
        assert!(library.symbol(c"no_such_function_anywhere").is_none());
        assert!(loaded_files().iter().any(|path| path.ends_with("libc.so.6")));
        assert!(directory_of(address as usize).unwrap().join("libc.so.6").exists());
        let own = directory_of(loaded_library_has_symbols_and_directory as fn() as usize).unwrap();
        assert_eq!(own, std::env::current_exe().unwrap().canonicalize().unwrap().parent().unwrap());
        assert!(directory_of(0).is_none());
    }

    #[test]
    fn pages_are_zeroed_aligned_and_returned() {
        let resident = || resident_memory_bytes().unwrap();
        for bytes in [0, 1, 4096, 5000, LARGE_PAGE, 3 * LARGE_PAGE + 70_000] {
            let mut pages = Pages::zeroed(bytes).unwrap();
            assert_eq!((pages.len(), pages.as_ptr().align_offset(LARGE_PAGE)), (bytes, 0));
            assert!(pages.iter().all(|byte| *byte == 0));
            pages.fill(1);
            pages.truncate(bytes / 2);
            assert_eq!(pages.iter().map(|byte| usize::from(*byte)).sum::<usize>(), bytes / 2);
        }
        let mut pages = Pages::zeroed(64 << 20).unwrap();
        pages.fill(1);
        let full = resident();
        pages.truncate(32 << 20);
        let half = resident();
        drop(pages);
        // Other tests allocate and free memory meanwhile.
        assert!(full > half + (24 << 20) && half > resident() + (24 << 20), "{full} {half} {}", resident());
        assert!(Pages::zeroed(usize::MAX).is_none() && Pages::zeroed(1 << 62).is_none());
    }

    #[test]
    fn set_variable_is_kept() {
        set_variable(c"LENS_SYSTEM_TEST", c"first").unwrap();
        set_variable(c"LENS_SYSTEM_TEST", c"second").unwrap();
        assert_eq!(std::env::var("LENS_SYSTEM_TEST").as_deref(), Ok("first"));
        assert!(set_variable(c"A=B", c"").is_err());
    }

    #[test]
    fn peak_memory_includes_current() {
        let before = peak_memory_bytes().unwrap();
        let memory = std::hint::black_box(vec![1u8; 64 << 20]);
        assert!(peak_memory_bytes().unwrap() >= before.max(memory.len() as u64));
    }
}
