//! DICOM files: one frame's stored values, with the window a viewer would open it with.

mod codec;
mod colour;
mod frame;
mod header;
mod photometric;
mod rle;
mod source;
mod window;

use super::image_file::{ImageFile, check_frame};
use super::pixels::{PixelFormat, Windowing};
use header::Header;
use lens_base::Result;
use photometric::Photometric;
use source::Source;
use std::fs::File;

/// Bytes at the start of a file that tell whether it is DICOM.
pub const SIGNATURE_BYTES: usize = 132;

/// Whether a file that starts with these bytes is DICOM, with or without the preamble.
pub fn is_dicom(start: &[u8]) -> bool {
    source::layout(start).is_some()
}

/// Decodes one frame; of the others nothing is read but the lengths of their fragments, and not even these where the
/// file says where the frame is.
pub fn decode(file: File, frame: u32) -> Result<ImageFile> {
    let mut source = Source::open(file)?;
    let header = Header::read(&mut source, frame)?;
    let frames = header.frames;
    check_frame(frame, frames)?;
    let photometric = Photometric::of(&header)?;
    let coded = frame::read(&mut source, &header, photometric, frame)?;
    let samples = codec::decode(&coded, &header, photometric, source.coding)?;
    let (width, height) = (header.columns, header.rows);
    let (format, windowing, bytes) = if photometric.is_gray() {
        window::gray(&samples, &header, photometric)?
    } else {
        (PixelFormat::Rgb8, Windowing::default(), colour::rgb(&samples, &header, photometric)?)
    };
    ImageFile { bytes, width, height, format, windowing, frames }.checked()
}
