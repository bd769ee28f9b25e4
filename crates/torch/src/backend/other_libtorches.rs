//! Detection of several libtorches in one process, a faulty setup with confusing symptoms.

use lens_system::loaded_files;
use std::path::{Path, PathBuf};

/// Every loaded libtorch_cpu.so but the one in `ours`.
pub(super) fn find(ours: Option<&Path>) -> Vec<PathBuf> {
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
