//! From a frame's coded bytes to its samples, pixel by pixel.

use super::frame::native_bytes;
use super::header::Header;
use super::inflate::inflate;
use super::photometric::Photometric;
use super::rle;
use super::source::Coding;
use lens_base::{Error, Result};
pub use lens_codecs::Samples;
use lens_codecs::{Decoded, Size, jpeg, jpeg_ls, jpeg_xl, jpeg2000};

/// Samples as a header describes them.
pub trait Stored {
    /// The bits of each sample that the header says are stored, at the low end.
    fn stored(&self, header: &Header) -> std::vec::IntoIter<u16>;
}

impl Stored for Samples {
    fn stored(&self, header: &Header) -> std::vec::IntoIter<u16> {
        let shift = u32::from(header.high_bit + 1 - header.bits_stored);
        let mask = u16::MAX >> (16 - header.bits_stored);
        let values: Vec<u16> = match self {
            Samples::Bytes(samples) => {
                samples.iter().map(|sample| u16::from(*sample).unbounded_shr(shift) & mask).collect()
            }
            Samples::Words(samples) => samples.iter().map(|sample| sample >> shift & mask).collect(),
        };
        values.into_iter()
    }
}

/// Decodes a frame; the colours stay as they are coded, but for transforms of JPEG 2000 and JPEG XL. Gives back what the
/// samples mean, which is not what the header says where a JPEG code stream's markers contradict it.
pub fn decode(
    coded: &[u8],
    header: &Header,
    photometric: Photometric,
    coding: Coding,
) -> Result<(Samples, Photometric)> {
    let accept = |size: Size| check_size(header, size, coded.len());
    let samples = match coding {
        Coding::Native { big_endian } => native(coded, header, photometric, big_endian),
        Coding::EncapsulatedNative => {
            // Fragments are padded to an even length.
            let bytes = usize::try_from(native_bytes(header, photometric)).unwrap_or(usize::MAX);
            let is_padded = bytes % 2 == 1 && coded.len() == bytes.saturating_add(1);
            native(if is_padded { &coded[..bytes] } else { coded }, header, photometric, false)
        }
        Coding::Deflated => native(&inflated(coded, native_bytes(header, photometric))?, header, photometric, false),
        Coding::Rle => {
            let (samples, bytes) = (usize::from(header.samples_per_pixel), usize::from(header.bits_allocated / 8));
            match bytes {
                1 => Samples::Bytes(rle::decode(coded, header.pixels(), samples, 1)?),
                _ => Samples::Words(rle::decode_words(coded, header.pixels(), samples)?),
            }
        }
        Coding::Jpeg => {
            let samples = within_stored_bits(jpeg::decode(coded, jpeg::Colours::AsCoded, &accept)?, header);
            let components = jpeg::Header::read(coded)?.and_then(|header| header.components);
            return Ok((samples, of_components(photometric, components)));
        }
        Coding::JpegLs => signed_as_header(jpeg_ls::decode(coded, &accept)?, header),
        Coding::Jpeg2000 => signed_as_header(jpeg2000::decode(coded, &accept)?, header),
        Coding::JpegXl => {
            let samples = signed_as_header(jpeg_xl::decode(coded, &accept)?, header);
            return Ok((samples, if header.samples_per_pixel == 3 { Photometric::Rgb } else { photometric }));
        }
    };
    if samples.len() != header.samples() {
        return Err(Error::format(format!("a frame has {} samples, not {}", samples.len(), header.samples())));
    }
    Ok((samples, photometric))
}

/// The bytes of a frame that is deflated for itself.
pub fn inflated(coded: &[u8], bytes: u64) -> Result<Vec<u8>> {
    // Frames of odd length may have been padded before they were deflated.
    let most = usize::try_from(bytes.next_multiple_of(2)).unwrap_or(usize::MAX);
    let mut inflated = inflate(coded, most, "its deflated frame")?;
    inflated.truncate(usize::try_from(bytes).unwrap_or(usize::MAX));
    if inflated.len() as u64 != bytes {
        return Err(Error::format(format!("its deflated frame has {} of {bytes} bytes", inflated.len())));
    }
    Ok(inflated)
}

/// What three components are by a code stream's own markers: names of components, Adobe and JFIF, which count more than the
/// Photometric Interpretation, as for pydicom.
fn of_components(photometric: Photometric, components: Option<jpeg::Components>) -> Photometric {
    match components {
        Some(jpeg::Components::Rgb) => Photometric::Rgb,
        Some(jpeg::Components::Ybr) => Photometric::YbrFull,
        None => photometric,
    }
}

/// Samples with each changed.
fn changed(samples: Samples, change: impl Fn(u16) -> u16) -> Samples {
    match samples {
        Samples::Bytes(bytes) => Samples::Words(bytes.into_iter().map(|sample| change(sample.into())).collect()),
        Samples::Words(mut words) => {
            words.iter_mut().for_each(|sample| *sample = change(*sample));
            Samples::Words(words)
        }
    }
}

/// Samples within the bits up to the highest that the header says is stored: a lossy value that is one too high would be
/// taken for 0.
fn within_stored_bits(decoded: Decoded, header: &Header) -> Samples {
    if decoded.is_lossy && !header.signed && decoded.precision > u32::from(header.high_bit) + 1 {
        let highest = u16::MAX >> (15 - header.high_bit);
        return changed(decoded.samples, |sample| sample.min(highest));
    }
    decoded.samples
}

/// Samples signed as the header says, by the code stream's own precision, where that does not say the same: JPEG-LS has no
/// sign, and writers of JPEG 2000 leave it out.
fn signed_as_header(decoded: Decoded, header: &Header) -> Samples {
    let unused = 16 - decoded.precision;
    match (decoded.signed, header.signed) {
        (false, true) if decoded.precision < u32::from(header.bits_stored) => {
            changed(decoded.samples, |sample| ((sample << unused) as i16 >> unused) as u16)
        }
        (true, false) => changed(decoded.samples, |sample| sample & (u16::MAX >> unused)),
        _ => decoded.samples,
    }
}

fn words(bytes: &[u8], word: fn([u8; 2]) -> u16) -> Vec<u16> {
    bytes.as_chunks::<2>().0.iter().map(|bytes| word(*bytes)).collect()
}

fn native(coded: &[u8], header: &Header, photometric: Photometric, big_endian: bool) -> Samples {
    if header.bits_allocated == 16 {
        let word = if big_endian { u16::from_be_bytes } else { u16::from_le_bytes };
        Samples::Words(by_pixel(words(coded, word), header, photometric))
    } else {
        Samples::Bytes(by_pixel(coded.to_vec(), header, photometric))
    }
}

/// Gives every pixel its own samples: they may be stored in planes, or two pixels may share a colour.
fn by_pixel<T: Copy>(coded: Vec<T>, header: &Header, photometric: Photometric) -> Vec<T> {
    if photometric == Photometric::YbrFull422 {
        let shared = coded.as_chunks::<4>().0.iter();
        shared.flat_map(|[one, other, blue, red]| [*one, *blue, *red, *other, *blue, *red]).collect()
    } else if header.samples_per_pixel == 3 && header.planar {
        let (first, rest) = coded.split_at(coded.len() / 3);
        let (second, third) = rest.split_at(first.len());
        first.iter().zip(second).zip(third).flat_map(|((first, second), third)| [*first, *second, *third]).collect()
    } else {
        coded
    }
}

/// Refuses a code stream that is not of the header's size before anything is allocated for it.
pub fn check_size(header: &Header, size: Size, coded: usize) -> Result<()> {
    let Size { width, height, components } = size;
    if (width, height, components) != (header.columns, header.rows, u32::from(header.samples_per_pixel)) {
        return Err(Error::format(format!(
            "its code stream has {width} x {height} pixels of {components} component(s), but the file says {} x {} of \
             {}",
            header.columns, header.rows, header.samples_per_pixel
        )));
    }
    size.check_density(coded)
}
