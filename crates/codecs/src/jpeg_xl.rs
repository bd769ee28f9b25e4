//! JPEG XL (ISO/IEC 18181), of integers of up to 16 bits.

use crate::{Accept, Decoded, Samples, Size, zeros};
use jxl_oxide::image::BitDepth;
use jxl_oxide::{AllocTracker, JxlImage, JxlThreadPool, PixelFormat};
use lens_base::{Error, ErrorKind, Result};

/// Decodes the first frame: gray, or red, green and blue, which other colours become. Alpha is left out.
pub fn decode(coded: &[u8], accept: &Accept) -> Result<Decoded> {
    /// Bytes that the decoder may hold for each sample, and bytes beyond.
    const BYTES_OF_SAMPLE: usize = 32;
    const MORE_BYTES: usize = 64 << 20;
    let broken = |error: &dyn std::fmt::Display| Error::format(format!("its JPEG XL code stream is broken: {error}"));
    let unsupported = |what: &str| {
        Error::new(ErrorKind::Unsupported, format!("its JPEG XL image has {what}, which this library cannot decode"))
    };
    let memory = AllocTracker::with_limit(MORE_BYTES);
    let image = JxlImage::builder()
        .pool(JxlThreadPool::none())
        .alloc_tracker(memory.clone())
        .read(coded)
        .map_err(|error| broken(&error))?;
    let components = match image.pixel_format() {
        PixelFormat::Gray | PixelFormat::Graya => 1,
        PixelFormat::Rgb | PixelFormat::Rgba => 3,
        PixelFormat::Cmyk | PixelFormat::Cmyka => return Err(unsupported("a black channel")),
    };
    let size = Size { width: image.width(), height: image.height(), components };
    let precision = match image.image_header().metadata.bit_depth {
        BitDepth::IntegerSample { bits_per_sample } if bits_per_sample <= 16 => bits_per_sample,
        depth => return Err(unsupported(&format!("{} bits a sample, or floats", depth.bits_per_sample()))),
    };
    accept(size)?;
    if !image.is_loading_done() {
        return Err(broken(&"it ends too early"));
    }
    memory.expand_limit(size.samples().saturating_mul(BYTES_OF_SAMPLE));
    let rendered = image.render_frame(0).map_err(|error| broken(&error))?;
    let mut stream = rendered.stream_no_alpha();
    if (stream.width(), stream.height(), stream.channels()) != (size.width, size.height, size.components) {
        return Err(broken(&format!("its frame has {} x {} pixels", stream.width(), stream.height())));
    }
    let mut values: Vec<f32> = zeros(size)?;
    stream.write_to_buffer(&mut values);
    let highest = ((1u32 << precision) - 1) as f32;
    let sample = |value: &f32| (value * highest).round().clamp(0.0, highest);
    let samples = match precision {
        ..=8 => Samples::Bytes(values.iter().map(|value| sample(value) as u8).collect()),
        _ => Samples::Words(values.iter().map(|value| sample(value) as u16).collect()),
    };
    Ok(Decoded { size, precision, signed: false, is_lossy: false, samples })
}
