//! Image files, opened and told apart by content.

use super::dicom::{SIGNATURE_BYTES, is_dicom};
use super::tiff::is_tiff;
use image::error::UnsupportedErrorKind;
use image::{ImageError, ImageReader};
use lens_base::{Error, ErrorKind, Result, open_regular};
use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::panic::{UnwindSafe, catch_unwind};
use std::path::Path;

/// What a file is, by how it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// DICOM, with or without the preamble.
    Dicom,
    /// TIFF or BigTIFF.
    Tiff,
    /// Anything else: a format without frames, or no image.
    Plain,
}

/// Opens a file and reads it; errors begin with its path.
pub fn open_and<T>(path: &Path, read: impl FnOnce(Kind, File) -> Result<T> + UnwindSafe) -> Result<T> {
    let (kind, file) = open(path)?;
    // A decoder that panics on a broken file must not take the process with it.
    catch_unwind(|| read(kind, file))
        .unwrap_or_else(|_| Err(Error::format("it is broken: its decoder gave up")))
        .map_err(|error| error.prefixed(&path.display().to_string()))
}

fn open(path: &Path) -> Result<(Kind, File)> {
    let failed = |error: std::io::Error| Error::io("open", path, &error);
    let mut file = open_regular(path, u64::MAX).map_err(failed)?;
    let mut start = Vec::with_capacity(SIGNATURE_BYTES);
    (&mut file)
        .take(SIGNATURE_BYTES as u64)
        .read_to_end(&mut start)
        .and_then(|_| file.rewind())
        .map_err(|error| Error::io("read", path, &error))?;
    let kind = if is_dicom(&start) {
        Kind::Dicom
    } else if is_tiff(&start) {
        Kind::Tiff
    } else {
        Kind::Plain
    };
    Ok((kind, file))
}

/// A reader of a file without frames.
pub fn plain_reader(file: File) -> Result<ImageReader<BufReader<File>>> {
    ImageReader::new(BufReader::new(file)).with_guessed_format().map_err(cannot_read)
}

/// An error of reading, which is not one of the file's content.
pub fn cannot_read(error: std::io::Error) -> Error {
    Error::new(ErrorKind::Io, format!("cannot read: {error}"))
}

/// What such a reader could not do.
pub fn plain_error(error: ImageError) -> Error {
    match error {
        ImageError::IoError(error) if error.kind() != std::io::ErrorKind::UnexpectedEof => cannot_read(error),
        ImageError::Unsupported(what) if matches!(what.kind(), UnsupportedErrorKind::Format(_)) => {
            Error::format("it is not a DICOM, PNG, JPEG, BMP or TIFF file")
        }
        ImageError::Unsupported(what) => {
            Error::new(ErrorKind::Unsupported, format!("it is coded in a way this library cannot decode: {what}"))
        }
        error => Error::format(format!("it is broken: {error}")),
    }
}

/// Refuses a frame that a file does not have.
pub fn check_frame(frame: u32, frames: u32) -> Result<()> {
    if frame < frames {
        return Ok(());
    }
    Err(Error::argument(format!("frame is {frame}, but it has {frames} frame(s), 0 to {}", frames - 1)))
}
