//! Which libtorch is loaded.

use super::torch;
use crate::error::{Error, ErrorKind, Result};
use serde::Serialize;
use std::ffi::CStr;
use std::path::{Path, PathBuf};

/// The libtorch version that the library was built with: the layout of its C++ objects differs between versions.
const NEEDED: &str = env!("LENS_LIBTORCH_VERSION");

/// The loaded libtorch.
#[derive(Clone, Debug, Serialize)]
pub struct Backend {
    /// Its version.
    pub version: String,
    /// Where libtorch_cpu.so lies, links resolved; the GPU halves are looked for there.
    pub directory: Option<PathBuf>,
}

impl Backend {
    /// Finds out, and refuses a libtorch that does not fit or is not the one in `expected`.
    pub fn find(expected: Option<&Path>) -> Result<Self> {
        let backend = Backend { version: torch::version(), directory: directory() };
        check_version(&backend.version)?;
        if let Some(expected) = expected {
            check_directory(expected, backend.directory.as_deref())?;
        }
        Ok(backend)
    }
}

fn check_version(version: &str) -> Result<()> {
    // "2.13.0+cu130" and the like name the build.
    if version.split('+').next() == Some(NEEDED) {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Version, format!("libtorch {version} is loaded; this library needs libtorch {NEEDED}")))
}

fn check_directory(expected: &Path, loaded: Option<&Path>) -> Result<()> {
    let library = expected.join("libtorch_cpu.so");
    let found =
        library.canonicalize().map_err(|error| Error::io("find libtorch_cpu.so in libtorch_dir:", &library, &error))?;
    match loaded {
        Some(loaded) if found.parent() != Some(loaded) => Err(Error::new(
            ErrorKind::Version,
            format!(
                "libtorch_dir is {}, but the process has loaded libtorch from {}: load the plugin where its search \
                 path leads to that directory, or leave libtorch_dir NULL",
                expected.display(),
                loaded.display()
            ),
        )),
        _ => Ok(()),
    }
}

/// The directory of the loaded libtorch_cpu.so, asked of the dynamic linker by the address of one of its functions.
fn directory() -> Option<PathBuf> {
    let mut info = libc::Dl_info {
        dli_fname: std::ptr::null(),
        dli_fbase: std::ptr::null_mut(),
        dli_sname: std::ptr::null(),
        dli_saddr: std::ptr::null_mut(),
    };
    // SAFETY: dladdr accepts any address and fills the struct when it returns non-zero; dli_fname is then a C string
    // that lives as long as the library is loaded.
    let name = unsafe {
        if libc::dladdr(torch::an_address(), &raw mut info) == 0 || info.dli_fname.is_null() {
            return None;
        }
        CStr::from_ptr(info.dli_fname).to_str().ok()?
    };
    Path::new(name).canonicalize().ok()?.parent().map(Path::to_path_buf)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_version_is_refused_with_the_one_that_is_needed() {
        assert!(check_version("2.13.0+cu130").is_ok());
        let error = check_version("2.8.0").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Version);
        assert!(error.message().contains("2.8.0") && error.message().contains("2.13.0"), "{error}");
    }

    #[test]
    fn the_loaded_libtorch_is_found_and_another_directory_refused() {
        let backend = Backend::find(None).unwrap();
        let directory = backend.directory.unwrap();
        assert!(directory.join("libtorch_cpu.so").exists());
        assert!(Backend::find(Some(&directory)).is_ok());

        let other = tempfile::tempdir().unwrap();
        let missing = Backend::find(Some(other.path())).unwrap_err();
        assert_eq!(missing.kind(), ErrorKind::Io);
        std::fs::write(other.path().join("libtorch_cpu.so"), b"").unwrap();
        let different = Backend::find(Some(other.path())).unwrap_err();
        assert_eq!(different.kind(), ErrorKind::Version);
    }
}
