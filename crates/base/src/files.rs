//! Files that are whole or not there, and hashes.

use crate::{Error, Result, pages};
use lens_system::{Pages, read_whole};
use sha2::{Digest, Sha256};
use std::fs::{File, Metadata};
use std::io::{BufWriter, Write};
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

/// Bytes of the largest file that is read as a whole: models, checkpoints, tables. Larger is a mistake.
pub const MOST_WHOLE_BYTES: u64 = 2 << 30;

/// Opens a regular file of at most so many bytes, and nothing else: a device can be endless, and opening a pipe can wait
/// for ever.
pub fn open_regular(path: &Path, most: u64) -> std::io::Result<File> {
    let check = |found: Metadata| match found.len() {
        _ if found.is_dir() => Err(std::io::Error::from(std::io::ErrorKind::IsADirectory)),
        _ if !found.is_file() => Err(std::io::Error::other("it is no regular file, and only those are read")),
        bytes if bytes > most => Err(std::io::Error::other(format!("it has {bytes} bytes; at most {most} are read"))),
        _ => Ok(()),
    };
    check(std::fs::metadata(path)?)?;
    let file = File::open(path)?;
    check(file.metadata()?)?;
    Ok(file)
}

/// Reads a file that `open_regular` opened from its beginning; `action`, "read model" say, is for errors.
pub fn read_open(file: &File, path: &Path, action: &str) -> Result<Pages> {
    let failed = |error: std::io::Error| Error::io(action, path, &error);
    let count = usize::try_from(file.metadata().map_err(failed)?.len()).unwrap_or(usize::MAX);
    let mut bytes = pages(count, &path.display().to_string())?;
    read_whole(file, &mut bytes).map_err(failed)?;
    Ok(bytes)
}

/// Opens a regular file of at most `MOST_WHOLE_BYTES` and reads it.
pub fn read_file(path: &Path, action: &str) -> Result<Pages> {
    let file = open_regular(path, MOST_WHOLE_BYTES).map_err(|error| Error::io(action, path, &error))?;
    read_open(&file, path, action)
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
    use std::io::Read;

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
            let mut file = open_regular(&path, MOST_WHOLE_BYTES).unwrap();
            file.read_to_end(&mut Vec::new()).unwrap();
            for _ in 0..2 {
                assert_eq!(*read_open(&file, &path, "read").unwrap(), *content);
            }
        }
    }

    #[test]
    fn only_regular_files_of_a_bounded_size_are_read() {
        let directory = tempfile::tempdir().unwrap();
        let huge = directory.path().join("huge");
        // Without blocks on the disk.
        File::create(&huge).unwrap().set_len(MOST_WHOLE_BYTES + 1).unwrap();
        for (path, says) in [
            (directory.path(), "directory"),
            (Path::new("/dev/zero"), "cannot read model /dev/zero: it is no regular file"),
            (&huge, "it has 2147483649 bytes; at most 2147483648 are read"),
        ] {
            let error = read_file(path, "read model").unwrap_err();
            assert!(error.message().starts_with("cannot read model /") && error.message().contains(says), "{error}");
        }
        assert!(open_regular(&huge, u64::MAX).is_ok());
    }

    #[test]
    fn sha256_of_the_standard_example() {
        // FIPS 180-2, appendix B.1.
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256_hex(["a", "bc"]), expected);
    }
}
