//! Files with the same bytes.

use lens_base::{Error, Result};
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

/// Whether a copy is there with the same bytes.
pub fn is_same(file: &Path, copy: &Path) -> Result<bool> {
    let open = |path: &Path| File::open(path).map_err(|error| Error::io("read", path, &error));
    if !copy.is_file() {
        return Ok(false);
    }
    let (one, other) = (open(file)?, open(copy)?);
    let length = |file: &File| file.metadata().map(|metadata| metadata.len()).ok();
    if length(&one) != length(&other) {
        return Ok(false);
    }
    let (mut one, mut other) = (BufReader::new(one).bytes(), BufReader::new(other).bytes());
    loop {
        match (one.next(), other.next()) {
            (None, None) => return Ok(true),
            (Some(Ok(one)), Some(Ok(other))) if one == other => {}
            (Some(Err(error)), _) => return Err(Error::io("read", file, &error)),
            (_, Some(Err(error))) => return Err(Error::io("read", copy, &error)),
            _ => return Ok(false),
        }
    }
}
