//! The loaded libtorch and its GPU library.

mod gpu;
mod gpu_library;
mod other_libtorches;
mod soname_stub;

pub use gpu_library::gpu_library_is_registered;
pub(crate) use soname_stub::provide_libtorch_soname;

use crate::error::{Error, Result};
use crate::torch;
use lens_base::ErrorKind;
use lens_engine::GpuReport;
use lens_engine::torch_table::{LIBTORCH_VERSION, LibtorchInformation};
use lens_system::probe::Vendor;
use std::path::{Path, PathBuf};

/// The loaded libtorch.
#[derive(Clone, Debug)]
pub(crate) struct Backend {
    /// Its version.
    pub version: String,
    /// Directory of libtorch_cpu.so, links resolved.
    pub directory: Option<PathBuf>,
    /// Other libtorches in the process, brought by another plugin.
    pub others: Vec<PathBuf>,
    /// Directories that are searched for GPU libraries.
    search: Vec<PathBuf>,
}

impl Backend {
    /// Fails for a libtorch of another version, or not in `expected`.
    pub fn find(expected: Option<&Path>) -> Result<Self> {
        let (version, directory) = (torch::version(), directory());
        check_version(&version)?;
        if let Some(expected) = expected {
            check_directory(expected, directory.as_deref())?;
        }
        let search = expected.map(Path::to_path_buf).into_iter().chain(directory.clone()).collect();
        Ok(Backend { version, others: other_libtorches::find(directory.as_deref()), directory, search })
    }

    /// Information for the first library.
    pub fn information(&self) -> LibtorchInformation {
        LibtorchInformation {
            version: self.version.clone(),
            directory: self.directory.clone(),
            others: self.others.clone(),
            available: self.available(),
        }
    }

    /// Vendors whose GPU library this libtorch has.
    pub fn available(&self) -> Vec<Vendor> {
        Vendor::ALL.into_iter().filter(|vendor| gpu_library::is_available(*vendor, &self.search)).collect()
    }

    /// Loads a GPU library, if needed, and asks its runtime for the GPUs; the error is the reason. Number `index` is
    /// asked for its memory and runs a test computation.
    pub fn open(&self, vendor: Vendor, index: i32) -> std::result::Result<GpuReport, String> {
        if let Some(other) = self.others.first() {
            return Err(format!(
                "another plugin brought a second libtorch into this process ({}), and a GPU library would belong to \
                 either; have both plugins use one libtorch",
                other.display()
            ));
        }
        let library = gpu_library::load(vendor, &self.search)?;
        let reported = gpu::report(vendor, library, index)?;
        if usize::try_from(index).is_ok_and(|index| index < reported.gpus.len()) {
            gpu::smoke_test(index as usize)?;
        }
        Ok(reported)
    }
}

fn check_version(version: &str) -> Result<()> {
    // "2.13.0+cu130" and the like name the build.
    if version.split('+').next() == Some(LIBTORCH_VERSION) {
        return Ok(());
    }
    let message = format!("libtorch {version} is loaded; this library needs libtorch {LIBTORCH_VERSION}");
    Err(Error::new(ErrorKind::Version, message))
}

fn check_directory(expected: &Path, loaded: Option<&Path>) -> Result<()> {
    let library = expected.join("libtorch_cpu.so");
    let found = library
        .canonicalize()
        .map_err(|error| lens_base::Error::io("find libtorch_cpu.so in libtorch_dir:", &library, &error))?;
    match loaded {
        Some(loaded) if found.parent() != Some(loaded) => Err(Error::new(
            ErrorKind::Version,
            format!(
                "libtorch_dir is {}, but the process has loaded libtorch from {} already, and loads no other: name that one, \
                 or leave libtorch_dir unset",
                expected.display(),
                loaded.display()
            ),
        )),
        _ => Ok(()),
    }
}

/// The directory of the loaded libtorch_cpu.so, from the address of one of its functions.
fn directory() -> Option<PathBuf> {
    lens_system::directory_of(torch::symbol_address() as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_version_is_refused() {
        assert!(check_version("2.13.0+cu130").is_ok());
        let error = check_version("2.8.0").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Version);
        assert!(error.message().contains("2.8.0") && error.message().contains("2.13.0"), "{error}");
    }

    #[test]
    fn loaded_libtorch_is_found_and_other_directory_refused() {
        let backend = Backend::find(None).unwrap();
        assert!(backend.others.is_empty());
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

    #[test]
    fn second_libtorch_prevents_gpu_library() {
        let mut backend = Backend::find(None).unwrap();
        backend.others.push("/opt/other/libtorch_cpu.so".into());
        let reason = backend.open(Vendor::Nvidia, 0).unwrap_err();
        assert!(reason.contains("/opt/other/libtorch_cpu.so"), "{reason}");
    }
}
