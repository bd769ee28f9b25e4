//! JPEG code streams that a browser decodes to the same samples as this library.

use super::dicom;
use super::jpeg_picture::START;
use super::opened::{Kind, cannot_read, check_frame, open_and};
use super::pixels::check_size;
use lens_base::Result;
use lens_codecs::Size;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Largest picture file that is handed on as it is, in bytes.
const MOST_BYTES: u64 = 256 << 20;

/// The JPEG code stream of one frame, as it is in the file, where any decoder of 8-bit JPEG gets the same samples from it
/// as [`ImageFile::load`](crate::ImageFile::load), but for rounding (2 of 255 at most). `None` where there is none, or
/// where that is in doubt.
///
/// Such are baseline, extended and progressive JPEG of 8 bits that are gray: picture files, and frames of DICOM files
/// whose stored values they hold; fragments are joined. In doubt are colours, which decoders convert and interpolate in
/// different ways, and all that has an Adobe or an EXIF segment or a colour profile.
///
/// Nothing is decoded: a frame that is handed on may still turn out to be broken. Files that cannot be read and frames that
/// they do not have are errors, which begin with the path.
pub fn jpeg_frame(path: &Path, frame: u32) -> Result<Option<Vec<u8>>> {
    open_and(path, |kind, file| match kind {
        Kind::Dicom => dicom::jpeg_frame(file, frame),
        Kind::Jpeg => {
            check_frame(frame, 1)?;
            of_picture(file)
        }
        Kind::Tiff | Kind::Nifti => Ok(None),
        Kind::Plain => check_frame(frame, 1).map(|()| None),
    })
}

fn of_picture(file: File) -> Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    file.take(MOST_BYTES).read_to_end(&mut bytes).map_err(cannot_read)?;
    let stream = gray_stream(bytes).filter(|stream| check_size(stream.size.width, stream.size.height).is_ok());
    Ok(stream.map(|stream| stream.bytes))
}

/// End of image.
const END: [u8; 2] = [0xff, 0xd9];

/// A gray code stream of 8 bits with nothing in it that decoders take differently.
pub struct GrayStream {
    pub size: Size,
    /// From start to end of image, without what follows.
    pub bytes: Vec<u8>,
}

/// The code stream, unless it is of another kind, or in doubt.
pub fn gray_stream(mut bytes: Vec<u8>) -> Option<GrayStream> {
    if !bytes.starts_with(&START) {
        return None;
    }
    let (mut rest, mut size, mut scans) = (&bytes[2..], None, 0);
    while !rest.starts_with(&END) {
        let (marker, segment, after) = segment(rest)?;
        rest = after;
        // ITU-T T.81, table B.1.
        match marker {
            // SOF0 to SOF2: sequential and progressive, Huffman-coded.
            0xc0..=0xc2 if size.is_none() => size = Some(gray_size(segment)?),
            // Start of scan.
            0xda => {
                rest = after_scan(rest)?;
                scans += 1;
            }
            // APP1, APP2, APP14.
            0xe1 if segment.starts_with(b"Exif\0") => return None,
            0xe2 if segment.starts_with(b"ICC_PROFILE\0") => return None,
            0xee if segment.starts_with(b"Adobe") => return None,
            // Tables of Huffman codes and of quantisation, restart intervals, other applications' segments, comments.
            0xc4 | 0xdb | 0xdd | 0xe0..=0xef | 0xfe => {}
            // Other codings, hierarchies, a number of lines that comes later.
            _ => return None,
        }
    }
    let (width, height) = size.filter(|_| scans > 0)?;
    let end = bytes.len() - rest.len() + END.len();
    bytes.truncate(end);
    Some(GrayStream { size: Size { width, height, components: 1 }, bytes })
}

/// The segment that a code stream goes on with: its marker and content, and what comes after it.
fn segment(stream: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let &[0xff, marker, high, low, ..] = stream else { return None };
    let length = usize::from(u16::from_be_bytes([high, low]));
    Some((marker, stream.get(4..2 + length)?, &stream[2 + length..]))
}

/// What comes after the entropy-coded data that a code stream goes on with: a marker that is none of those within.
fn after_scan(stream: &[u8]) -> Option<&[u8]> {
    let is_end = |pair: &[u8]| pair[0] == 0xff && !matches!(pair[1], 0 | 0xd0..=0xd7);
    Some(&stream[stream.windows(2).position(is_end)?..])
}

/// Width and height of a frame header of 8 bits with one component (ITU-T T.81, B.2.2).
fn gray_size(segment: &[u8]) -> Option<(u32, u32)> {
    // Precision, lines, samples of a line, components; identifier, sampling factors and table of the component.
    let &[8, y1, y0, x1, x0, 1, _, 0x11, _] = segment else { return None };
    Some((u16::from_be_bytes([x1, x0]).into(), u16::from_be_bytes([y1, y0]).into()))
}
