//! JPEG 2000 (ITU-T T.800) and its high throughput coding (T.814).

mod boxes;
mod header;

use crate::{Accept, Decoded, Samples, zeros};
use boxes::Boxes;
use header::{Component, Header};
use jpeg2k::{DecodeParameters, Image};
use lens_base::{Error, ErrorKind, Result};

fn broken(what: &dyn std::fmt::Display) -> Error {
    Error::format(format!("its JPEG 2000 code stream is broken: {what}"))
}

fn unsupported(what: &str) -> Error {
    let message = format!("its JPEG 2000 code stream has components {what}, which this library cannot decode");
    Error::new(ErrorKind::Unsupported, message)
}

/// Decodes an image, of which all tiles and layers must be there; colour transforms of the code stream are taken back. Of a
/// file, the code stream's components come in the order of its channel definitions; palettes are refused.
pub fn decode(coded: &[u8], accept: &Accept) -> Result<Decoded> {
    let boxes = Boxes::read(coded).ok_or_else(|| Error::format("its JPEG 2000 code stream does not begin"))?;
    let coded = boxes.code_stream;
    let header = Header::read(coded).ok_or_else(|| Error::format("its JPEG 2000 code stream has no image size"))?;
    let size = header.size;
    accept(size)?;
    let Component { precision, signed, .. } = header.components[0];
    if header.components.iter().any(|component| component.step != (1, 1)) {
        return Err(unsupported("of several sizes"));
    }
    if header.components.iter().any(|component| (component.precision, component.signed) != (precision, signed)) {
        return Err(unsupported("of several depths"));
    }
    if precision > 16 {
        return Err(unsupported(&format!("of {precision} bits")));
    }
    let order = boxes.order(header.components.len())?;
    header.check_parts(coded)?;
    // OpenJPEG refuses what is cut short. Told to be strict, it would also leave out what follows as many parts of a tile as
    // the first says that there are, where some encoders say one too few.
    let image = Image::from_bytes_with(coded, DecodeParameters::new()).map_err(|error| broken(&error))?;
    let components = image.components();
    let is_as_told = |(component, told): (&jpeg2k::ImageComponent, &Component)| {
        (component.width(), component.height()) == (size.width, size.height)
            && (component.precision(), component.is_signed()) == (told.precision, told.signed)
    };
    if components.len() != header.components.len() || !components.iter().zip(&header.components).all(is_as_told) {
        return Err(broken(&"what is decoded is not what its header says"));
    }
    let mut samples: Vec<u16> = zeros(size)?;
    if let [component] = components {
        samples.iter_mut().zip(component.data()).for_each(|(sample, value)| *sample = *value as u16);
        return Ok(Decoded { size, precision, signed, is_lossy: false, samples: Samples::Words(samples) });
    }
    for (index, component) in order.into_iter().map(|component| &components[component]).enumerate() {
        let pixels = samples.iter_mut().skip(index).step_by(components.len());
        pixels.zip(component.data()).for_each(|(sample, value)| *sample = *value as u16);
    }
    Ok(Decoded { size, precision, signed, is_lossy: false, samples: Samples::Words(samples) })
}
