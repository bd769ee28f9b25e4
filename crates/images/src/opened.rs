//! Image files, opened and told apart by content.

use super::dicom::is_dicom;
use super::jpeg_picture;
use super::nifti::is_nifti;
use super::picture::is_picture;
use super::tiff::is_tiff;
use lens_base::{Error, ErrorKind, Result, open_regular};
use std::fs::File;
use std::io::{Read, Seek};
use std::panic::{UnwindSafe, catch_unwind};
use std::path::Path;

/// Bytes at the start of a file that tell what it is: the header of a compressed NIfTI file is among them.
const SIGNATURE_BYTES: usize = 4096;

/// What a file is, by how it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// DICOM, with or without the preamble.
    Dicom,
    /// TIFF or BigTIFF.
    Tiff,
    /// JPEG.
    Jpeg,
    /// NIfTI-1 or NIfTI-2, compressed with gzip or not.
    Nifti,
    /// Another format without frames.
    Plain,
}

impl Kind {
    /// `None`: no image that is read.
    pub fn of(start: &[u8]) -> Option<Self> {
        if is_dicom(start) {
            Some(Kind::Dicom)
        } else if is_tiff(start) {
            Some(Kind::Tiff)
        } else if start.starts_with(&jpeg_picture::START) {
            Some(Kind::Jpeg)
        } else if is_nifti(start) {
            Some(Kind::Nifti)
        } else {
            is_picture(start).then_some(Kind::Plain)
        }
    }
}

/// Whether a file begins as an image does.
pub fn begins_as_image(path: &Path) -> std::io::Result<bool> {
    let mut start = Vec::with_capacity(SIGNATURE_BYTES);
    open_regular(path, u64::MAX)?.take(SIGNATURE_BYTES as u64).read_to_end(&mut start)?;
    Ok(Kind::of(&start).is_some())
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
    // Of others their reader says what they are not.
    Ok((Kind::of(&start).unwrap_or(Kind::Plain), file))
}

/// An error of reading, which is not one of the file's content.
pub fn cannot_read(error: std::io::Error) -> Error {
    Error::new(ErrorKind::Io, format!("cannot read: {error}"))
}

/// Refuses a frame that a file does not have.
pub fn check_frame(frame: u32, frames: u32) -> Result<()> {
    if frame < frames {
        return Ok(());
    }
    Err(Error::argument(format!("frame is {frame}, but it has {frames} frame(s), 0 to {}", frames - 1)))
}
