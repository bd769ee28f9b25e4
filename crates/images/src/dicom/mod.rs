//! DICOM files: one frame's stored values, with the window a viewer would open it with.

mod codec;
mod colour;
mod frame;
mod header;
mod photometric;
mod rle;
mod source;
mod window;

use super::file_info::FileInfo;
use super::image_file::ImageFile;
use super::jpeg;
use super::opened::check_frame;
use super::pixels::{PixelFormat, Windowing};
use dicom_dictionary_std::tags;
use header::Header;
use lens_base::Result;
use photometric::Photometric;
use source::{Coding, Source};
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
    let presets = if photometric.is_gray() { window::presets(&header) } else { Vec::new() };
    let (format, windowing, bytes) = if photometric.is_gray() {
        window::gray(&samples, &header, photometric, presets.first())?
    } else {
        (PixelFormat::Rgb8, Windowing::default(), colour::rgb(&samples, &header, photometric)?)
    };
    ImageFile { bytes, width, height, format, windowing, presets, frames }.checked()
}

/// A gray frame's code stream, if a browser decodes it to its stored values.
pub fn jpeg_frame(file: File, frame: u32) -> Result<Option<Vec<u8>>> {
    let mut source = Source::open(file)?;
    let header = Header::read(&mut source, frame)?;
    check_frame(frame, header.frames)?;
    let photometric = Photometric::of(&header)?;
    let whole_bytes = header.bits_stored == 8 && header.high_bit == 7 && !header.signed;
    if source.coding != Coding::Jpeg || !photometric.is_gray() || !whole_bytes {
        return Ok(None);
    }
    let coded = frame::read(&mut source, &header, photometric, frame)?;
    let stream = jpeg::gray_stream(coded)
        .filter(|stream| codec::check_size(&header, stream.width, stream.height, 1, stream.bytes.len()).is_ok());
    Ok(stream.map(|stream| stream.bytes))
}

/// What the file says of itself; refuses what cannot be decoded as far as the header tells.
pub fn info(file: File) -> Result<FileInfo> {
    /// Frames per second; no display and no detector is faster.
    const HIGHEST_RATE: f64 = 240.0;
    let mut source = Source::open(file)?;
    let header = Header::read(&mut source, 0)?;
    frame::check_length(&source, &header, Photometric::of(&header)?)?;
    let rate = |rate: f64| (rate > 0.0 && rate <= HIGHEST_RATE).then_some(rate);
    Ok(FileInfo {
        is_dicom: true,
        width: header.columns,
        height: header.rows,
        frames: header.frames,
        series: header.text(tags::SERIES_INSTANCE_UID),
        instance_number: header.number(tags::INSTANCE_NUMBER),
        series_description: header.text(tags::SERIES_DESCRIPTION),
        modality: header.text(tags::MODALITY),
        rate: header
            .number(tags::RECOMMENDED_DISPLAY_FRAME_RATE)
            .and_then(rate)
            .or_else(|| header.number(tags::CINE_RATE).and_then(rate))
            .or_else(|| header.number(tags::FRAME_TIME).and_then(|milliseconds: f64| rate(1000.0 / milliseconds))),
    })
}
