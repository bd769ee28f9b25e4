//! Checks on files and directories that keep long work from being lost.

use crate::program::{Failure, reason};
use crate::series;
use lens_base::{TEMPORARY_PREFIX, TEMPORARY_SUFFIX, check_replaceable};
use lens_images::{Dataset, Sample};
use std::cell::OnceCell;
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Endings of other model formats: programs go by the ending, so a safetensors file must not bear one.
const OTHER_MODEL_FORMATS: [&str; 4] = ["pt", "pth", "pt2", "onnx"];

/// Whether a file's name says that it is a model of another format than safetensors.
pub fn is_other_model_format(path: &Path) -> bool {
    path.extension().is_some_and(|ending| OTHER_MODEL_FORMATS.iter().any(|other| ending == *other))
}

/// Fails when a file of that name cannot be made; `option` is what it was given with.
pub fn check_can_be_made(option: &str, path: &Path) -> Result<(), Failure> {
    let shown = path.display();
    if path.is_dir() || path.as_os_str().as_encoded_bytes().ends_with(b"/") {
        return Err(Failure::Failed(format!("{option} '{shown}' is a directory; give the name of a file")));
    }
    check_replaceable(path)?;
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let obstacle = if !parent.exists() {
        Some("does not exist; make it first".to_string())
    } else if !parent.is_dir() {
        Some("is not a directory".to_string())
    } else {
        // Permissions alone do not tell of file systems that cannot be written to.
        let file = parent.join(format!("{TEMPORARY_PREFIX}check-{}{TEMPORARY_SUFFIX}", std::process::id()));
        match fs::File::create_new(&file) {
            Ok(_) => {
                // What is left of it is empty, and named as what may be removed.
                let _ = fs::remove_file(&file);
                None
            }
            Err(error) => Some(reason(&error)),
        }
    };
    match obstacle {
        None => Ok(()),
        Some(obstacle) => Err(Failure::Failed(format!(
            "{option} '{shown}' cannot be written: directory '{}': {obstacle}",
            parent.display()
        ))),
    }
}

/// The files that a command reads, which it must not write over.
pub struct Inputs {
    files: Vec<PathBuf>,
    /// By where they are, links resolved; looked up when something could be written over.
    resolved: OnceCell<HashMap<PathBuf, usize>>,
}

impl Inputs {
    /// Of a series, its files.
    pub fn new<P: AsRef<Path>>(files: impl IntoIterator<Item = P>) -> Self {
        Inputs {
            files: files.into_iter().flat_map(|file| series::files(file.as_ref())).collect(),
            resolved: OnceCell::new(),
        }
    }

    fn resolved(&self) -> &HashMap<PathBuf, usize> {
        let resolve = |(index, file)| Some((fs::canonicalize(file).ok()?, index));
        self.resolved.get_or_init(|| self.files.iter().enumerate().filter_map(resolve).collect())
    }

    /// The input that a file would be written over. What is not there yet is none.
    pub fn at(&self, output: &Path) -> Option<&Path> {
        let output = fs::canonicalize(output).ok()?;
        self.resolved().get(&output).map(|index| self.files[*index].as_path())
    }

    /// Refuses a file that is one of them; `option` is what it was given with.
    pub fn check(&self, option: &str, output: &Path) -> Result<(), Failure> {
        self.at(output).map_or(Ok(()), |input| {
            let (output, input) = (output.display(), input.display());
            Err(Failure::usage(format!("{option} '{output}' is the input '{input}'; give another file")))
        })
    }

    /// Refuses a directory in which files or directories of these names will be replaced and one of them lies there.
    pub fn check_directory(&self, option: &str, directory: &Path, names: &[&str]) -> Result<(), Failure> {
        for replaced in names.iter().filter_map(|name| fs::canonicalize(directory.join(name)).ok()) {
            if let Some((_, index)) = self.resolved().iter().find(|(input, _)| input.starts_with(&replaced)) {
                let (directory, input) = (directory.display(), self.files[*index].display());
                return Err(Failure::usage(format!(
                    "in {option} '{directory}' the input '{input}' would be replaced; give another directory"
                )));
            }
        }
        Ok(())
    }
}

/// How large a file is that was written.
pub fn written_bytes(path: &Path) -> Result<u64, Failure> {
    path.metadata()
        .map(|metadata| metadata.len())
        .map_err(|error| Failure::Failed(format!("cannot read '{}': {}", path.display(), reason(&error))))
}

/// The files of a data set: its images, and the tables that its directories may have.
pub fn files_of<'a>(directories: impl IntoIterator<Item = &'a PathBuf>, dataset: &Dataset) -> Vec<PathBuf> {
    let tables = directories.into_iter().map(|directory| directory.join("labels.csv"));
    dataset.samples().iter().filter_map(Sample::path).chain(tables).collect()
}

/// Fails when what is there is no directory.
pub fn check_directory(option: &str, path: &Path) -> Result<(), Failure> {
    if path.exists() && !path.is_dir() {
        return Err(Failure::Failed(format!("{option} '{}' is a file; give a directory", path.display())));
    }
    Ok(())
}

/// Makes a directory with its parents; no failure when it is there.
pub fn make_directory(path: &Path) -> Result<(), Failure> {
    fs::create_dir_all(path)
        .map_err(|error| Failure::Failed(format!("cannot make directory '{}': {}", path.display(), reason(&error))))
}
