//! Samples that are not of 8 or 16 bits: single bits, integers of 32 bits, floats.

use super::codec::inflated;
use super::frame::native_bytes;
use super::header::{Header, Numbers};
use super::photometric::Photometric;
use super::rle;
use super::source::Coding;
use lens_base::{Error, ErrorKind, Result};
use std::borrow::Cow;

/// Bits from `first` on, the lowest of a byte first (PS3.5, 8.1.1), as a byte each.
pub fn bits(coded: &[u8], first: usize, count: usize) -> Vec<u8> {
    (first..first + count).map(|bit| coded[bit / 8] >> (bit % 8) & 1).collect()
}

/// The bytes of a frame's samples, uncompressed, and whether their order is that of big-endian machines.
pub fn bytes<'a>(coded: &'a [u8], header: &Header, coding: Coding) -> Result<(Cow<'a, [u8]>, bool)> {
    let is_single_bit = header.bits_allocated == 1;
    Ok(match coding {
        Coding::Native { big_endian } => (coded.into(), big_endian),
        Coding::EncapsulatedNative => (coded.into(), false),
        Coding::Deflated => (inflated(coded, native_bytes(header, Photometric::Monochrome2))?.into(), false),
        // Of single bits, bytes of eight of them are what runs are of.
        Coding::Rle if is_single_bit => (rle::decode(coded, header.pixels().div_ceil(8), 1, 1)?.into(), false),
        Coding::Rle if header.numbers == Numbers::Integers => {
            let (samples, bytes) = (usize::from(header.samples_per_pixel), usize::from(header.bits_allocated / 8));
            (rle::decode(coded, header.pixels(), samples, bytes)?.into(), cfg!(target_endian = "big"))
        }
        _ => {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!(
                    "Bits Allocated is {}, which this library decodes when it is uncompressed, deflated or run length coded only",
                    header.bits_allocated
                ),
            ));
        }
    })
}

/// Red, green and blue, or luminance and colour differences, of a frame of integers of 32 bits: their 8 highest bits.
pub fn colours(coded: &[u8], header: &Header, coding: Coding) -> Result<Vec<u8>> {
    let bits = u32::from(header.bits_stored);
    let eight = |value: f64| {
        let value = value as u32;
        if bits >= 8 { (value >> (bits - 8)) as u8 } else { (value << (8 - bits)) as u8 }
    };
    let samples: Vec<u8> = numbers(coded, header, coding)?.into_iter().map(eight).collect();
    if !header.planar || coding == Coding::Rle {
        return Ok(samples);
    }
    let pixels = header.pixels();
    Ok((0..samples.len()).map(|index| samples[index % 3 * pixels + index / 3]).collect())
}

/// The stored values of a frame.
pub fn numbers(coded: &[u8], header: &Header, coding: Coding) -> Result<Vec<f64>> {
    let (coded, big_endian) = bytes(coded, header, coding)?;
    let values: Vec<f64> = match header.numbers {
        Numbers::Integers => {
            let unused = 32 - u32::from(header.bits_stored);
            let above = u32::from(header.bits_allocated - 1 - header.high_bit);
            values(&coded, big_endian, |bytes| {
                // The stored bits, from the highest bit down.
                let value = u32::from_le_bytes(bytes) << above;
                if header.signed { f64::from(value as i32 >> unused) } else { f64::from(value >> unused) }
            })
        }
        Numbers::Float => values(&coded, big_endian, |bytes| f64::from(f32::from_le_bytes(bytes))),
        Numbers::Double => values(&coded, big_endian, f64::from_le_bytes),
    };
    if values.len() != header.samples() {
        return Err(Error::format(format!("a frame has {} samples, not {}", values.len(), header.samples())));
    }
    Ok(values)
}

fn values<const N: usize>(coded: &[u8], big_endian: bool, value: impl Fn([u8; N]) -> f64) -> Vec<f64> {
    let number = |bytes: &[u8; N]| {
        let mut bytes = *bytes;
        if big_endian {
            bytes.reverse();
        }
        value(bytes)
    };
    coded.as_chunks::<N>().0.iter().map(number).collect()
}
