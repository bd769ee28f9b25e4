//! Samples of strips and tiles as those of the whole image.

use super::unsupported;
use half::f16;
use lens_base::Result;
use tiff::tags::SampleFormat;

/// How samples are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// Of 1 to 16 bits, the first in the highest bits, every row from a byte on; those of 8 and of 16 bits in bytes, and in
    /// the machine's byte order.
    Unsigned(u8),
    /// Of 8 or 16 bits.
    Signed(u8),
    /// Of 16, 32 or 64 bits; shares of white.
    Float(u8),
}

impl Stored {
    pub fn new(format: SampleFormat, bits: u8) -> Result<Self> {
        match (format, bits) {
            (SampleFormat::Uint | SampleFormat::Void, 1..=16) => Ok(Stored::Unsigned(bits)),
            (SampleFormat::Int, 8 | 16) => Ok(Stored::Signed(bits)),
            (SampleFormat::IEEEFP, 16 | 32 | 64) => Ok(Stored::Float(bits)),
            _ => Err(unsupported(&format!(
                "its samples are {format:?} of {bits} bits; unsigned ones of 1 to 16 bits, signed ones of 8 or 16 and \
                 floats are read"
            ))),
        }
    }

    pub fn bits(self) -> usize {
        usize::from(match self {
            Stored::Unsigned(bits) | Stored::Signed(bits) | Stored::Float(bits) => bits,
        })
    }

    /// Whether bytes stay as they are.
    pub fn is(self, becomes: Becomes) -> bool {
        matches!(
            (self, becomes),
            (Stored::Unsigned(8), Becomes::Byte) | (Stored::Unsigned(16) | Stored::Signed(16), Becomes::Word)
        )
    }

    fn highest(self) -> u32 {
        // Of numbers of up to 16 bits.
        (1u32 << self.bits().min(16)) - 1
    }
}

/// What samples become.
#[derive(Clone, Copy, Debug)]
pub enum Becomes<'a> {
    /// 8 bits; deeper ones are rounded.
    Byte,
    /// 16 bits, in the machine's byte order; those of 9 to 15 bits and signed ones are kept as they are.
    Word,
    /// Red, green and blue that a palette has for them.
    Colours(&'a [[u8; 3]]),
}

impl Becomes<'_> {
    pub fn bytes(self) -> usize {
        match self {
            Becomes::Byte => 1,
            Becomes::Word => 2,
            Becomes::Colours(_) => 3,
        }
    }
}

/// A strip or tile, decompressed: rows of pixels, of which each begins at a byte.
pub struct Chunk<'a> {
    pub bytes: &'a [u8],
    pub row_bytes: usize,
    /// Pixels of a row that are in the image.
    pub columns: usize,
    /// Samples of a pixel.
    pub channels: usize,
}

/// The part of the whole image's rows that a chunk is for.
pub struct Place<'a> {
    /// All pixels from the chunk's first row on.
    pub rows: &'a mut [u8],
    pub row_bytes: usize,
    /// Bytes of a pixel.
    pub pixel_bytes: usize,
    /// Of the chunk's first column.
    pub x: usize,
    /// Where in a pixel the chunk's samples go.
    pub offset: usize,
}

/// Puts the first `count` samples of a chunk's pixels to their place.
pub fn put(chunk: &Chunk, place: Place, count: usize, stored: Stored, becomes: Becomes) -> Result<()> {
    let Place { rows, row_bytes, pixel_bytes, x, offset } = place;
    let width = becomes.bytes();
    let mut unpacked = Vec::new();
    for (from, to) in chunk.bytes.chunks_exact(chunk.row_bytes).zip(rows.chunks_exact_mut(row_bytes)) {
        let to = &mut to[x * pixel_bytes..][..chunk.columns * pixel_bytes];
        if stored.is(becomes) && chunk.channels == count && pixel_bytes == count * width {
            to.copy_from_slice(&from[..to.len()]);
            continue;
        }
        let from = match stored {
            Stored::Unsigned(bits) if !bits.is_multiple_of(8) => {
                unpack(from, bits, chunk.columns * chunk.channels, &mut unpacked);
                &unpacked
            }
            _ => from,
        };
        let mut row = Row { from, to, channels: chunk.channels, count, pixel_bytes, offset, width };
        let word = |value: u16, to: &mut [u8]| to.copy_from_slice(&value.to_ne_bytes());
        let highest = stored.highest();
        match (stored, becomes) {
            (Stored::Unsigned(8), Becomes::Byte) => row.each(|[value]: [u8; 1], to| {
                to[0] = value;
                Ok(())
            })?,
            (Stored::Unsigned(16), Becomes::Byte) => row.each(|value, to| {
                to[0] = ((u32::from(u16::from_ne_bytes(value)) + 128) / 257) as u8;
                Ok(())
            })?,
            (Stored::Unsigned(_), Becomes::Byte) => row.each(|value, to| {
                to[0] = (u32::from(u16::from_ne_bytes(value)) * 255 / highest) as u8;
                Ok(())
            })?,
            (Stored::Unsigned(8), Becomes::Colours(palette)) => row.each(|[value]: [u8; 1], to| {
                to.copy_from_slice(&palette[usize::from(value)]);
                Ok(())
            })?,
            (Stored::Unsigned(_), Becomes::Colours(palette)) => row.each(|value, to| {
                to.copy_from_slice(&palette[usize::from(u16::from_ne_bytes(value))]);
                Ok(())
            })?,
            (Stored::Signed(8), _) => row.each(|value, to| {
                word(i16::from(i8::from_ne_bytes(value)) as u16, to);
                Ok(())
            })?,
            (Stored::Unsigned(_) | Stored::Signed(_), _) => row.each(|value: [u8; 2], to| {
                to.copy_from_slice(&value);
                Ok(())
            })?,
            (Stored::Float(bits), _) => {
                let share = |value: f64, to: &mut [u8]| {
                    let value = checked(value)?;
                    match becomes {
                        Becomes::Byte => to[0] = (value * 255.0).round() as u8,
                        _ => word((value * 65_535.0).round() as u16, to),
                    }
                    Ok(())
                };
                match bits {
                    16 => row.each(|value, to| share(f16::from_ne_bytes(value).into(), to))?,
                    32 => row.each(|value, to| share(f32::from_ne_bytes(value).into(), to))?,
                    _ => row.each(|value, to| share(f64::from_ne_bytes(value), to))?,
                }
            }
        }
    }
    Ok(())
}

struct Row<'a> {
    from: &'a [u8],
    to: &'a mut [u8],
    channels: usize,
    count: usize,
    pixel_bytes: usize,
    offset: usize,
    width: usize,
}

impl Row<'_> {
    fn each<const BYTES: usize>(&mut self, convert: impl Fn([u8; BYTES], &mut [u8]) -> Result<()>) -> Result<()> {
        let pixels = self.from.chunks_exact(self.channels * BYTES).zip(self.to.chunks_exact_mut(self.pixel_bytes));
        for (from, to) in pixels {
            let samples = from.as_chunks::<BYTES>().0[..self.count].iter();
            for (sample, to) in samples.zip(to[self.offset..].chunks_exact_mut(self.width)) {
                convert(*sample, to)?;
            }
        }
        Ok(())
    }
}

/// Floats are read as shares of white.
fn checked(value: f64) -> Result<f64> {
    match (0.0..=1.0).contains(&value) {
        true => Ok(value),
        false => Err(unsupported(&format!("it has the float {value}; floats in 0..1 are read"))),
    }
}

/// Samples of 1 to 16 bits as those of 16 bits in the machine's byte order.
fn unpack(packed: &[u8], bits: u8, count: usize, words: &mut Vec<u8>) {
    let bits = usize::from(bits);
    words.clear();
    for index in 0..count {
        let (byte, bit) = (index * bits / 8, index * bits % 8);
        let bytes: [u8; 3] = std::array::from_fn(|offset| packed.get(byte + offset).copied().unwrap_or(0));
        let window = u32::from_be_bytes([bytes[0], bytes[1], bytes[2], 0]) << bit;
        words.extend(((window >> (32 - bits)) as u16).to_ne_bytes());
    }
}
