//! `--series`: directories of DICOM files as volumes. Commands know images by their paths; here are the series that some of
//! these stand for, whose headers are read once.

use crate::console;
use crate::program::Failure;
use lens_images::{FileInfo, Series, find_series};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// The name of the switch, and its help.
pub const SWITCH: &str = "series";
pub const HELP: &str = "Directories are volumes: each DICOM series in them is one image, whose frames are its slices in \
                        spatial order";

/// Those that paths stand for.
static SERIES: Mutex<BTreeMap<PathBuf, Arc<Series>>> = Mutex::new(BTreeMap::new());

/// The series that a path stands for; `None`: it is a file's.
pub fn of(path: &Path) -> Option<Arc<Series>> {
    SERIES.lock().unwrap_or_else(PoisonError::into_inner).get(path).cloned()
}

/// The series below a directory, each by a path that stands for it: the directory's where there is one, or else
/// `DIRECTORY/series-N`, N from 1; so that pictures can be named after it. What is to be known of them is told.
pub fn below(directory: &Path) -> Result<Vec<PathBuf>, Failure> {
    let found = find_series(directory)?;
    let shown = directory.display();
    if found.series.is_empty() {
        return Err(Failure::Failed(format!("there are no DICOM images in '{shown}', and so no series")));
    }
    if !found.others.is_empty() {
        console::message(&format!("{shown}: {} file(s) that are no DICOM images left out", found.others.len()));
    }
    found.notes.iter().for_each(|note| console::message(&format!("{shown}: {note}")));
    let is_only = found.series.len() == 1 && directory.file_name().is_some();
    let mut paths = Vec::with_capacity(found.series.len());
    for (index, series) in found.series.into_iter().enumerate() {
        let path = match is_only {
            true => directory.to_path_buf(),
            false => directory.join(format!("series-{}", index + 1)),
        };
        if !is_only {
            console::message(&format!("{}: {series}", path.display()));
        }
        series.notes().iter().for_each(|note| console::message(&format!("{}: {note}", path.display())));
        SERIES.lock().unwrap_or_else(PoisonError::into_inner).insert(path.clone(), Arc::new(series));
        paths.push(path);
    }
    Ok(paths)
}

/// The files that are read for a path.
pub fn files(path: &Path) -> Vec<PathBuf> {
    match of(path) {
        Some(series) => series.slices().iter().map(|slice| slice.path.clone()).collect(),
        None => vec![path.to_path_buf()],
    }
}

/// How many frames it has.
pub fn frames(path: &Path) -> Result<u32, Failure> {
    match of(path) {
        Some(series) => Ok(series.slices().len() as u32),
        None => Ok(FileInfo::read(path)?.frames),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lens_images::ReadOptions;

    /// A slice of one pixel without preamble, which is as high as its value.
    fn write(path: &Path, series: &str, value: u8) {
        let element = |tag: [u8; 4], vr: &[u8; 2], value: &[u8]| {
            let length = (value.len() as u16).to_le_bytes();
            [&tag[..], vr, &length, value].concat()
        };
        let text =
            |tag, vr, text: &str| element(tag, vr, format!("{text:w$}", w = text.len().next_multiple_of(2)).as_bytes());
        let number = |tag, number: u8| element(tag, b"US", &[number, 0]);
        let file = [
            text([8, 0, 0x60, 0], b"CS", "CT"),
            text([0x20, 0, 0x0e, 0], b"UI", series),
            text([0x20, 0, 0x32, 0], b"DS", &format!("0\\0\\{value}")),
            text([0x20, 0, 0x37, 0], b"DS", "1\\0\\0\\0\\1\\0"),
            number([0x28, 0, 2, 0], 1),
            text([0x28, 0, 4, 0], b"CS", "MONOCHROME2"),
            number([0x28, 0, 0x10, 0], 1),
            number([0x28, 0, 0x11, 0], 1),
            number([0x28, 0, 0, 1], 8),
            vec![0xe0, 0x7f, 0x10, 0, b'O', b'B', 0, 0, 2, 0, 0, 0, value, 0],
        ];
        std::fs::write(path, file.concat()).unwrap();
    }

    #[test]
    fn directories_stand_for_their_series() {
        let root = tempfile::tempdir().unwrap();
        for (name, series, value) in [("a", "1.2", 30), ("b", "1.2", 10), ("c", "1.2", 20)] {
            write(&root.path().join(name), series, value);
        }
        let only = crate::inputs::files(&[root.path().to_path_buf()], true).unwrap();
        assert_eq!(only, [root.path()]);
        assert_eq!(
            (frames(&only[0]).unwrap(), files(&only[0])),
            (3, ["b", "c", "a"].map(|name| root.path().join(name)).into())
        );
        let image = crate::commands::load_image(&only[0], 1, &ReadOptions::default()).unwrap();
        assert_eq!((image.frames(), image.view().bytes()), (3, &[20][..]));
        write(&root.path().join("d"), "1.3", 5);
        let two = crate::inputs::files(&[root.path().to_path_buf()], true).unwrap();
        assert_eq!(two, ["series-1", "series-2"].map(|name| root.path().join(name)));
        assert_eq!((frames(&two[0]).unwrap(), frames(&two[1]).unwrap()), (3, 1));
        // A file is one, and without the switch a directory is its files.
        assert_eq!(frames(&root.path().join("d")).unwrap(), 1);
        assert_eq!(crate::inputs::files(&[root.path().to_path_buf()], false).unwrap().len(), 4);
        let empty = tempfile::tempdir().unwrap();
        assert!(below(empty.path()).is_err());
    }
}
