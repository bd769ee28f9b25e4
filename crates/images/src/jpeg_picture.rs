//! JPEG files.

use super::colours::rgb_of_cmyk;
use super::image_file::ImageFile;
use super::opened::{cannot_read, check_frame};
use super::orientation::of_jpeg;
use super::pixels::{PixelFormat, check_size};
use super::read_options::ReadOptions;
use image::metadata::Orientation;
use lens_base::{Error, Result};
use lens_codecs::{Samples, Size, jpeg};
use std::fs::File;
use std::io::Read;

/// What a file begins with: start of image, and the first byte of the marker that follows.
pub const START: [u8; 3] = [0xff, 0xd8, 0xff];

/// Decodes a file. Its colours are what its markers say, or else what libjpeg takes them for.
pub fn decode(mut file: File, frame: u32, options: &ReadOptions) -> Result<ImageFile> {
    check_frame(frame, 1)?;
    options.check_window(0)?;
    let mut coded = Vec::new();
    file.read_to_end(&mut coded).map_err(cannot_read)?;
    let decoded = jpeg::decode(&coded, jpeg::Colours::Converted, &|size| accept(size, coded.len()))?;
    let Size { width, height, components } = decoded.size;
    let precision = decoded.precision;
    let (format, bits_stored, bytes) = match (components, decoded.samples) {
        (1, Samples::Bytes(samples)) if precision == 8 => (PixelFormat::Gray8, 0, samples),
        (1, Samples::Bytes(samples)) => {
            let words = samples.into_iter().flat_map(|sample| u16::from(sample).to_ne_bytes());
            (PixelFormat::Gray16, precision, words.collect())
        }
        (1, Samples::Words(samples)) => {
            (PixelFormat::Gray16, precision, samples.into_iter().flat_map(u16::to_ne_bytes).collect())
        }
        (_, samples) => {
            let samples = of_8_bits(samples, precision);
            // Inks are stored inverted, as Adobe does it.
            let rgb = |inks: &[u8; 4]| rgb_of_cmyk(inks.map(|ink| 255 - ink));
            let is_cmyk = components == 4;
            let rgb = if is_cmyk { samples.as_chunks::<4>().0.iter().flat_map(rgb).collect() } else { samples };
            (PixelFormat::Rgb8, 0, rgb)
        }
    };
    let mut picture = ImageFile::picture(bytes, (width, height), format, 1);
    picture.windowing.bits_stored = bits_stored;
    let orientation = if options.apply_orientation { of_jpeg(&coded) } else { Orientation::NoTransforms };
    Ok(picture.checked()?.turned(orientation))
}

/// Width and height of a file, and how it lies; no more of it is read than that takes.
pub fn size(mut file: File) -> Result<((u32, u32), Orientation)> {
    let (mut start, mut most) = (Vec::new(), 1 << 16);
    loop {
        let read = (&mut file).take(most - start.len() as u64).read_to_end(&mut start).map_err(cannot_read)?;
        if let Some(header) = jpeg::Header::read(&start)? {
            return Ok(((header.size.width, header.size.height), of_jpeg(&start)));
        }
        if read == 0 {
            return Err(Error::format("its JPEG code stream ends before the first scan"));
        }
        most *= 4;
    }
}

/// Refuses sizes that no image may have, and such as so few bytes cannot hold.
fn accept(size: Size, coded: usize) -> Result<()> {
    check_size(size.width, size.height)?;
    size.check_density(coded)
}

fn of_8_bits(samples: Samples, precision: u32) -> Vec<u8> {
    let highest = (1u32 << precision) - 1;
    let scaled = |sample: u32| ((sample * 255 + highest / 2) / highest) as u8;
    match samples {
        Samples::Bytes(samples) if precision == 8 => samples,
        Samples::Bytes(samples) => samples.into_iter().map(|sample| scaled(sample.into())).collect(),
        Samples::Words(samples) => samples.into_iter().map(|sample| scaled(sample.into())).collect(),
    }
}
