//! From a frame's coded bytes to its samples, pixel by pixel.

use super::header::Header;
use super::photometric::Photometric;
use super::rle;
use super::source::Coding;
use jpeg_decoder::{ColorTransform, PixelFormat};
use jpeg2k::{DecodeParameters, Image};
use lens_base::{Error, ErrorKind, Result};

/// Samples of a frame, those of a pixel side by side, as wide as they were coded.
pub enum Samples {
    Bytes(Vec<u8>),
    Words(Vec<u16>),
}

impl Samples {
    fn len(&self) -> usize {
        match self {
            Samples::Bytes(samples) => samples.len(),
            Samples::Words(samples) => samples.len(),
        }
    }

    /// The bits that the header says are stored, at the low end.
    pub fn stored<'a>(&'a self, header: &Header) -> Box<dyn Iterator<Item = u16> + 'a> {
        let shift = u32::from(header.high_bit + 1 - header.bits_stored);
        let mask = u16::MAX >> (16 - header.bits_stored);
        match self {
            Samples::Bytes(samples) => {
                Box::new(samples.iter().map(move |sample| u16::from(*sample).unbounded_shr(shift) & mask))
            }
            Samples::Words(samples) => Box::new(samples.iter().map(move |sample| sample >> shift & mask)),
        }
    }
}

/// Decodes a frame; the colours stay as they are coded, but for JPEG 2000's own transforms.
pub fn decode(coded: &[u8], header: &Header, photometric: Photometric, coding: Coding) -> Result<Samples> {
    let samples = match coding {
        Coding::Native { big_endian } => native(coded, header, photometric, big_endian),
        Coding::EncapsulatedNative => native(coded, header, photometric, false),
        Coding::Rle => {
            let (samples, bytes) = (usize::from(header.samples_per_pixel), usize::from(header.bits_allocated / 8));
            let decoded = rle::decode(coded, header.pixels(), samples, bytes)?;
            if bytes == 1 { Samples::Bytes(decoded) } else { Samples::Words(words(&decoded, u16::from_ne_bytes)) }
        }
        Coding::Jpeg => jpeg(coded, header, photometric)?,
        Coding::Jpeg2000 => jpeg2000(coded, header)?,
    };
    if samples.len() != header.samples() {
        return Err(Error::format(format!("a frame has {} samples, not {}", samples.len(), header.samples())));
    }
    Ok(samples)
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
pub fn check_size(header: &Header, width: u32, height: u32, components: u32, coded: usize) -> Result<()> {
    /// Pixels that are always decoded, and pixels for each byte beyond that: more of a smaller file is a decompression bomb.
    const FREE_PIXELS: usize = 1 << 24;
    const PIXELS_OF_A_BYTE: usize = 1 << 10;
    if (width, height, components) != (header.columns, header.rows, u32::from(header.samples_per_pixel)) {
        return Err(Error::format(format!(
            "its code stream has {width} x {height} pixels of {components} component(s), but the file says {} x {} of \
             {}",
            header.columns, header.rows, header.samples_per_pixel
        )));
    }
    if header.pixels() > FREE_PIXELS.max(coded.saturating_mul(PIXELS_OF_A_BYTE)) {
        return Err(Error::format(format!("{coded} bytes of code stream cannot hold {width} x {height} pixels")));
    }
    Ok(())
}

fn jpeg(coded: &[u8], header: &Header, photometric: Photometric) -> Result<Samples> {
    let broken = |error: jpeg_decoder::Error| match error {
        jpeg_decoder::Error::Unsupported(feature) => Error::new(
            ErrorKind::Unsupported,
            format!(
                "its JPEG code stream has what this library cannot decode: {feature:?}; 8-bit and lossless JPEG it can"
            ),
        ),
        error => Error::format(format!("its JPEG code stream is broken: {error}")),
    };
    let mut decoder = jpeg_decoder::Decoder::new(coded);
    decoder.read_info().map_err(broken)?;
    let info = decoder.info().ok_or_else(|| Error::format("its JPEG code stream has no frame header"))?;
    let components = match info.pixel_format {
        PixelFormat::L8 | PixelFormat::L16 => 1,
        PixelFormat::RGB24 => 3,
        PixelFormat::CMYK32 => 4,
    };
    check_size(header, info.width.into(), info.height.into(), components, coded.len())?;
    if components == 3 {
        // What the components mean is for the photometric interpretation to say. But JFIF has no RGB: there, files that
        // claim it are wrong.
        let is_jfif = coded.get(6..11) == Some(b"JFIF\0");
        let transform =
            if photometric == Photometric::Rgb && is_jfif { ColorTransform::YCbCr } else { ColorTransform::RGB };
        decoder.set_color_transform(transform);
    }
    let decoded = decoder.decode().map_err(broken)?;
    Ok(match info.pixel_format {
        PixelFormat::L16 => Samples::Words(words(&decoded, u16::from_ne_bytes)),
        _ => Samples::Bytes(decoded),
    })
}

fn jpeg2000(coded: &[u8], header: &Header) -> Result<Samples> {
    let (width, height, components) =
        jpeg2000_size(coded).ok_or_else(|| Error::format("its JPEG 2000 code stream has no image size"))?;
    check_size(header, width, height, components, coded.len())?;
    let image = Image::from_bytes_with(coded, DecodeParameters::new().strict(true))
        .map_err(|error| Error::format(format!("its JPEG 2000 code stream is broken: {error}")))?;
    let components = image.components();
    if components.iter().any(|component| (component.width(), component.height()) != (width, height)) {
        return Err(Error::new(
            ErrorKind::Unsupported,
            "its JPEG 2000 code stream has components of several sizes, which this library cannot decode",
        ));
    }
    let mut samples = vec![0; header.samples()];
    for (index, component) in components.iter().take(usize::from(header.samples_per_pixel)).enumerate() {
        let pixels = samples.iter_mut().skip(index).step_by(usize::from(header.samples_per_pixel));
        // The low bits of a signed value are what the file would store.
        pixels.zip(component.data()).for_each(|(sample, value)| *sample = *value as u16);
    }
    Ok(Samples::Words(samples))
}

/// Width, height and number of components of the SIZ marker segment (ISO 15444-1, A.5.1), in a file or alone.
fn jpeg2000_size(coded: &[u8]) -> Option<(u32, u32, u32)> {
    const START_AND_SIZE: [u8; 4] = [0xff, 0x4f, 0xff, 0x51];
    let begin = coded.windows(4).position(|bytes| bytes == START_AND_SIZE)?;
    let number = |offset: usize| Some(u32::from_be_bytes(*coded.get(begin + offset..)?.first_chunk()?));
    let components = u16::from_be_bytes(*coded.get(begin + 40..)?.first_chunk()?);
    Some((number(8)?.checked_sub(number(16)?)?, number(12)?.checked_sub(number(20)?)?, components.into()))
}
