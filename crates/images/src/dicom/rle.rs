//! DICOM's run length coding (PS3.5 annex G).

use lens_base::{Error, Result};

/// Decodes a frame: planes of `samples` samples of `bytes` bytes, the most significant first, become pixels with
/// samples of the machine's byte order side by side.
pub fn decode(coded: &[u8], pixels: usize, samples: usize, bytes: usize) -> Result<Vec<u8>> {
    let word = |index: usize| coded.as_chunks::<4>().0.get(index).map(|word| u32::from_le_bytes(*word) as usize);
    let planes = samples * bytes;
    if word(0) != Some(planes) || coded.len() < 64 {
        return Err(Error::format(format!(
            "its run length coding has {} segment(s); {planes} are needed",
            word(0).unwrap_or(0)
        )));
    }
    let mut decoded = Vec::new();
    for plane in 0..planes {
        let start = word(1 + plane).unwrap_or(0);
        let end = if plane + 1 < planes { word(2 + plane).unwrap_or(0) } else { coded.len() };
        let segment = coded.get(start..end).filter(|_| start >= 64).ok_or_else(|| {
            Error::format(format!("its run length coding is broken: segment {} is at {start} to {end}", plane + 1))
        })?;
        let values = unpack(segment, pixels);
        if values.len() != pixels {
            return Err(Error::format(format!(
                "its run length coding is broken: segment {} has {} of {pixels} values",
                plane + 1,
                values.len()
            )));
        }
        // Sized only now, when the file has shown that it holds so much.
        decoded.resize(pixels * planes, 0);
        let (sample, significance) = (plane / bytes, plane % bytes);
        let byte = if cfg!(target_endian = "big") { significance } else { bytes - 1 - significance };
        for (pixel, value) in decoded.chunks_exact_mut(planes).zip(values) {
            pixel[sample * bytes + byte] = value;
        }
    }
    Ok(decoded)
}

/// The unpacked values of a segment, at most `most`.
fn unpack(mut segment: &[u8], most: usize) -> Vec<u8> {
    let mut values = Vec::new();
    while values.len() < most
        && let [control, rest @ ..] = segment
    {
        let literal = usize::from(*control) + 1;
        segment = match *control {
            0..=127 => {
                let (run, rest) = rest.split_at(literal.min(rest.len()));
                values.extend_from_slice(run);
                rest
            }
            128 => rest,
            129.. => match rest {
                [value, rest @ ..] => {
                    values.resize(values.len() + 258 - literal, *value);
                    rest
                }
                [] => rest,
            },
        };
    }
    values.truncate(most);
    values
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
        assert_eq!(unpack(&coded, 100), expected);
        assert_eq!(unpack(&coded, 5), expected[..5]);
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
