//! The images below a directory, told by content.

use super::dataset::Skipped;
use super::opened::begins_as_image;
use lens_base::{Error, Result};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use walkdir::{DirEntry, WalkDir};

/// Extensions of files that are taken for images without a look: if they are none, reading them says so.
const EXTENSIONS: [&str; 9] = ["png", "jpg", "jpeg", "bmp", "webp", "tif", "tiff", "dcm", "nii"];

/// The same of files that are compressed.
const COMPRESSED: &[u8] = b".nii.gz";

/// The index of a DICOM medium: DICOM, but no image.
const DICOM_INDEX: &str = "DICOMDIR";

/// What systems leave in directories, beside names that begin with a dot.
const LITTER: [&str; 3] = ["__MACOSX", "Thumbs.db", "desktop.ini"];

/// What is below a directory.
#[derive(Clone, Debug, Default)]
pub struct FoundFiles {
    /// Image files, each directory's in the byte order of their names.
    pub images: Vec<PathBuf>,
    /// Files that are no images.
    pub others: Vec<PathBuf>,
    /// What could not be looked at: links that lead nowhere, files that may not be opened.
    pub unreadable: Vec<Skipped>,
}

/// Finds the images below a directory. A file is one by its extension (png, jpg, jpeg, bmp, webp, tif, tiff, dcm, nii,
/// nii.gz in any case) or by its first bytes; `DICOMDIR`, the index of a DICOM medium, is none. Names that begin with a dot, `__MACOSX`,
/// `Thumbs.db` and `desktop.ini` are passed over without a word.
///
/// Links are followed. A directory that cannot be read is an I/O error.
pub fn find_files(directory: &Path) -> Result<FoundFiles> {
    let mut found = FoundFiles::default();
    let entries = WalkDir::new(directory).follow_links(true).sort_by_file_name().into_iter();
    for entry in entries.filter_entry(|entry| entry.depth() == 0 || !is_litter(entry.file_name())) {
        match entry {
            Ok(entry) if entry.file_type().is_dir() => {}
            Ok(entry) => found.add(entry),
            // A link that leads nowhere or in a circle.
            Err(error) if error.path().is_some_and(Path::is_symlink) => {
                let path = error.path().unwrap_or(directory).display().to_string();
                found.unreadable.push(Skipped { path, reason: error.to_string() });
            }
            Err(error) => {
                let path = error.path().unwrap_or(directory).to_path_buf();
                return Err(Error::io("read directory", &path, &error.into()));
            }
        }
    }
    Ok(found)
}

impl FoundFiles {
    fn add(&mut self, entry: DirEntry) {
        let is_index = entry.file_name().eq_ignore_ascii_case(DICOM_INDEX);
        if is_index || !entry.file_type().is_file() {
            self.others.push(entry.into_path());
        } else if has_known_extension(entry.path()) {
            self.images.push(entry.into_path());
        } else {
            match begins_as_image(entry.path()) {
                Ok(true) => self.images.push(entry.into_path()),
                Ok(false) => self.others.push(entry.into_path()),
                Err(error) => {
                    let path = entry.path().display().to_string();
                    self.unreadable.push(Skipped { path, reason: error.to_string() });
                }
            }
        }
    }
}

/// Whether a name is the system's and not the user's.
pub fn is_litter(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b".") || LITTER.iter().any(|litter| name.eq_ignore_ascii_case(litter))
}

fn has_known_extension(path: &Path) -> bool {
    let name = path.file_name().map(OsStr::as_encoded_bytes).unwrap_or_default();
    let ending = &name[name.len().saturating_sub(COMPRESSED.len())..];
    ending.eq_ignore_ascii_case(COMPRESSED)
        || path
            .extension()
            .is_some_and(|extension| EXTENSIONS.iter().any(|known| extension.eq_ignore_ascii_case(known)))
}
