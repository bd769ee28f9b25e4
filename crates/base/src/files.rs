//! Files that are whole or not there, and hashes.

use crate::{Error, Result, pages};
use lens_system::{Pages, read_whole};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::ops::Deref;
use std::path::Path;

/// How the names of files that are being written begin
pub const TEMPORARY_PREFIX: &str = ".lesionlens-";
/// and end.
pub const TEMPORARY_SUFFIX: &str = ".tmp";

/// Refuses what `write_atomically` would not replace: directories; devices and pipes, which would become files; links, which
/// would become files beside what they lead to.
pub fn check_replaceable(path: &Path) -> Result<()> {
    let reason = match std::fs::symlink_metadata(path) {
        Ok(_) if path.is_dir() => std::io::Error::from(std::io::ErrorKind::IsADirectory),
        Ok(found) if !found.is_file() => std::io::Error::other("it is no regular file, and only those are replaced"),
        _ => return Ok(()),
    };
    Err(Error::io("write", path, &reason))
}

/// Writes a file under a temporary name in the same directory, syncs it, and renames it to `path`.
pub fn write_atomically(path: &Path, write: impl FnOnce(&mut BufWriter<&File>) -> std::io::Result<()>) -> Result<()> {
    let failed = |error: std::io::Error| Error::io("write", path, &error);
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    check_replaceable(path)?;
    let mut temporary = tempfile::Builder::new();
    temporary.prefix(TEMPORARY_PREFIX).suffix(TEMPORARY_SUFFIX);
    lens_system::with_rights_of_new_files(&mut temporary);
    // The error names the temporary file, which would only confuse.
    let file = temporary.tempfile_in(directory).map_err(|error| failed(std::io::Error::from(error.kind())))?;
    let mut writer = BufWriter::new(file.as_file());
    write(&mut writer).and_then(|()| writer.flush()).map_err(failed)?;
    drop(writer);
    file.as_file().sync_all().map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    // The new name survives a power failure only with the directory; where directories cannot be synced, it has to do.
    if let Ok(directory) = File::open(directory) {
        let _ = directory.sync_all();
    }
    Ok(())
}

/// The bytes of a file. Those of a regular one go back to the system at once when they are dropped.
pub enum FileBytes {
    /// Of a regular file.
    Whole(Pages),
    /// Of a pipe or a device, which gives them once.
    Stream(Vec<u8>),
}

impl FileBytes {
    /// Reads an open file from its beginning; `action`, "read model" say, is for errors.
    pub fn read(mut file: &File, path: &Path, action: &str) -> Result<Self> {
        let failed = |error: std::io::Error| Error::io(action, path, &error);
        let metadata = file.metadata().map_err(failed)?;
        // Of some regular files, such as those of /proc, the system does not know the length.
        if !metadata.is_file() || metadata.len() == 0 {
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).map_err(failed)?;
            if !metadata.is_file() || !bytes.is_empty() {
                return Ok(FileBytes::Stream(bytes));
            }
        }
        let count = usize::try_from(metadata.len()).unwrap_or(usize::MAX);
        let mut bytes = pages(count, &path.display().to_string())?;
        read_whole(file, &mut bytes).map_err(failed)?;
        Ok(FileBytes::Whole(bytes))
    }

    /// Opens a file and reads it.
    pub fn of(path: &Path, action: &str) -> Result<Self> {
        let file = File::open(path).map_err(|error| Error::io(action, path, &error))?;
        FileBytes::read(&file, path, action)
    }

    /// Whether the file can be read again.
    pub fn can_be_read_again(&self) -> bool {
        matches!(self, FileBytes::Whole(_))
    }
}

impl Deref for FileBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            FileBytes::Whole(bytes) => bytes,
            FileBytes::Stream(bytes) => bytes,
        }
    }
}

/// SHA-256 of some bytes, in lower-case hexadecimal.
pub fn sha256_hex(parts: impl IntoIterator<Item = impl AsRef<[u8]>>) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.as_ref());
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_write_leaves_the_old_file_and_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("model");
        write_atomically(&path, |file| file.write_all(b"old")).unwrap();
        let error = write_atomically(&path, |file| {
            file.write_all(b"half of the new")?;
            Err(std::io::Error::from(std::io::ErrorKind::StorageFull))
        })
        .unwrap_err();
        assert!(error.message().contains("model"), "{error}");
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_is_read_from_its_beginning_again_and_again() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("model");
        for content in [&b"some bytes"[..], b""] {
            std::fs::write(&path, content).unwrap();
            let mut file = File::open(&path).unwrap();
            file.read_to_end(&mut Vec::new()).unwrap();
            for _ in 0..2 {
                let bytes = FileBytes::read(&file, &path, "read").unwrap();
                assert!(bytes.can_be_read_again() && *bytes == *content, "{} bytes", bytes.len());
            }
        }
        let error = FileBytes::of(directory.path(), "read model").err().unwrap();
        assert!(error.message().starts_with("cannot read model /"), "{error}");
        assert!(!FileBytes::of(Path::new("/dev/null"), "read").unwrap().can_be_read_again());
        assert!(FileBytes::of(Path::new("/proc/self/status"), "read").unwrap().starts_with(b"Name:"));
    }

    #[test]
    fn sha256_of_the_standard_example() {
        // FIPS 180-2, appendix B.1.
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256_hex(["a", "bc"]), expected);
    }
}
