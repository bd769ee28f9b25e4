//! JPEG-LS (ITU-T T.87), lossless and near-lossless, of 2 to 16 bits.

use crate::segments::{EOI, SOS, Segments};
use crate::{Accept, Decoded, Samples, Size};
use charls::CharLS;
use lens_base::{Error, ErrorKind, Result};

/// Decodes an image; the components stay as they are coded, but for HP's colour transforms, which are taken back.
pub fn decode(coded: &[u8], accept: &Accept) -> Result<Decoded> {
    let broken = |what: &dyn std::fmt::Display| Error::format(format!("its JPEG-LS code stream is broken: {what}"));
    // CharLS 2.4.5 notices at a marker that data have run out, but at the end of its buffer goes on for 2^32 bits.
    let ended = [coded, &[0xff, EOI]].concat();
    // An instance reads one image, and reads it once.
    let info = CharLS::default().get_frame_info(&ended).map_err(|error| broken(&error))?;
    let components = info.component_count.unsigned_abs();
    let size = Size { width: info.width, height: info.height, components };
    if !matches!(components, 1 | 3) {
        return Err(Error::new(
            ErrorKind::Unsupported,
            format!("its JPEG-LS code stream has {components} components; this library decodes 1 and 3"),
        ));
    }
    accept(size)?;
    let decoded = CharLS::default().decode(&ended).map_err(|error| broken(&error))?;
    let precision = info.bits_per_sample.unsigned_abs();
    let in_planes = components > 1 && in_planes(coded).ok_or_else(|| broken(&"it has no scan"))?;
    let samples = if precision <= 8 {
        Samples::Bytes(by_pixel(decoded, in_planes))
    } else {
        let words = decoded.as_chunks::<2>().0.iter().map(|bytes| u16::from_ne_bytes(*bytes)).collect();
        Samples::Words(by_pixel(words, in_planes))
    };
    if samples.len() != size.samples() {
        return Err(broken(&format!("it has {} samples, not {}", samples.len(), size.samples())));
    }
    Ok(Decoded { size, precision, signed: false, is_lossy: false, samples })
}

/// Whether each component has a scan of its own; they are decoded to planes then.
fn in_planes(coded: &[u8]) -> Option<bool> {
    let scan = Segments::of(coded)?.find(|segment| segment.marker == SOS)?;
    // The number of components, their names and tables, near, interleave mode (T.87, C.2.3).
    let interleave_mode = scan.content.get(2 + 2 * usize::from(*scan.content.first()?))?;
    Some(*interleave_mode == 0)
}

fn by_pixel<T: Copy>(decoded: Vec<T>, in_planes: bool) -> Vec<T> {
    if !in_planes {
        return decoded;
    }
    let (first, rest) = decoded.split_at(decoded.len() / 3);
    let (second, third) = rest.split_at(first.len());
    first.iter().zip(second).zip(third).flat_map(|((first, second), third)| [*first, *second, *third]).collect()
}
