//! The pages of a TIFF file, for a decoder that only knows the first.

use std::io::{Read, Result, Seek, SeekFrom};

/// Where the pages of a file are described, and its header.
pub struct Pages {
    header: Vec<u8>,
    offsets: Vec<u64>,
    layout: Layout,
}

/// What differs between the byte orders, and between TIFF and BigTIFF.
#[derive(Clone, Copy)]
struct Layout {
    big_endian: bool,
    /// Bytes of an offset.
    offset: usize,
    /// Bytes of a directory's number of entries.
    count: usize,
    /// Bytes of an entry.
    entry: u64,
}

/// Most pages that are counted: a chain of pages may be a knot.
const MOST_PAGES: usize = 65_536;

impl Layout {
    fn of(start: &[u8]) -> Option<Self> {
        let (big_endian, version) = match start.get(..4)? {
            [b'I', b'I', version, 0] => (false, *version),
            [b'M', b'M', 0, version] => (true, *version),
            _ => return None,
        };
        match version {
            42 => Some(Layout { big_endian, offset: 4, count: 2, entry: 12 }),
            43 => Some(Layout { big_endian, offset: 8, count: 8, entry: 20 }),
            _ => None,
        }
    }

    fn number(self, bytes: &[u8]) -> u64 {
        let add = |sum: u64, byte: &u8| sum << 8 | u64::from(*byte);
        if self.big_endian { bytes.iter().fold(0, add) } else { bytes.iter().rev().fold(0, add) }
    }
}

impl Pages {
    /// Finds them; `None`: it is no TIFF file.
    pub fn find(reader: &mut (impl Read + Seek)) -> Result<Option<Self>> {
        reader.rewind()?;
        let mut header = Vec::new();
        reader.take(16).read_to_end(&mut header)?;
        let Some(layout) = Layout::of(&header) else {
            return Ok(None);
        };
        // The first offset is at the end of the header, 8 or 16 bytes.
        header.truncate(layout.offset * 2);
        let mut next = layout.number(header.get(layout.offset..).unwrap_or_default());
        let mut offsets = Vec::new();
        // What is wrong with a page is for the decoder to say.
        while next != 0 && offsets.len() < MOST_PAGES {
            offsets.push(next);
            next = following(reader, layout, next).unwrap_or(0);
        }
        Ok(Some(Pages { header, offsets, layout }))
    }

    /// How many there are.
    pub fn count(&self) -> u32 {
        self.offsets.len() as u32
    }

    /// The file as if `page` were its first.
    pub fn open<R: Read + Seek>(mut self, mut reader: R, page: u32) -> Result<AtPage<R>> {
        reader.rewind()?;
        if let Some(offset) = self.offsets.get(page as usize) {
            let bytes = if self.layout.big_endian { offset.to_be_bytes() } else { offset.to_le_bytes() };
            let bytes =
                if self.layout.big_endian { &bytes[8 - self.layout.offset..] } else { &bytes[..self.layout.offset] };
            self.header[self.layout.offset..].copy_from_slice(bytes);
        }
        Ok(AtPage { header: self.header, reader })
    }
}

/// The offset that follows the entries of the directory at `offset`.
fn following(reader: &mut (impl Read + Seek), layout: Layout, offset: u64) -> Option<u64> {
    let mut bytes = [0; 8];
    reader.seek(SeekFrom::Start(offset)).ok()?;
    reader.read_exact(&mut bytes[..layout.count]).ok()?;
    let entries = layout.number(&bytes[..layout.count]).checked_mul(layout.entry)?;
    reader.seek(SeekFrom::Current(i64::try_from(entries).ok()?)).ok()?;
    reader.read_exact(&mut bytes[..layout.offset]).ok()?;
    Some(layout.number(&bytes[..layout.offset]))
}

/// A file whose first bytes are other ones.
pub struct AtPage<R> {
    header: Vec<u8>,
    reader: R,
}

impl<R: Read + Seek> Read for AtPage<R> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let position = self.reader.stream_position()?;
        let read = self.reader.read(buffer)?;
        let instead = self.header.iter().skip(usize::try_from(position).unwrap_or(usize::MAX));
        buffer[..read].iter_mut().zip(instead).for_each(|(byte, instead)| *byte = *instead);
        Ok(read)
    }
}

impl<R: Seek> Seek for AtPage<R> {
    fn seek(&mut self, position: SeekFrom) -> Result<u64> {
        self.reader.seek(position)
    }
}
