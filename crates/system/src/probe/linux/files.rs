//! Small text files below a root.

use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Reads below a root; what cannot be read is `None`.
pub(super) struct Files(PathBuf);

impl Files {
    pub fn new(root: &Path) -> Self {
        Files(root.to_path_buf())
    }

    /// The file's trimmed text; `None` also if it is empty.
    pub fn text(&self, path: &str) -> Option<String> {
        let text = fs::read_to_string(self.0.join(path)).ok()?;
        let text = text.trim();
        (!text.is_empty()).then(|| text.to_string())
    }

    pub fn number<T: FromStr>(&self, path: &str) -> Option<T> {
        self.text(path)?.parse().ok()
    }

    /// Entries of a directory, sorted.
    pub fn names(&self, path: &str) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.0.join(path)) else {
            return Vec::new();
        };
        let mut names: Vec<String> =
            entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }
}
