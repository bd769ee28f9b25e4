//! Where a data set starts in a file, and how it and its pixels are coded.

use crate::opened::cannot_read;
use dicom_dictionary_std::{tags, uids};
use dicom_encoding::TransferSyntaxIndex;
use dicom_encoding::transfer_syntax::TransferSyntax;
use dicom_parser::StatefulDecode;
use dicom_parser::dataset::LazyDataToken;
use dicom_parser::dataset::lazy_read::LazyDataSetReader;
use dicom_transfer_syntax_registry::TransferSyntaxRegistry;
use flate2::read::DeflateDecoder;
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
const MOST_INFLATED: u64 = 1 << 31;

/// How the pixels are coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    Native { big_endian: bool },
    EncapsulatedNative,
    Rle,
    Jpeg,
    Jpeg2000,
}

/// What can be sought and read.
pub trait ReadSeek: Read + Seek {}
impl<T: Read + Seek> ReadSeek for T {}

/// A data set, placed at its first element.
pub struct Source {
    pub reader: Box<dyn ReadSeek>,
    /// Bytes there are, from the reader's 0 on.
    pub size: u64,
    /// The transfer syntax that the attributes are read in.
    pub attributes: &'static TransferSyntax,
    pub coding: Coding,
}

/// Tells DICOM apart by a file's first bytes; `None`: something else.
pub fn layout(start: &[u8]) -> Option<Layout> {
    if start.get(128..132) == Some(b"DICM") {
        return Some(Layout::Meta(132));
    }
    let has_vr = |vr: &[u8]| vr.len() == 2 && vr.iter().all(u8::is_ascii_uppercase);
    // Files of old archives lack the preamble: they begin with group 2, or with the data set's group 8.
    match (start.get(..4)?, start.get(4..8)?) {
        ([2, 0, 0, 0], [b'U', b'L', 4, 0]) => Some(Layout::Meta(0)),
        ([8, 0, 0 | 1 | 5 | 8 | 0x16 | 0x18, 0], [vr @ .., _, _]) if has_vr(vr) => {
            Some(Layout::Bare(uids::EXPLICIT_VR_LITTLE_ENDIAN))
        }
        ([8, 0, 0 | 1 | 5 | 8 | 0x16 | 0x18, 0], [length, 0, 0, 0]) if *length > 0 => {
            Some(Layout::Bare(uids::IMPLICIT_VR_LITTLE_ENDIAN))
        }
        _ => None,
    }
}

/// All that the parser has to say, from the position to the cause.
pub fn explain(error: &dyn std::error::Error) -> String {
    let causes: Vec<String> =
        std::iter::successors(Some(error), |error| error.source()).map(|e| e.to_string()).collect();
    causes.join(": ")
}

fn known(uid: &str) -> Result<&'static TransferSyntax> {
    TransferSyntaxRegistry
        .get(uid)
        .ok_or_else(|| Error::new(ErrorKind::Unsupported, format!("its transfer syntax {uid} is not known; {CONVERT}")))
}

const CONVERT: &str = "convert it to Explicit VR Little Endian, RLE Lossless, JPEG (8-bit or lossless) or JPEG 2000";

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
        uids::JPEG2000_LOSSLESS | uids::JPEG2000 | uids::HTJ2K_LOSSLESS | uids::HTJ2K_LOSSLESS_RPCL | uids::HTJ2K => {
            Coding::Jpeg2000
        }
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
        let (uid, begin) = match layout(&start) {
            Some(Layout::Meta(begin)) => {
                reader.seek(SeekFrom::Start(begin)).map_err(cannot_read)?;
                (transfer_syntax(&mut reader)?, reader.stream_position().map_err(cannot_read)?)
            }
            Some(Layout::Bare(uid)) => (uid.to_string(), 0),
            None => return Err(Error::format("it does not begin as a DICOM file does")),
        };
        let syntax = known(&uid)?;
        let coding = coding(syntax)?;
        if syntax.uid() == uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN {
            reader.seek(SeekFrom::Start(begin)).map_err(cannot_read)?;
            let mut inflated = Vec::new();
            DeflateDecoder::new(reader)
                .take(MOST_INFLATED + 1)
                .read_to_end(&mut inflated)
                .map_err(|error| Error::format(format!("its deflated data set is broken: {error}")))?;
            let size = inflated.len() as u64;
            if size > MOST_INFLATED {
                return Err(Error::format(format!("its deflated data set is larger than {MOST_INFLATED} bytes")));
            }
            let attributes = known(uids::EXPLICIT_VR_LITTLE_ENDIAN)?;
            return Ok(Source { reader: Box::new(Cursor::new(inflated)), size, attributes, coding });
        }
        let size = reader.seek(SeekFrom::End(0)).map_err(cannot_read)?;
        reader.seek(SeekFrom::Start(begin)).map_err(cannot_read)?;
        Ok(Source { reader: Box::new(reader), size, attributes: syntax, coding })
    }
}

/// Reads the file meta information element by element: its group length is wrong in some files.
fn transfer_syntax(reader: &mut BufReader<File>) -> Result<String> {
    let broken = |reason: &dyn std::error::Error| {
        Error::format(format!("its file meta information is broken: {}", explain(reason)))
    };
    let explicit = known(uids::EXPLICIT_VR_LITTLE_ENDIAN)?;
    let mut found = None;
    loop {
        let mut group = [0; 2];
        match reader.read_exact(&mut group) {
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => break,
            other => other.map_err(cannot_read)?,
        }
        reader.seek_relative(-2).map_err(cannot_read)?;
        if u16::from_le_bytes(group) != 2 {
            break;
        }
        let mut elements = LazyDataSetReader::new_with_ts(&mut *reader, explicit).map_err(|error| broken(&error))?;
        // The header, then the value.
        elements.advance().transpose().map_err(|error| broken(&error))?;
        let value = elements.advance().transpose().map_err(|error| broken(&error))?;
        if let Some(LazyDataToken::LazyValue { header, decoder }) = value {
            let mut value = Vec::new();
            decoder.read_to_vec(header.len.0, &mut value).map_err(|error| broken(&error))?;
            if header.tag == tags::TRANSFER_SYNTAX_UID {
                found = Some(String::from_utf8_lossy(&value).trim_end_matches([' ', '\0']).to_string());
            }
        }
    }
    found.ok_or_else(|| Error::format("its file meta information names no transfer syntax (0002,0010)"))
}
