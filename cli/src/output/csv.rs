//! Tables as CSV files.

use crate::program::Failure;
use lens_base::{Error, write_atomically};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// The option that names the file.
pub fn option() -> clap::Arg {
    crate::arguments::path("csv", "FILE", "Also writes the results as a table, CSV with a header")
}

/// The file, which must be one that can be made.
pub fn file(matches: &clap::ArgMatches) -> Result<Option<PathBuf>, Failure> {
    let file = crate::arguments::optional_path(matches, "csv");
    if let Some(file) = &file {
        crate::files::check_can_be_made("--csv", file)?;
    }
    Ok(file)
}

/// Writes rows with the names of their fields above them. The file appears whole, or not at all.
pub fn write<R: Serialize>(path: &Path, rows: impl IntoIterator<Item = R>) -> Result<(), Failure> {
    let failed = |error: csv::Error| Failure::from(Error::internal(format!("cannot write a table: {error}")));
    let mut writer = csv::Writer::from_writer(Vec::new());
    rows.into_iter().try_for_each(|row| writer.serialize(row)).map_err(failed)?;
    let bytes = writer.into_inner().map_err(|error| failed(error.into_error().into()))?;
    write_bytes(path, &bytes)
}

/// Writes named columns of objects.
pub fn write_objects(path: &Path, columns: &[&str], objects: &serde_json::Value) -> Result<(), Failure> {
    let failed = |error: csv::Error| Failure::from(Error::internal(format!("cannot write a table: {error}")));
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(columns).map_err(failed)?;
    for object in objects.as_array().into_iter().flatten() {
        let cells = columns.iter().map(|column| match &object[*column] {
            serde_json::Value::Null => String::new(),
            serde_json::Value::String(text) => text.clone(),
            other => other.to_string(),
        });
        writer.write_record(cells).map_err(failed)?;
    }
    let bytes = writer.into_inner().map_err(|error| failed(error.into_error().into()))?;
    write_bytes(path, &bytes)
}

fn write_bytes(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    Ok(write_atomically(path, |file| std::io::Write::write_all(file, bytes))?)
}
