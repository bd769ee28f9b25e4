//! Reading what files say of themselves, many at once.

use super::tables::{Table, Tables};
use lens_base::{Error, Result};
use lens_images::FileInfo;
use std::path::{Path, PathBuf, absolute};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// Threads that read. More than a machine with one processor has, for files may come slowly over a network.
const FEWEST_READERS: usize = 4;
const MOST_READERS: usize = 16;

/// A file that was looked at.
pub struct ReadFile {
    /// Absolute.
    pub path: PathBuf,
    pub info: Result<FileInfo>,
    /// Of the data set that it lies in.
    pub table: Option<Arc<Table>>,
}

impl ReadFile {
    /// Reads its header.
    pub fn read(path: &Path, tables: &Tables) -> Self {
        let path = absolute(path).unwrap_or_else(|_| path.to_path_buf());
        let info = lens_base::catch(|| FileInfo::read(&path));
        let table = tables.of(&path);
        ReadFile { path, info, table }
    }
}

/// Reads files' headers; counts them in `read`.
pub fn read_all(files: &[PathBuf], tables: &Tables, read: &AtomicUsize) -> Vec<ReadFile> {
    let readers = thread::available_parallelism().map_or(1, usize::from).clamp(FEWEST_READERS, MOST_READERS);
    let next = AtomicUsize::new(0);
    let found: Mutex<Vec<Option<ReadFile>>> = Mutex::new(files.iter().map(|_| None).collect());
    let work = || {
        while let Some((index, path)) = {
            let index = next.fetch_add(1, Ordering::Relaxed);
            files.get(index).map(|path| (index, path))
        } {
            let file = ReadFile::read(path, tables);
            found.lock().unwrap_or_else(PoisonError::into_inner)[index] = Some(file);
            read.fetch_add(1, Ordering::Relaxed);
        }
    };
    thread::scope(|scope| {
        for _ in 0..readers.min(files.len()) {
            scope.spawn(work);
        }
    });
    let found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
    let missing = |path: &PathBuf| ReadFile {
        path: path.clone(),
        info: Err(Error::internal(format!("{}: the thread that reads it stopped", path.display()))),
        table: None,
    };
    files.iter().zip(found).map(|(path, file)| file.unwrap_or_else(|| missing(path))).collect()
}
