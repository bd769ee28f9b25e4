//! DICOM files: one frame's stored values, with the window a viewer would open it with.

mod attributes;
mod character_set;
mod codec;
mod colour;
mod deep;
mod elements;
mod frame;
pub mod geometry;
mod header;
mod inflate;
mod lut;
mod photometric;
mod rle;
mod source;
mod value;
mod window;

use super::file_info::FileInfo;
use super::image_file::ImageFile;
use super::jpeg;
use super::opened::check_frame;
use super::read_options::ReadOptions;
use codec::Samples;
use dicom_dictionary_std::tags;
use header::{Header, Numbers, PixelData};
use lens_base::{Error, Result};
use photometric::Photometric;
use source::{Coding, Source};
use std::fs::File;
use window::Seen;

/// Bytes at the start of a file that tell whether it is DICOM.
pub const SIGNATURE_BYTES: usize = 132;

/// Whether a file that starts with these bytes is DICOM, with or without the preamble.
pub fn is_dicom(start: &[u8]) -> bool {
    source::layout(start).is_some()
}

/// Decodes one frame; of the others nothing is read but the lengths of their fragments, and not even these where the
/// file says where the frame is.
pub fn decode(file: File, frame: u32, options: &ReadOptions) -> Result<ImageFile> {
    let mut source = Source::open(file)?;
    let header = Header::read(&mut source, frame)?;
    let frames = header.frames;
    check_frame(frame, frames)?;
    let photometric = photometric(&header)?;
    let coded = frame::read(&mut source, &header, photometric, frame)?;
    let is_deep = header.numbers != Numbers::Integers || header.bits_allocated == 32;
    let Seen { format, windowing, lut, bytes, presets } = if is_deep && photometric.is_gray() {
        window::deep(&deep::numbers(&coded, &header, source.coding)?, &header, photometric, options)?
    } else if is_deep {
        let colours = deep::colours(&coded, &header, source.coding)?;
        Seen::coloured(colour::rgb_of(colours, photometric), options)?
    } else {
        let (samples, photometric) = samples(&coded, &header, photometric, source.coding, frame)?;
        if photometric.is_gray() {
            window::gray(&samples, &header, photometric, options)?
        } else {
            Seen::coloured(colour::rgb(&samples, &header, photometric)?, options)?
        }
    };
    let (width, height) = (header.columns, header.rows);
    ImageFile { bytes, width, height, format, windowing, lut, presets, frames }.checked()
}

/// What the samples mean; of colours, the length of uncompressed ones is looked at, too.
fn photometric(header: &Header) -> Result<Photometric> {
    let named = Photometric::of(header)?;
    Ok(match header.pixel_data {
        PixelData::Native { bytes, .. } => named.of_length(header, bytes.into(), header.frames),
        PixelData::Encapsulated { .. } => named,
    })
}

/// The samples of a frame of 1, 8 or 16 bits, and what they mean.
fn samples(
    coded: &[u8],
    header: &Header,
    photometric: Photometric,
    coding: Coding,
    frame: u32,
) -> Result<(Samples, Photometric)> {
    let photometric = match coding {
        Coding::EncapsulatedNative => photometric.of_length(header, coded.len() as u64, 1),
        _ => photometric,
    };
    let samples = match (header.bits_allocated, coding) {
        (1, Coding::Native { .. } | Coding::EncapsulatedNative | Coding::Deflated | Coding::Rle | Coding::Jpeg) => {
            let first = frame::first_bit(header, photometric, frame);
            let (bytes, _) = deep::bytes(coded, header, coding)?;
            if bytes.len() * 8 < first + header.pixels() {
                return Err(Error::format(format!(
                    "a frame has {} bytes, too few for {} bits",
                    bytes.len(),
                    header.pixels()
                )));
            }
            Samples::Bytes(deep::bits(&bytes, first, header.pixels()))
        }
        _ => return codec::decode(coded, header, photometric, coding),
    };
    Ok((samples, photometric))
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
    let stream =
        jpeg::gray_stream(coded).filter(|stream| codec::check_size(&header, stream.size, stream.bytes.len()).is_ok());
    Ok(stream.map(|stream| stream.bytes))
}

/// What the file says of itself; refuses what cannot be decoded as far as the header tells.
pub fn info(file: File) -> Result<FileInfo> {
    /// Frames per second; no display and no detector is faster.
    const HIGHEST_RATE: f64 = 240.0;
    let mut source = Source::open(file)?;
    let header = Header::read(&mut source, 0)?;
    frame::check_length(&source, &header, photometric(&header)?)?;
    let rate = |rate: f64| (rate > 0.0 && rate <= HIGHEST_RATE).then_some(rate);
    Ok(FileInfo {
        is_dicom: true,
        width: header.columns,
        height: header.rows,
        frames: header.frames,
        orientation: 1,
        series: header.described_text(tags::SERIES_INSTANCE_UID),
        instance_number: header.described_number(tags::INSTANCE_NUMBER),
        series_description: header.described_text(tags::SERIES_DESCRIPTION),
        modality: header.described_text(tags::MODALITY),
        rate: header
            .described_number(tags::RECOMMENDED_DISPLAY_FRAME_RATE)
            .and_then(rate)
            .or_else(|| header.described_number(tags::CINE_RATE).and_then(rate))
            .or_else(|| {
                header.described_number(tags::FRAME_TIME).and_then(|milliseconds: f64| rate(1000.0 / milliseconds))
            }),
    })
}
