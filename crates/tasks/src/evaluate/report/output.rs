//! The directory of a report: written to a temporary directory, then moved as a whole.

use lens_base::{Error, Result, TEMPORARY_PREFIX, TEMPORARY_SUFFIX};
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Directory of raw heatmaps in the report; its contents are replaced.
pub const FLAGGED_RAW: &str = "flagged_raw";
/// Directory of overlays in the report; its contents are replaced.
pub const FLAGGED_OVERLAYS: &str = "flagged_overlays";
/// Its page.
pub const PAGE: &str = "report.html";
/// Its document.
pub const DOCUMENT: &str = "report.json";
/// Its table.
pub const PREDICTIONS: &str = "predictions.csv";
/// Its charts.
pub const SAMPLE_RESULTS: &str = "sample_results.png";
/// As above.
pub const CONFUSION: &str = "confusion.png";
/// As above.
pub const ROC: &str = "roc.png";
/// As above.
pub const RELIABILITY: &str = "reliability.png";

/// What a report replaces in its directory.
pub const REPORT_NAMES: [&str; 9] =
    [FLAGGED_RAW, FLAGGED_OVERLAYS, PAGE, DOCUMENT, PREDICTIONS, SAMPLE_RESULTS, CONFUSION, ROC, RELIABILITY];
/// How the names of all files in the directories begin.
const OWN_PREFIX: &str = "heatmap_";

/// A report that is being written.
pub struct Output {
    target: PathBuf,
    staging: TempDir,
}

impl Output {
    /// Prepares to write into `target`, which is made when missing. Refuses when the report's directories hold what is
    /// not of an earlier report.
    pub fn begin(target: &Path) -> Result<Self> {
        for name in [FLAGGED_RAW, FLAGGED_OVERLAYS] {
            check_own(&target.join(name))?;
        }
        fs::create_dir_all(target).map_err(|error| Error::io("make directory", target, &error))?;
        let staging = tempfile::Builder::new()
            .prefix(TEMPORARY_PREFIX)
            .suffix(TEMPORARY_SUFFIX)
            .tempdir_in(target)
            .map_err(|error| Error::io("write into", target, &std::io::Error::from(error.kind())))?;
        Ok(Output { target: target.to_path_buf(), staging })
    }

    /// Where a file is written for now.
    pub fn file(&self, name: &str) -> PathBuf {
        self.staging.path().join(name)
    }

    /// The same in a directory, which is made.
    pub fn file_in(&self, directory: &str, name: &str) -> Result<PathBuf> {
        let directory = self.file(directory);
        fs::create_dir_all(&directory).map_err(|error| Error::io("make directory", &directory, &error))?;
        Ok(directory.join(name))
    }

    /// Moves everything to the target.
    pub fn publish(self) -> Result<()> {
        for name in [FLAGGED_RAW, FLAGGED_OVERLAYS] {
            let old = self.target.join(name);
            if old.exists() {
                fs::remove_dir_all(&old).map_err(|error| Error::io("replace", &old, &error))?;
            }
        }
        let entries =
            fs::read_dir(self.staging.path()).map_err(|error| Error::io("read", self.staging.path(), &error))?;
        for entry in entries {
            let entry = entry.map_err(|error| Error::io("read", self.staging.path(), &error))?;
            let path = self.target.join(entry.file_name());
            fs::rename(entry.path(), &path).map_err(|error| Error::io("write", &path, &error))?;
        }
        Ok(())
    }
}

fn check_own(directory: &Path) -> Result<()> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Error::io("replace", directory, &error)),
    };
    for entry in entries {
        let entry = entry.map_err(|error| Error::io("read", directory, &error))?;
        let name = entry.file_name();
        if !name.to_string_lossy().starts_with(OWN_PREFIX) {
            return Err(Error::argument(format!(
                "{} holds {}, which no report wrote: choose another output_dir, or move it away",
                directory.display(),
                name.to_string_lossy()
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaced_and_abandoned_reports() {
        let directory = tempfile::tempdir().unwrap();
        let target = directory.path().join("report");
        let write = |text: &str, name: &str| {
            let output = Output::begin(&target).unwrap();
            fs::write(output.file("report.json"), text).unwrap();
            fs::write(output.file_in(FLAGGED_RAW, name).unwrap(), text).unwrap();
            output
        };
        write("one", "heatmap_1.npy").publish().unwrap();
        drop(write("two", "heatmap_2.npy"));
        assert_eq!(fs::read_to_string(target.join("report.json")).unwrap(), "one");
        write("three", "heatmap_3.npy").publish().unwrap();
        assert_eq!(fs::read_to_string(target.join("report.json")).unwrap(), "three");
        let names: Vec<_> =
            fs::read_dir(target.join(FLAGGED_RAW)).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["heatmap_3.npy"]);
        assert_eq!(fs::read_dir(&target).unwrap().count(), 2, "nothing temporary is left");
    }

    #[test]
    fn foreign_files() {
        let directory = tempfile::tempdir().unwrap();
        let own = directory.path().join(FLAGGED_OVERLAYS);
        fs::create_dir(&own).unwrap();
        fs::write(own.join("thesis.doc"), "").unwrap();
        let error = Output::begin(directory.path()).err().unwrap();
        assert!(error.message().contains("thesis.doc"), "{error}");
    }
}
