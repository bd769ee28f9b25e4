//! The images that are shown: files, their frames, and the series that they make.

mod contents;
mod names;
mod reader;
mod series;
mod tables;

pub use contents::{Contents, ImageId};
pub use names::numbered;
pub use series::Changes;

use lens_base::Result;
use reader::ReadFile;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tables::Tables;
use tokio::sync::watch;

/// All images. Thread-safe.
pub struct Catalogue {
    contents: Mutex<Contents>,
    tables: Tables,
    /// Files that the command line named, and how many of them were read.
    named: usize,
    read: AtomicUsize,
    is_read: watch::Sender<bool>,
}

impl Catalogue {
    /// Without images; `named` files are to be read.
    pub fn new(named: usize) -> Self {
        Catalogue {
            contents: Mutex::default(),
            tables: Tables::default(),
            named,
            read: AtomicUsize::new(0),
            is_read: watch::Sender::new(named == 0),
        }
    }

    /// Reads the files that the command line named, on threads of their own, and then lists them all at once: series grow
    /// while their files are read, and numbers of frames must not change once they are known.
    pub fn read_in_background(self: &Arc<Self>, files: Vec<PathBuf>) {
        let catalogue = Arc::clone(self);
        std::thread::spawn(move || {
            let read = reader::read_all(&files, &catalogue.tables, &catalogue.read);
            catalogue.contents().add_all(read);
            catalogue.is_read.send_replace(true);
        });
    }

    /// Reads one more file, and adds it unless it is no image.
    pub fn add(&self, path: &Path, shown: &str) -> Result<Changes> {
        let ReadFile { path, info, table } = ReadFile::read(path, &self.tables);
        let file = ReadFile { path, info: Ok(info?), table };
        Ok(self.contents().add(file, shown))
    }

    /// What is there.
    pub fn contents(&self) -> MutexGuard<'_, Contents> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Told when all files that the command line named are read.
    pub fn is_read(&self) -> watch::Receiver<bool> {
        self.is_read.subscribe()
    }

    /// `{"done", "total"}` of these files; null when all are read.
    pub fn reading(&self) -> Value {
        if *self.is_read.borrow() {
            return Value::Null;
        }
        json!({ "done": self.read.load(Ordering::Relaxed), "total": self.named })
    }
}
