//! Where a data set starts in a file, and how it and its pixels are coded.

use super::elements::Elements;
use super::inflate::inflate;
use crate::opened::cannot_read;
use dicom_core::VR;
use dicom_dictionary_std::{tags, uids};
use dicom_encoding::TransferSyntaxIndex;
use dicom_encoding::transfer_syntax::TransferSyntax;
use dicom_transfer_syntax_registry::TransferSyntaxRegistry;
use lens_base::{Error, ErrorKind, Result};
use std::fs::File;
use std::io::{BufReader, Cursor, Read, Seek, SeekFrom};

/// What a file begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// File meta information, from this byte on.
    Meta(u64),
    /// The data set itself, in this transfer syntax.
    Bare(&'static str),
}

/// A deflated data set is held in memory.
const MOST_INFLATED: usize = 1 << 31;

/// How the pixels are coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    Native {
        big_endian: bool,
    },
    EncapsulatedNative,
    /// Each frame deflated for itself.
    Deflated,
    Rle,
    Jpeg,
    JpegLs,
    Jpeg2000,
    JpegXl,
}

impl Coding {
    /// Whether a fragment that begins so is the first of a frame; `None`: beginnings do not tell.
    pub fn begins_frame(self, start: &[u8]) -> Option<bool> {
        let starts: &[&[u8]] = match self {
            Coding::Jpeg | Coding::JpegLs => &[&[0xff, 0xd8, 0xff]],
            Coding::Jpeg2000 => &[&[0xff, 0x4f, 0xff, 0x51]],
            // Alone, and in a container.
            Coding::JpegXl => &[&[0xff, 0x0a], &[0, 0, 0, 12]],
            _ => return None,
        };
        Some(starts.iter().any(|first| start.starts_with(first)))
    }
}

/// What can be sought and read.
pub trait ReadSeek: Read + Seek {}
impl<T: Read + Seek> ReadSeek for T {}

/// How elements are coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Encoding {
    /// Whether elements do not say their VR.
    pub implicit: bool,
    pub big_endian: bool,
}

impl Encoding {
    const EXPLICIT: Encoding = Encoding { implicit: false, big_endian: false };

    /// The same in the other byte order.
    pub fn swapped(self) -> Self {
        Encoding { big_endian: !self.big_endian, ..self }
    }

    pub fn u16(self, bytes: [u8; 2]) -> u16 {
        if self.big_endian { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) }
    }

    pub fn u32(self, bytes: [u8; 4]) -> u32 {
        if self.big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
    }
}

/// A data set.
pub struct Source {
    pub reader: Box<dyn ReadSeek>,
    /// Bytes there are, from the reader's 0 on.
    pub size: u64,
    /// Where its first element is.
    pub begin: u64,
    pub encoding: Encoding,
    pub coding: Coding,
    /// Whether the file says how it is coded.
    pub names_syntax: bool,
}

/// Tells DICOM apart by a file's first bytes; `None`: something else.
pub fn layout(start: &[u8]) -> Option<Layout> {
    if start.get(128..132) == Some(b"DICM") {
        return Some(Layout::Meta(132));
    }
    let has_vr = |value: [u8; 4]| VR::from_binary([value[0], value[1]]).is_some();
    let is_short = |value: [u8; 4]| value[0] > 0 && value[0].is_multiple_of(2) && value[1..] == [0; 3];
    // Whether a higher element of group 8, or one of a group that may come next, follows where it can be seen.
    let is_before = |element: u8, next: Option<&[u8]>| match next {
        Some([8, 0, next, _, ..]) => *next > element,
        Some([group, 0, _, _, ..]) => (8..=0x28).contains(group),
        Some([_, _, _, _, ..]) => false,
        _ => true,
    };
    // Files of old archives lack the preamble: they begin with group 2, or with the data set's group 8.
    let (tag, value) = (*start.first_chunk::<4>()?, *start.get(4..)?.first_chunk::<4>()?);
    match tag {
        [2, 0, 0..=3 | 0x10 | 0x12 | 0x13 | 0x16, 0] if has_vr(value) || is_short(value) => Some(Layout::Meta(0)),
        [8, 0, 0..=0x70, 0] if has_vr(value) => Some(Layout::Bare(uids::EXPLICIT_VR_LITTLE_ENDIAN)),
        #[allow(deprecated, reason = "retired from the standard, not from archives")]
        [0, 8, 0, 0..=0x70] if has_vr(value) => Some(Layout::Bare(uids::EXPLICIT_VR_BIG_ENDIAN)),
        [8, 0, element @ 0..=0x70, 0]
            if is_short(value) && is_before(element, start.get(8 + usize::from(value[0])..)) =>
        {
            Some(Layout::Bare(uids::IMPLICIT_VR_LITTLE_ENDIAN))
        }
        _ => None,
    }
}

fn known(uid: &str) -> Result<&'static TransferSyntax> {
    TransferSyntaxRegistry
        .get(uid)
        .ok_or_else(|| Error::new(ErrorKind::Unsupported, format!("its transfer syntax {uid} is not known; {CONVERT}")))
}

const CONVERT: &str = "convert it to Explicit VR Little Endian";

/// Processes 3 and 5 to 13 of JPEG (PS3.5 of 1998, A.4.1): arithmetic-coded, and progressive of either coding.
const RETIRED_JPEG: [&str; 5] = [
    "1.2.840.10008.1.2.4.52",
    "1.2.840.10008.1.2.4.53",
    "1.2.840.10008.1.2.4.54",
    "1.2.840.10008.1.2.4.55",
    "1.2.840.10008.1.2.4.56",
];

fn coding(syntax: &TransferSyntax) -> Result<Coding> {
    Ok(match syntax.uid() {
        uids::IMPLICIT_VR_LITTLE_ENDIAN
        | uids::EXPLICIT_VR_LITTLE_ENDIAN
        | uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN => Coding::Native { big_endian: false },
        #[allow(deprecated, reason = "retired from the standard, not from archives")]
        uids::EXPLICIT_VR_BIG_ENDIAN => Coding::Native { big_endian: true },
        uids::ENCAPSULATED_UNCOMPRESSED_EXPLICIT_VR_LITTLE_ENDIAN => Coding::EncapsulatedNative,
        uids::RLE_LOSSLESS => Coding::Rle,
        uids::JPEG_BASELINE8_BIT | uids::JPEG_EXTENDED12_BIT | uids::JPEG_LOSSLESS | uids::JPEG_LOSSLESS_SV1 => {
            Coding::Jpeg
        }
        uids::JPEGLS_LOSSLESS | uids::JPEGLS_NEAR_LOSSLESS => Coding::JpegLs,
        uids::JPEG2000_LOSSLESS | uids::JPEG2000 | uids::HTJ2K_LOSSLESS | uids::HTJ2K_LOSSLESS_RPCL | uids::HTJ2K => {
            Coding::Jpeg2000
        }
        uids::JPEGXL_LOSSLESS | uids::JPEGXLJPEG_RECOMPRESSION | uids::JPEGXL => Coding::JpegXl,
        uids::DEFLATED_IMAGE_FRAME_COMPRESSION => Coding::Deflated,
        uid => {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!(
                    "its pixels are coded as {} (transfer syntax {uid}), which this library cannot decode; {CONVERT}",
                    syntax.name()
                ),
            ));
        }
    })
}

impl Source {
    /// Finds the data set and its transfer syntax.
    pub fn open(mut file: File) -> Result<Self> {
        let mut start = Vec::with_capacity(super::SIGNATURE_BYTES);
        (&mut file).take(super::SIGNATURE_BYTES as u64).read_to_end(&mut start).map_err(cannot_read)?;
        let mut reader = BufReader::new(file);
        let size = reader.seek(SeekFrom::End(0)).map_err(cannot_read)?;
        let mut source = Source {
            reader: Box::new(reader),
            size,
            begin: 0,
            encoding: Encoding::EXPLICIT,
            coding: Coding::Native { big_endian: false },
            names_syntax: true,
        };
        let uid = match layout(&start) {
            Some(Layout::Meta(begin)) => {
                source.begin = begin;
                let (uid, begin) = transfer_syntax(&mut source)
                    .map_err(|error| error.prefixed("its file meta information cannot be read"))?;
                source.begin = begin;
                source.names_syntax = uid.is_some();
                // What the elements are coded in shows; pixels are most probably as they are.
                uid.unwrap_or_else(|| uids::EXPLICIT_VR_LITTLE_ENDIAN.to_string())
            }
            Some(Layout::Bare(uid)) => uid.to_string(),
            None => return Err(Error::format("it does not begin as a DICOM file does")),
        };
        let (syntax, coding) = if RETIRED_JPEG.contains(&uid.as_str()) {
            (known(uids::EXPLICIT_VR_LITTLE_ENDIAN)?, Coding::Jpeg)
        } else {
            let syntax = known(&uid)?;
            (syntax, coding(syntax)?)
        };
        source.coding = coding;
        source.encoding = Encoding {
            implicit: syntax.uid() == uids::IMPLICIT_VR_LITTLE_ENDIAN,
            big_endian: source.coding == Coding::Native { big_endian: true },
        };
        if syntax.uid() == uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN && source.is_deflated()? {
            source.inflate()?;
        }
        Ok(source)
    }

    /// Takes note of how the data set turned out to be coded.
    pub fn correct(&mut self, encoding: Encoding) {
        self.encoding = encoding;
        if let Coding::Native { big_endian } = &mut self.coding {
            *big_endian = encoding.big_endian;
        }
    }

    /// Whether the data set, said to be deflated, does not begin with an element of group 8.
    fn is_deflated(&mut self) -> Result<bool> {
        self.reader.seek(SeekFrom::Start(self.begin)).map_err(cannot_read)?;
        let mut start = Vec::new();
        (&mut self.reader).take(6).read_to_end(&mut start).map_err(cannot_read)?;
        Ok(!matches!(start[..], [8, 0, _, 0, one, other] if VR::from_binary([one, other]).is_some()))
    }

    fn inflate(&mut self) -> Result<()> {
        self.reader.seek(SeekFrom::Start(self.begin)).map_err(cannot_read)?;
        let mut deflated = Vec::new();
        self.reader.read_to_end(&mut deflated).map_err(cannot_read)?;
        let inflated = inflate(&deflated, MOST_INFLATED, "its deflated data set")?;
        self.size = inflated.len() as u64;
        self.reader = Box::new(Cursor::new(inflated));
        self.begin = 0;
        Ok(())
    }
}

/// The transfer syntax that the file meta information names, and where the information ends: where its group does, for the
/// length that it says is wrong in some files. It should be in Explicit VR, but is not in some.
fn transfer_syntax(source: &mut Source) -> Result<(Option<String>, u64)> {
    let (mut elements, scope) = Elements::new(source)?;
    let mut found = None;
    while elements.group(scope)? == Some(2) {
        let Some(element) = elements.next(scope)? else {
            break;
        };
        if element.tag == tags::TRANSFER_SYNTAX_UID {
            found = elements.value(element)?.text();
        } else {
            elements.skip(element, scope)?;
        }
    }
    Ok((found, elements.position()))
}
