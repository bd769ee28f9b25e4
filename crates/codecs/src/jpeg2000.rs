//! JPEG 2000 (ITU-T T.800) and its high throughput coding (T.814).

use crate::{Accept, Decoded, Samples, Size, zeros};
use jpeg2k::{DecodeParameters, Image};
use lens_base::{Error, ErrorKind, Result};

/// Decodes an image; colour transforms of the code stream are taken back.
pub fn decode(coded: &[u8], accept: &Accept) -> Result<Decoded> {
    let size = size(coded).ok_or_else(|| Error::format("its JPEG 2000 code stream has no image size"))?;
    accept(size)?;
    let image = Image::from_bytes_with(coded, DecodeParameters::new().strict(true))
        .map_err(|error| Error::format(format!("its JPEG 2000 code stream is broken: {error}")))?;
    let unsupported = |what: &str| {
        Error::new(
            ErrorKind::Unsupported,
            format!("its JPEG 2000 code stream has components {what}, which this library cannot decode"),
        )
    };
    let components = image.components();
    let Some(first) = components.first().filter(|_| components.len() == size.components as usize) else {
        return Err(Error::format(format!(
            "its JPEG 2000 code stream has {} of {} components",
            components.len(),
            size.components
        )));
    };
    if components.iter().any(|component| (component.width(), component.height()) != (size.width, size.height)) {
        return Err(unsupported("of several sizes"));
    }
    let (precision, signed) = (first.precision(), first.is_signed());
    if components.iter().any(|component| (component.precision(), component.is_signed()) != (precision, signed)) {
        return Err(unsupported("of several depths"));
    }
    if precision > 16 {
        return Err(unsupported(&format!("of {precision} bits")));
    }
    let mut samples: Vec<u16> = zeros(size)?;
    for (index, component) in components.iter().enumerate() {
        let pixels = samples.iter_mut().skip(index).step_by(components.len());
        pixels.zip(component.data()).for_each(|(sample, value)| *sample = *value as u16);
    }
    Ok(Decoded { size, precision, signed, is_lossy: false, samples: Samples::Words(samples) })
}

/// Of the SIZ marker segment (T.800, A.5.1), in a file or alone.
fn size(coded: &[u8]) -> Option<Size> {
    const START_AND_SIZE: [u8; 4] = [0xff, 0x4f, 0xff, 0x51];
    let begin = coded.windows(4).position(|bytes| bytes == START_AND_SIZE)?;
    let number = |offset: usize| Some(u32::from_be_bytes(*coded.get(begin + offset..)?.first_chunk()?));
    let components = u16::from_be_bytes(*coded.get(begin + 40..)?.first_chunk()?);
    Some(Size {
        width: number(8)?.checked_sub(number(16)?)?,
        height: number(12)?.checked_sub(number(20)?)?,
        components: components.into(),
    })
}
