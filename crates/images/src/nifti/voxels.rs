//! From the stored voxels of a slice to an image.

use super::datatype::Datatype;
use super::header::Header;
use crate::deep_gray::{self, window_of};
use crate::extent::{ends, rescaled, whole_ends};
use crate::image_file::ImageFile;
use crate::pixels::PixelFormat;
use crate::preset::WindowPreset;
use crate::read_options::{Display, ReadOptions};
use crate::windowing::{WindowFunction, Windowing};
use lens_base::{Error, ErrorKind, Result};

/// A slice as it is stored. Its window is `cal_min` to `cal_max`; without, 8 bits are seen over their full range, and others
/// from the slice's smallest to its largest value.
pub fn image(stored: Vec<u8>, header: &Header, options: &ReadOptions) -> Result<ImageFile> {
    let (bytes, format, bits) = match header.datatype {
        Datatype::Rgb24 => return coloured(stored, header, PixelFormat::Rgb8, options),
        Datatype::Rgba32 => return coloured(stored, header, PixelFormat::Rgba8, options),
        Datatype::UInt8 => (stored, PixelFormat::Gray8, 0),
        Datatype::Int8 => {
            let words = stored.into_iter().flat_map(|byte| i16::from(byte as i8).to_ne_bytes());
            (words.collect(), PixelFormat::GrayS16, 8)
        }
        Datatype::Int16 => (in_own_order(stored, header.big_endian), PixelFormat::GrayS16, 16),
        Datatype::UInt16 => (in_own_order(stored, header.big_endian), PixelFormat::Gray16, 16),
        Datatype::Int32 => return deep(&stored, header, options, |bytes| i32::from_le_bytes(bytes).into()),
        Datatype::UInt32 => return deep(&stored, header, options, |bytes| u32::from_le_bytes(bytes).into()),
        Datatype::Float32 => return deep(&stored, header, options, |bytes| f32::from_le_bytes(bytes).into()),
        Datatype::Float64 => return deep(&stored, header, options, f64::from_le_bytes),
    };
    let presets = presets(header);
    let shown = options.shown(&presets)?;
    let (slope, intercept) = header.scaling;
    let mut windowing = Windowing { bits_stored: bits, slope, intercept, ..Windowing::default() };
    if let Some(preset) = shown {
        (windowing.center, windowing.width, windowing.function) = (preset.center, preset.width, preset.function);
    } else if bits == 16 && options.display == Display::Viewer {
        let words = bytes.as_chunks::<2>().0.iter();
        let ends = match format {
            PixelFormat::Gray16 => whole_ends(words.map(|word| u16::from_ne_bytes(*word).into())),
            _ => whole_ends(words.map(|word| i16::from_ne_bytes(*word).into())),
        };
        (windowing.center, windowing.width) = window_of(rescaled(ends.unwrap_or_default(), header.scaling));
        windowing.function = WindowFunction::LinearExact;
    }
    finished(bytes, header, format, windowing, presets)
}

fn coloured(stored: Vec<u8>, header: &Header, format: PixelFormat, options: &ReadOptions) -> Result<ImageFile> {
    options.check_window(0)?;
    finished(stored, header, format, Windowing::default(), Vec::new())
}

fn finished(
    bytes: Vec<u8>,
    header: &Header,
    format: PixelFormat,
    windowing: Windowing,
    presets: Vec<WindowPreset>,
) -> Result<ImageFile> {
    let picture = ImageFile::picture(bytes, (header.width, header.height), format, header.frames);
    ImageFile { windowing, presets, ..picture }.checked()
}

/// Integers of 32 bits and floats. NaN stands for no value, which is seen as the darkest that there is.
fn deep<const N: usize>(
    stored: &[u8],
    header: &Header,
    options: &ReadOptions,
    value: impl Fn([u8; N]) -> f64 + Copy,
) -> Result<ImageFile> {
    let presets = presets(header);
    let shown = options.shown(&presets)?;
    let values = stored.as_chunks::<N>().0.iter().map(move |bytes| {
        let mut bytes = *bytes;
        if header.big_endian {
            bytes.reverse();
        }
        value(bytes)
    });
    if values.clone().any(f64::is_infinite) {
        return Err(Error::new(
            ErrorKind::Unsupported,
            "it has an infinite value; this library shows finite ones, and NaN as black",
        ));
    }
    let extent = ends(values.clone().filter(|value| !value.is_nan())).unwrap_or_default();
    let (center, width) = match shown {
        Some(preset) => (preset.center, preset.width),
        None => {
            let range = match (options.display, header.datatype) {
                (Display::FullRange, Datatype::Int32) => (i32::MIN.into(), i32::MAX.into()),
                (Display::FullRange, Datatype::UInt32) => (0.0, u32::MAX.into()),
                _ => extent,
            };
            window_of(rescaled(range, header.scaling))
        }
    };
    let darkest = if header.scaling.0 < 0.0 { extent.1 } else { extent.0 };
    let finite = values.map(|value| if value.is_nan() { darkest } else { value });
    let (bytes, intercept) = deep_gray::floats(finite, header.scaling, (center, width))?;
    let function = WindowFunction::LinearExact;
    let windowing = Windowing { slope: header.scaling.0, intercept, center, width, function, ..Windowing::default() };
    finished(bytes, header, PixelFormat::GrayF32, windowing, presets)
}

/// Words in the byte order of this machine.
fn in_own_order(mut words: Vec<u8>, big_endian: bool) -> Vec<u8> {
    if big_endian != cfg!(target_endian = "big") {
        words.as_chunks_mut::<2>().0.iter_mut().for_each(|word| word.reverse());
    }
    words
}

/// The file's range as a window.
fn presets(header: &Header) -> Vec<WindowPreset> {
    let preset = |(low, high): (f64, f64)| WindowPreset {
        name: "cal_min to cal_max".into(),
        center: (low + high) / 2.0,
        width: high - low,
        function: WindowFunction::LinearExact,
        lut: None,
    };
    header.range.map(preset).into_iter().collect()
}
