//! TIFF files; their pages are frames.

mod jpeg;
mod page;
mod patched;
mod samples;
#[cfg(test)]
mod tests;

use super::file_info::FileInfo;
use super::image_file::ImageFile;
use super::opened::{cannot_read, check_frame};
use super::pixels::check_size;
use super::read_options::ReadOptions;
use image::metadata::Orientation;
use lens_base::{Error, ErrorKind, Result};
use page::Page;
use patched::Patched;
use std::fs::File;
use std::io::BufReader;
use tiff::TiffError;
use tiff::decoder::{Decoder, Limits};
use tiff::tags::Tag;

type TiffDecoder = Decoder<Patched<BufReader<File>>>;

/// Most pages that are counted.
const MOST_PAGES: u32 = 65_536;
/// Most bytes that the values of a tag may take in memory, and how many a byte of the file may take there.
const MOST_VALUE_BYTES: usize = 512 << 20;
const VALUE_BYTES_PER_BYTE: usize = 64;

/// Whether a file that starts with these bytes is TIFF or BigTIFF.
pub fn is_tiff(start: &[u8]) -> bool {
    matches!(start.get(..4), Some(b"II*\0" | b"MM\0*" | b"II+\0" | b"MM\0+"))
}

/// Decodes one page: gray as GRAY8, GRAY16 or GRAY_S16 (floats as GRAY16), colours as RGB8 or RGBA8. Besides the pixels,
/// one strip or tile is held at a time.
pub fn decode(file: File, page: u32, options: &ReadOptions) -> Result<ImageFile> {
    options.check_window(0)?;
    let mut decoder = open(Patched::new(BufReader::new(file)))?;
    let frames = walk_pages(&mut decoder);
    check_frame(page, frames)?;
    decoder.seek_to_image(page as usize).map_err(decoding_error)?;
    let (width, height) = decoder.dimensions().map_err(decoding_error)?;
    check_size(width, height)?;
    let orientation = if options.apply_orientation { orientation(&mut decoder)? } else { Orientation::NoTransforms };
    Ok(Page::read(&mut decoder, width, height)?.decode(decoder, page, frames)?.turned(orientation))
}

/// The first page's size, and how many pages there are.
pub fn info(file: File) -> Result<FileInfo> {
    let mut decoder = open(Patched::new(BufReader::new(file)))?;
    let size = decoder.dimensions().map_err(decoding_error)?;
    let orientation = orientation(&mut decoder)?;
    FileInfo::of_picture(size, orientation, walk_pages(&mut decoder))
}

/// How the page at which the decoder is lies; a number that is none of an orientation leaves it as it is stored.
fn orientation(decoder: &mut TiffDecoder) -> Result<Orientation> {
    let number = decoder.find_tag_unsigned::<u16>(Tag::Orientation).map_err(decoding_error)?;
    let orientation = number.and_then(|number| Orientation::from_exif(u8::try_from(number).ok()?));
    Ok(orientation.unwrap_or(Orientation::NoTransforms))
}

fn open(file: Patched<BufReader<File>>) -> Result<TiffDecoder> {
    let bytes = file.inner().get_ref().metadata().map_err(cannot_read)?.len();
    let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
    let mut limits = Limits::default();
    // The decoder allocates values of tags only; sizes of images are checked before their memory is taken.
    limits.decoding_buffer_size = bytes.saturating_mul(VALUE_BYTES_PER_BYTE).min(MOST_VALUE_BYTES);
    limits.ifd_value_size = limits.decoding_buffer_size;
    // A strip or tile, which is no larger than its file.
    limits.intermediate_buffer_size = bytes;
    Ok(Decoder::new(file).map_err(decoding_error)?.with_limits(limits))
}

/// Counts the pages. Those that cannot be read count, too: decoding them says what is wrong. A chain of pages that comes
/// back to an earlier one ends there.
fn walk_pages(decoder: &mut TiffDecoder) -> u32 {
    let mut pages = 1;
    while decoder.more_images() && pages < MOST_PAGES {
        let _ = decoder.next_image();
        pages += 1;
    }
    pages
}

fn unsupported(what: &str) -> Error {
    Error::new(ErrorKind::Unsupported, format!("it is a TIFF file this library cannot decode: {what}"))
}

fn decoding_error(error: TiffError) -> Error {
    match error {
        TiffError::IoError(error) if error.raw_os_error().is_some() => cannot_read(error),
        TiffError::UnsupportedError(what) => unsupported(&what.to_string()),
        error => Error::format(format!("it is broken: {error}")),
    }
}
