//! What the tables of a data set say of its images: labels.csv and boxes.csv beside the directory images/.

use crate::console;
use lens_images::{Dataset, DatasetOptions, OnUnreadable};
use lens_tasks::evaluate::{Area, read_boxes};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Of the frame of a file; a file of one frame has the frame 0.
type Place = (PathBuf, u32);

/// The tables of one data set.
#[derive(Default)]
pub struct Table {
    labels: HashMap<Place, bool>,
    boxes: HashMap<Place, Vec<Area>>,
}

impl Table {
    /// Of a data set's directory; what cannot be read is told and left out.
    fn read(root: &Path) -> Self {
        let told = |error: lens_base::Error| console::message(&format!("{error}; it is not shown"));
        let mut table = Table::default();
        if root.join("labels.csv").is_file() {
            let options = DatasetOptions { on_unreadable: OnUnreadable::Skip, ..DatasetOptions::default() };
            let mut dataset = Dataset::default();
            dataset.extend(root, &options).unwrap_or_else(told);
            for sample in dataset.samples() {
                if let Some((directory, name, frame)) = sample.location() {
                    table.labels.insert((directory.join(name), frame.unwrap_or(0)), sample.positive);
                }
            }
        }
        if root.join("boxes.csv").is_file() {
            match read_boxes(root) {
                Ok(images) => {
                    for image in images {
                        table.boxes.entry((image.path, image.frame)).or_default().extend(image.boxes);
                    }
                }
                Err(error) => told(error),
            }
        }
        table
    }

    /// Of a frame: 0, 1 or unknown.
    pub fn label(&self, path: &Path, frame: u32) -> Option<bool> {
        self.labels.get(&(path.to_path_buf(), frame)).copied()
    }

    /// Of a frame.
    pub fn boxes(&self, path: &Path, frame: u32) -> &[Area] {
        self.boxes.get(&(path.to_path_buf(), frame)).map_or(&[], Vec::as_slice)
    }
}

/// The tables of all data sets that images lie in.
#[derive(Default)]
pub struct Tables(Mutex<HashMap<PathBuf, Arc<Table>>>);

impl Tables {
    /// Of the data set whose images/ is the nearest directory of that name above a file, if it has tables.
    pub fn of(&self, path: &Path) -> Option<Arc<Table>> {
        let images =
            path.ancestors().skip(1).find(|directory| directory.file_name().is_some_and(|name| name == "images"))?;
        let root = images.parent()?;
        let mut tables = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(tables.entry(root.to_path_buf()).or_insert_with(|| Arc::new(Table::read(root)))))
    }
}
