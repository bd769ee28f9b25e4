//! A TIFF file of which some tags are read as if they had other values.
//!
//! The decoder refuses palettes, samples of 9 to 15 bits and some kinds of gray for their tags alone. Under tags of kinds
//! that it takes, it gives their samples as they are stored, decompressed.

use super::{TiffDecoder, decoding_error};
use lens_base::Result;
use std::io::{self, Read, Seek, SeekFrom};
use tiff::tags::{ByteOrder, Tag};

/// What makes a file a BigTIFF: the number after the byte order.
const BIG: u16 = 43;
/// A number of 32 bits as the type of a tag.
const LONG: u64 = 4;

/// A file, and the bytes that are read instead of its own.
pub struct Patched<R> {
    inner: R,
    position: u64,
    patches: Vec<(u64, Vec<u8>)>,
}

impl<R> Patched<R> {
    pub fn new(inner: R) -> Self {
        Patched { inner, position: 0, patches: Vec::new() }
    }

    pub fn inner(&self) -> &R {
        &self.inner
    }
}

/// Reads the page that the decoder is at anew, with other values of tags that it has.
pub fn reread(decoder: &mut TiffDecoder, page: u32, tags: &[(Tag, u32)]) -> Result<()> {
    let patches = patches(decoder, tags).map_err(|error| decoding_error(error.into()))?;
    decoder.inner().patches = patches;
    decoder.seek_to_image(page as usize).map_err(decoding_error)
}

fn patches(decoder: &mut TiffDecoder, tags: &[(Tag, u32)]) -> io::Result<Vec<(u64, Vec<u8>)>> {
    let Some(directory) = decoder.ifd_pointer() else { return Ok(Vec::new()) };
    decoder.goto_offset_u64(2)?;
    let big = decoder.read_short()? == BIG;
    decoder.goto_offset_u64(directory.0)?;
    let (entries, first, size) = match big {
        true => (decoder.read_long8()?, directory.0 + 8, 20),
        false => (decoder.read_short()?.into(), directory.0 + 2, 12),
    };
    let order = decoder.byte_order();
    let mut patches = Vec::new();
    for at in (0..entries).map(|index| first + index * size) {
        decoder.goto_offset_u64(at)?;
        let name = decoder.read_short()?;
        if let Some((_, value)) = tags.iter().find(|(tag, _)| tag.to_u16() == name) {
            // Type, count, value.
            let count_bytes = if big { 8 } else { 4 };
            let fields = [(LONG, 2), (1, count_bytes), ((*value).into(), 4)];
            patches.push((at + 2, fields.iter().flat_map(|(value, bytes)| number(order, *value, *bytes)).collect()));
        }
    }
    Ok(patches)
}

fn number(order: ByteOrder, value: u64, bytes: usize) -> Vec<u8> {
    match order {
        ByteOrder::LittleEndian => value.to_le_bytes()[..bytes].to_vec(),
        ByteOrder::BigEndian => value.to_be_bytes()[8 - bytes..].to_vec(),
    }
}

impl<R: Read> Read for Patched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        let end = self.position + count as u64;
        for (at, bytes) in &self.patches {
            let first = (*at).max(self.position);
            let last = (at + bytes.len() as u64).min(end);
            if first < last {
                let part = &bytes[(first - at) as usize..(last - at) as usize];
                buffer[(first - self.position) as usize..][..part.len()].copy_from_slice(part);
            }
        }
        self.position = end;
        Ok(count)
    }
}

impl<R: Seek> Seek for Patched<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.position = self.inner.seek(to)?;
        Ok(self.position)
    }
}
