//! Names of the pictures that `heatmap` writes: each input has its own, and none is an input.

use crate::files::Inputs;
use crate::program::Failure;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Of which heatmap of a file a picture is.
#[derive(Clone, Copy)]
pub enum Of {
    /// The file's own, or that of its best frame.
    Frame,
    /// The highest values over all frames.
    Highest,
    /// The mean values over all frames.
    Mean,
}

/// The pictures of a heatmap.
#[derive(Clone)]
pub struct Paths {
    pub overlay: PathBuf,
    pub values: PathBuf,
}

impl Paths {
    /// "DIRECTORY/STEM_overlay.png" and so on, the stem being the file's name up to its last dot.
    pub fn new(directory: &Path, file: &Path, of: Of) -> Self {
        let named = |ending: &str| {
            let mut name = file.file_stem().unwrap_or_default().to_os_string();
            name.push(match of {
                Of::Frame => "",
                Of::Highest => "_max",
                Of::Mean => "_mean",
            });
            name.push(ending);
            directory.join(name)
        };
        Paths { overlay: named("_overlay.png"), values: named("_heatmap.png") }
    }
}

/// Refuses pictures and a table that would be written over one another or over an input.
pub fn check(
    directory: &Path,
    files: &[PathBuf],
    model: &Path,
    table: Option<&Path>,
    kinds: &[Of],
) -> Result<(), Failure> {
    let inputs = Inputs::new(files.iter().map(PathBuf::as_path).chain([model]));
    if let Some(table) = table {
        inputs.check("--csv", table)?;
    }
    let mut owners: HashMap<PathBuf, &Path> = HashMap::new();
    for file in files {
        for of in kinds {
            let Paths { overlay, values } = Paths::new(directory, file, *of);
            for path in [overlay, values] {
                let name = path.file_name().unwrap_or_default().to_owned();
                if let Some(owner) = owners.insert(path, file) {
                    return Err(Failure::usage(format!(
                        "'{}' and '{}' would both be written to {}; rename one or give it apart",
                        owner.display(),
                        file.display(),
                        name.display()
                    )));
                }
            }
        }
    }
    if let Some(owner) = table.and_then(|table| owners.get(table)) {
        return Err(Failure::usage(format!("--csv names the heatmap of '{}'; give another file", owner.display())));
    }
    for (path, owner) in owners {
        if let Some(input) = inputs.at(&path) {
            return Err(Failure::usage(format!(
                "the heatmap of '{}' would be written over the input '{}'; change --out",
                owner.display(),
                input.display()
            )));
        }
    }
    Ok(())
}
