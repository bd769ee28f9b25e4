//! Strips and tiles that are JPEG (TIFF Technical Note 2).

use super::{TiffDecoder, decoding_error, unsupported};
use lens_base::{Error, Result};
use lens_codecs::{Samples, Size, jpeg};
use std::io::Read;
use tiff::decoder::ChunkType;
use tiff::tags::Tag;

/// Where strips or tiles are, and what is to be known to decode them.
pub struct Jpeg {
    /// First byte and number of bytes of each.
    places: Vec<(u64, u64)>,
    /// Those that all of them have in common; perhaps none.
    tables: Vec<u8>,
    colours: jpeg::Colours,
    /// Bits of a sample.
    bits: u32,
}

impl Jpeg {
    /// Reads the tags of the page that the decoder is at; components that are `ybr` become red, green and blue. Markers that
    /// say what components are count nothing, as for libtiff.
    pub fn read(decoder: &mut TiffDecoder, bits: u8, ybr: bool) -> Result<Self> {
        let (offsets, lengths) = match decoder.get_chunk_type() {
            ChunkType::Strip => (Tag::StripOffsets, Tag::StripByteCounts),
            ChunkType::Tile => (Tag::TileOffsets, Tag::TileByteCounts),
        };
        let mut numbers = |tag| decoder.get_tag_u64_vec(tag).map_err(decoding_error);
        let (offsets, lengths) = (numbers(offsets)?, numbers(lengths)?);
        let tables = match decoder.find_tag(Tag::JPEGTables).map_err(decoding_error)? {
            Some(tables) => tables.into_u8_vec().map_err(decoding_error)?,
            None => Vec::new(),
        };
        let colours = if ybr { jpeg::Colours::OfYbr } else { jpeg::Colours::AsCoded };
        Ok(Jpeg { places: offsets.into_iter().zip(lengths).collect(), tables, colours, bits: bits.into() })
    }

    /// The samples of a strip or tile of this size, those of 9 bits and more in two bytes in the machine's order. The last
    /// strip may have more rows.
    pub fn decode(&self, decoder: &mut TiffDecoder, index: u32, size: Size, is_last_strip: bool) -> Result<Vec<u8>> {
        let &(offset, length) = self
            .places
            .get(index as usize)
            .ok_or_else(|| Error::format(format!("it is broken: it has {} strips or tiles", self.places.len())))?;
        let failed = |error: std::io::Error| decoding_error(error.into());
        decoder.goto_offset_u64(offset).map_err(failed)?;
        let mut coded = Vec::new();
        decoder.inner().take(length).read_to_end(&mut coded).map_err(failed)?;
        if coded.len() as u64 != length {
            let there = coded.len();
            return Err(Error::format(format!("it is truncated: a strip or tile has {there} of {length} bytes")));
        }
        if !self.tables.is_empty() {
            coded = jpeg::with_tables(&self.tables, &coded)?;
        }
        let accept = |coded_size: Size| {
            let is_higher = Size { height: size.height, ..coded_size } == size && coded_size.height > size.height;
            if coded_size != size && !(is_last_strip && is_higher) {
                return Err(Error::format(format!(
                    "it is broken: the JPEG code stream of a strip or tile has {} x {} pixels of {} component(s), not {} \
                     x {} of {}",
                    coded_size.width,
                    coded_size.height,
                    coded_size.components,
                    size.width,
                    size.height,
                    size.components
                )));
            }
            coded_size.check_density(coded.len())
        };
        let decoded = jpeg::decode(&coded, self.colours, &accept)?;
        if decoded.precision != self.bits {
            return Err(unsupported(&format!(
                "its samples have {} bits, and {} in JPEG",
                self.bits, decoded.precision
            )));
        }
        Ok(match decoded.samples {
            Samples::Bytes(samples) => samples,
            Samples::Words(samples) => samples.into_iter().flat_map(u16::to_ne_bytes).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::{ImageFile, PixelFormat};
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use lens_base::ErrorKind;
    use serde::Deserialize;
    use std::path::Path;

    #[derive(Deserialize)]
    struct Entry {
        name: String,
        file: String,
        channels: usize,
        bits: u32,
        samples: String,
    }

    fn golden() -> Vec<Entry> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/tiff_jpeg.json");
        serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
    }

    fn file(name: &str) -> Vec<u8> {
        STANDARD.decode(golden().into_iter().find(|entry| entry.name == name).unwrap().file).unwrap()
    }

    fn load(bytes: &[u8]) -> lens_base::Result<ImageFile> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("image");
        std::fs::write(&path, bytes).unwrap();
        ImageFile::load(&path, 0)
    }

    /// The file, little-endian, with another number as the value of a tag of its only page.
    fn with_tag(mut file: Vec<u8>, tag: u16, value: u16) -> Vec<u8> {
        let directory = u32::from_le_bytes(*file[4..].first_chunk().unwrap()) as usize;
        let entries = file[directory + 2..].chunks(12).position(|entry| entry[..2] == tag.to_le_bytes());
        let at = directory + 2 + 12 * entries.unwrap() + 8;
        file[at..at + 2].copy_from_slice(&value.to_le_bytes());
        file
    }

    #[test]
    fn samples_are_those_of_libtiff() {
        for entry in golden() {
            let name = &entry.name;
            let image = load(&STANDARD.decode(&entry.file).unwrap()).unwrap_or_else(|error| panic!("{name}: {error}"));
            let view = image.view();
            let format = match (entry.channels, entry.bits) {
                (1, 8) => PixelFormat::Gray8,
                (1, _) => PixelFormat::Gray16,
                _ => PixelFormat::Rgb8,
            };
            assert_eq!((view.format(), view.windowing().bits_stored), (format, if name == "12 bits" { 12 } else { 0 }));
            let expected = STANDARD.decode(&entry.samples).unwrap();
            let (values, expected): (Vec<i32>, Vec<i32>) = match entry.bits {
                8 => {
                    let value =
                        |byte: &u8| if view.windowing().invert { 255 - i32::from(*byte) } else { (*byte).into() };
                    (view.bytes().iter().map(value).collect(), expected.iter().map(|byte| (*byte).into()).collect())
                }
                _ => {
                    let words = |bytes: &[u8], word: fn([u8; 2]) -> u16| {
                        bytes.as_chunks::<2>().0.iter().map(|bytes| word(*bytes).into()).collect()
                    };
                    (words(view.bytes(), u16::from_ne_bytes), words(&expected, u16::from_le_bytes))
                }
            };
            assert_eq!(values.len(), expected.len(), "{name}");
            let worst = values.iter().zip(&expected).map(|(value, expected)| (value - expected).abs()).max();
            assert_eq!(worst, Some(0), "{name}");
        }
    }

    #[test]
    fn codings_that_cannot_be_decoded_are_named() {
        let gray = || file("gray, with tables");
        for (bytes, kind, said) in [
            (with_tag(gray(), 259, 6), ErrorKind::Unsupported, "old-style JPEG (Compression 6)"),
            (with_tag(gray(), 258, 12), ErrorKind::Unsupported, "12 bits, and 8 in JPEG"),
            (with_tag(gray(), 258, 4), ErrorKind::Unsupported, "Unsigned(4) in JPEG"),
            (with_tag(gray(), 256, 25), ErrorKind::Format, "26 x 20 pixels of 1 component(s), not 25 x 20 of 1"),
            (with_tag(gray(), 279, 100), ErrorKind::Format, "JPEG"),
        ] {
            let error = load(&bytes).unwrap_err();
            assert_eq!(error.kind(), kind, "{error}");
            assert!(error.message().contains(said), "{error}");
        }
    }

    #[test]
    fn what_is_cut_short_or_damaged_is_refused() {
        for name in ["YCbCr 4:2:0, with tables", "YCbCr 4:2:0 in tiles", "lossless, 16 bits"] {
            let whole = file(name);
            for end in (0..whole.len()).step_by(31) {
                if let Ok(image) = load(&whole[..end]) {
                    assert_eq!(image.view().bytes(), load(&whole).unwrap().view().bytes(), "{name} up to {end}");
                }
            }
            for index in (0..whole.len()).step_by(29) {
                let mut damaged = whole.clone();
                damaged[index] ^= 0xff;
                // Whatever it is, it ends.
                let _ = load(&damaged);
            }
        }
    }
}
