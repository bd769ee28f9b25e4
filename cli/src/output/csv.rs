//! Tables as CSV files.

use crate::arguments::{optional_path, path};
use crate::files::check_can_be_made;
use crate::program::Failure;
use clap::{Arg, ArgMatches};
use csv::{Writer, WriterBuilder};
use lens_base::{Error, write_atomically};
use serde::Serialize;
use serde_json::Value;
use std::io::Write;
use std::path::{Path, PathBuf};

/// The option that names the file.
pub fn option() -> Arg {
    path("csv", "FILE", "Also writes the results as a table, CSV with a header")
}

/// The file, which must be one that can be made.
pub fn file(matches: &ArgMatches) -> Result<Option<PathBuf>, Failure> {
    let file = optional_path(matches, "csv");
    file.as_deref().map_or(Ok(()), |file| check_can_be_made("--csv", file))?;
    Ok(file)
}

/// The bytes of what `fill` puts into a table.
pub fn bytes(
    builder: &WriterBuilder,
    fill: impl FnOnce(&mut Writer<Vec<u8>>) -> csv::Result<()>,
) -> lens_base::Result<Vec<u8>> {
    let mut writer = builder.from_writer(Vec::new());
    let bytes = fill(&mut writer).and_then(|()| writer.into_inner().map_err(|error| error.into_error().into()));
    bytes.map_err(|error| Error::internal(format!("cannot write the table: {error}")))
}

/// Writes what `fill` puts into a table. The file appears whole, or not at all.
pub fn write(
    path: &Path,
    builder: &WriterBuilder,
    fill: impl FnOnce(&mut Writer<Vec<u8>>) -> csv::Result<()>,
) -> lens_base::Result<()> {
    let bytes = bytes(builder, fill).map_err(|error| error.prefixed(&path.display().to_string()))?;
    write_atomically(path, |file| file.write_all(&bytes))
}

/// Writes rows with the names of their fields above them.
pub fn write_rows<R: Serialize>(path: &Path, rows: impl IntoIterator<Item = R>) -> Result<(), Failure> {
    Ok(write(path, &WriterBuilder::new(), |table| rows.into_iter().try_for_each(|row| table.serialize(row)))?)
}

/// Writes members of objects, with their names above them.
pub fn write_objects(path: &Path, columns: &[&str], objects: &Value) -> Result<(), Failure> {
    Ok(write(path, &WriterBuilder::new(), |table| {
        table.write_record(columns)?;
        objects.as_array().into_iter().flatten().try_for_each(|object| {
            table.write_record(columns.iter().map(|column| match &object[*column] {
                Value::Null => String::new(),
                Value::String(text) => text.clone(),
                other => other.to_string(),
            }))
        })
    })?)
}
