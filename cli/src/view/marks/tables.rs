//! labels.csv and boxes.csv as other commands read them without being told columns.

use super::Rectangle;
use crate::output::csv::write;
use lens_base::{Error, Result};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// A row of a table.
pub trait Row: Serialize + DeserializeOwned {
    /// Its columns.
    const COLUMNS: &'static [&'static str];
}

/// A label; the columns are those of the reference pipeline, which data sets have by default.
#[derive(Serialize, Deserialize)]
pub struct LabelRow {
    pub patch_filename: String,
    stenoza_label: String,
    #[serde(default)]
    pub frame: Option<u32>,
}

impl Row for LabelRow {
    const COLUMNS: &'static [&'static str] = &["patch_filename", "stenoza_label", "frame"];
}

impl LabelRow {
    pub fn new(name: &str, label: u8, frame: Option<u32>) -> Self {
        LabelRow { patch_filename: name.to_string(), stenoza_label: label.to_string(), frame }
    }

    /// By which rows are sorted.
    pub fn place(&self) -> (&str, Option<u32>) {
        (&self.patch_filename, self.frame)
    }
}

/// A box.
#[derive(Serialize, Deserialize)]
pub struct BoxRow {
    pub filename: String,
    x: f64,
    y: f64,
    width: f64,
    height: f64,
    #[serde(default)]
    pub frame: Option<u32>,
}

impl Row for BoxRow {
    const COLUMNS: &'static [&'static str] = &["filename", "x", "y", "width", "height", "frame"];
}

impl BoxRow {
    pub fn new(name: &str, rectangle: &Rectangle, frame: Option<u32>) -> Self {
        let Rectangle { x, y, width, height } = *rectangle;
        BoxRow { filename: name.to_string(), x, y, width, height, frame }
    }

    /// By which rows are sorted.
    pub fn place(&self) -> (&str, Option<u32>) {
        (&self.filename, self.frame)
    }
}

/// The rows of a table; none where it is not there. One with other columns was not written here, and is refused.
pub fn read_rows<R: Row>(path: &Path) -> Result<Vec<R>> {
    if path.symlink_metadata().is_err() {
        return Ok(Vec::new());
    }
    let broken = |reason: String| {
        Error::data(format!(
            "{}: {reason}; marks are not added to it: start the program with --marks and another directory",
            path.display()
        ))
    };
    let mut reader =
        csv::ReaderBuilder::new().trim(csv::Trim::All).from_path(path).map_err(|error| broken(error.to_string()))?;
    let columns = reader.headers().map_err(|error| broken(error.to_string()))?.clone();
    if let Some(other) = columns.iter().find(|column| !R::COLUMNS.contains(column)) {
        return Err(broken(format!("it has a column '{other}'; only {} are known here", R::COLUMNS.join(", "))));
    }
    reader.deserialize().map(|row| row.map_err(|error| broken(error.to_string()))).collect()
}

/// Writes a table; the file appears whole, or not at all.
pub fn write_rows<R: Row>(path: &Path, rows: &[R]) -> Result<()> {
    // The columns are named also where there are no rows.
    write(path, csv::WriterBuilder::new().has_headers(false), |table| {
        table.write_record(R::COLUMNS)?;
        rows.iter().try_for_each(|row| table.serialize(row))
    })
}
