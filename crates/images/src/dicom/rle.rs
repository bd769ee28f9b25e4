//! DICOM's run length coding (PS3.5 annex G).

use crate::buffer::zeroed;
use lens_base::{Error, Result, reserve};

/// Decodes a frame: planes of `samples` samples of `bytes` bytes, the most significant first, become pixels with
/// samples of the machine's byte order side by side.
pub fn decode(coded: &[u8], pixels: usize, samples: usize, bytes: usize) -> Result<Vec<u8>> {
    let mut unpacked = planes(coded, pixels, samples * bytes)?;
    if cfg!(target_endian = "little") {
        unpacked.chunks_exact_mut(bytes).for_each(<[_]>::reverse);
    }
    side_by_side(unpacked)
}

/// The same of samples of two bytes.
pub fn decode_words(coded: &[u8], pixels: usize, samples: usize) -> Result<Vec<u16>> {
    if samples > 1 {
        let bytes = decode(coded, pixels, samples, 2)?;
        return Ok(bytes.as_chunks::<2>().0.iter().map(|bytes| u16::from_ne_bytes(*bytes)).collect());
    }
    let planes = planes(coded, pixels, 2)?;
    let mut words = Vec::new();
    reserve(&mut words, pixels, "the pixels of an image")?;
    words.extend(planes[0].iter().zip(&planes[1]).map(|(high, low)| u16::from_be_bytes([*high, *low])));
    Ok(words)
}

/// The values of so many segments.
fn planes(coded: &[u8], pixels: usize, planes: usize) -> Result<Vec<Vec<u8>>> {
    let word = |index: usize| coded.as_chunks::<4>().0.get(index).map(|word| u32::from_le_bytes(*word) as usize);
    if word(0) != Some(planes) || coded.len() < 64 {
        return Err(Error::format(format!(
            "its run length coding has {} segment(s); {planes} are needed",
            word(0).unwrap_or(0)
        )));
    }
    let mut unpacked = Vec::new();
    for plane in 0..planes {
        let start = word(1 + plane).unwrap_or(0);
        let end = if plane + 1 < planes { word(2 + plane).unwrap_or(0) } else { coded.len() };
        let segment = coded.get(start..end).filter(|_| start >= 64).ok_or_else(|| {
            Error::format(format!("its run length coding is broken: segment {} is at {start} to {end}", plane + 1))
        })?;
        let values = unpack(segment, pixels)?;
        if values.len() != pixels {
            return Err(Error::format(format!(
                "its run length coding is broken: segment {} has {} of {pixels} values",
                plane + 1,
                values.len()
            )));
        }
        unpacked.push(values);
    }
    Ok(unpacked)
}

/// Pixels of bytes of so many planes of one length.
fn side_by_side(mut planes: Vec<Vec<u8>>) -> Result<Vec<u8>> {
    match planes.len() {
        1 => Ok(planes.remove(0)),
        2 => of_planes::<2>(&planes),
        3 => of_planes::<3>(&planes),
        4 => of_planes::<4>(&planes),
        6 => of_planes::<6>(&planes),
        count => {
            let mut pixels = zeroed(planes[0].len() * count)?;
            for (index, plane) in planes.iter().enumerate() {
                pixels.iter_mut().skip(index).step_by(count).zip(plane).for_each(|(byte, value)| *byte = *value);
            }
            Ok(pixels)
        }
    }
}

fn of_planes<const PLANES: usize>(planes: &[Vec<u8>]) -> Result<Vec<u8>> {
    let length = planes[0].len();
    let planes: [&[u8]; PLANES] = std::array::from_fn(|index| &planes[index][..length]);
    let mut pixels = zeroed(length * PLANES)?;
    for (index, pixel) in pixels.as_chunks_mut::<PLANES>().0.iter_mut().enumerate() {
        *pixel = planes.map(|plane| plane[index]);
    }
    Ok(pixels)
}

/// The unpacked values of a segment, at most `most`.
fn unpack(segment: &[u8], most: usize) -> Result<Vec<u8>> {
    /// Values of the longest run, which takes two bytes.
    const LONGEST: usize = 128;
    /// Most runs are no longer, and copying as much as this always is faster than as much as there is.
    const BLOCK: usize = 16;
    let most = most.min(segment.len().saturating_mul(LONGEST / 2));
    let mut values = zeroed(most + LONGEST)?;
    let (mut rest, mut count) = (segment, 0);
    while count < most
        && let [control, after @ ..] = rest
    {
        let to = &mut values[count..];
        match *control {
            0..=127 => {
                let length = (usize::from(*control) + 1).min(after.len());
                match (after.first_chunk::<BLOCK>(), to.first_chunk_mut::<BLOCK>()) {
                    (Some(from), Some(to)) if length <= BLOCK => *to = *from,
                    _ => to[..length].copy_from_slice(&after[..length]),
                }
                (rest, count) = (&after[length..], count + length);
            }
            128 => rest = after,
            129.. => {
                let [value, after @ ..] = after else { break };
                let length = 257 - usize::from(*control);
                match to.first_chunk_mut::<BLOCK>() {
                    Some(to) if length <= BLOCK => *to = [*value; BLOCK],
                    _ => to[..length].fill(*value),
                }
                (rest, count) = (after, count + length);
            }
        }
    }
    values.truncate(count.min(most));
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_literals_and_gaps() {
        // The example of Apple's PackBits, with a no-operation in between.
        let coded = [0xfe, 0xaa, 0x02, 0x80, 0x00, 0x2a, 0x80, 0xfd, 0xaa, 0x03, 0x80, 0x00, 0x2a, 0x22, 0xf7, 0xaa];
        let mut expected = vec![0xaa, 0xaa, 0xaa, 0x80, 0x00, 0x2a, 0xaa, 0xaa, 0xaa, 0xaa, 0x80, 0x00, 0x2a, 0x22];
        expected.extend([0xaa; 10]);
        assert_eq!(unpack(&coded, 100).unwrap(), expected);
        assert_eq!(unpack(&coded, 5).unwrap(), expected[..5]);
    }

    #[test]
    fn runs_and_literals_of_every_length_and_where_they_end() {
        for length in 1..=128usize {
            let literal: Vec<u8> = (0..length as u8).collect();
            let coded = [&[length as u8 - 1], &literal[..], &[(257 - length) as u8, 9]].concat();
            // A run of 1 would have the number that means nothing.
            let coded = if length == 1 { vec![0, 0] } else { coded };
            let expected = if length == 1 { vec![0] } else { [&literal[..], &vec![9; length]].concat() };
            assert_eq!(unpack(&coded, 1000).unwrap(), expected, "{length}");
            for most in [0, 1, length, expected.len() - 1] {
                assert_eq!(unpack(&coded, most).unwrap(), expected[..most.min(expected.len())], "{length}");
            }
            for end in 1..coded.len() {
                let values = unpack(&coded[..end], 1000).unwrap();
                assert_eq!(values, expected[..(end - 1).min(length)], "{length} up to {end}");
            }
        }
        assert!(unpack(&[], 5).unwrap().is_empty());
    }

    #[test]
    fn planes_of_every_number() {
        for (samples, bytes) in [(1, 1), (1, 2), (3, 1), (1, 4), (3, 2), (1, 8), (4, 1)] {
            let planes = samples * bytes;
            let mut coded: Vec<u8> = [planes as u32].iter().flat_map(|word| word.to_le_bytes()).collect();
            coded.extend((0..planes as u32).flat_map(|plane| (64 + 4 * plane).to_le_bytes()));
            coded.resize(64, 0);
            coded.extend((0..planes as u8).flat_map(|plane| [2, plane, plane + 100, plane + 200]));
            let decoded = decode(&coded, 3, samples, bytes).unwrap();
            let number = |pixel: usize, sample: usize| {
                let bytes = (0..bytes).map(|byte| (sample * bytes + byte + 100 * pixel) as u8);
                if cfg!(target_endian = "big") { bytes.collect() } else { bytes.rev().collect::<Vec<u8>>() }
            };
            let expected: Vec<u8> =
                (0..3).flat_map(|pixel| (0..samples).flat_map(move |sample| number(pixel, sample))).collect();
            assert_eq!(decoded, expected, "{samples} {bytes}");
            if bytes == 2 {
                let words = decode_words(&coded, 3, samples).unwrap();
                assert_eq!(words.into_iter().flat_map(u16::to_ne_bytes).collect::<Vec<u8>>(), expected, "{samples}");
            }
        }
    }

    #[test]
    fn missing_rle_segments() {
        let frame = |segments: u32, first: u32, body: &[u8]| {
            let mut coded: Vec<u8> = [segments, first].iter().flat_map(|word| word.to_le_bytes()).collect();
            coded.resize(64, 0);
            coded.extend(body);
            coded
        };
        assert_eq!(decode(&frame(1, 64, &[0xfd, 7]), 4, 1, 1).unwrap(), [7; 4]);
        for (coded, sign) in [
            (frame(u32::MAX, 64, &[]), "4294967295 segment"),
            (frame(1, 900, &[0xfd, 7]), "900"),
            (frame(1, 4, &[0xfd, 7]), "at 4"),
            (frame(1, 64, &[0xfe, 7]), "3 of 4"),
            (vec![1, 0, 0], "0 segment"),
        ] {
            let error = decode(&coded, 4, 1, 1).unwrap_err();
            assert!(error.message().contains(sign), "{error}");
        }
    }
}
