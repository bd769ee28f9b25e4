//! Gray frames with the window a viewer would open them with.

use super::attributes::Attributes;
use super::codec::{Samples, Stored};
use super::header::{Header, Numbers};
use super::lut;
use super::photometric::Photometric;
use super::value::named;
use crate::deep_gray::{self, THRESHOLD};
use crate::extent::{ends, rescaled, whole_ends};
use crate::pixels::PixelFormat;
use crate::preset::WindowPreset;
use crate::read_options::{Display, ReadOptions};
use crate::windowing::{LookupTable, WindowFunction, Windowing};
use dicom_dictionary_std::{tags, uids};
use lens_base::{Error, ErrorKind, Result};
use std::ops::RangeInclusive;
use std::sync::Arc;

/// A frame's pixels, and how they are seen.
pub struct Seen {
    pub format: PixelFormat,
    pub windowing: Windowing,
    /// In the place of a window.
    pub lut: Option<Arc<LookupTable>>,
    pub bytes: Vec<u8>,
    /// All windows and lookup tables of the file for this frame.
    pub presets: Vec<WindowPreset>,
}

impl Seen {
    /// A frame of red, green and blue.
    pub fn coloured(bytes: Vec<u8>, options: &ReadOptions) -> Result<Self> {
        options.check_window(0)?;
        let (format, windowing) = (PixelFormat::Rgb8, Windowing::default());
        Ok(Seen { format, windowing, lut: None, bytes, presets: Vec::new() })
    }
}

/// A gray frame of samples of up to 16 bits. Stored values are kept, but where a Modality LUT takes their place.
///
/// The window is the one that the options pick of the file's that make sense. A file without one is seen whole: over its
/// full stored range with 8 bits or fewer; with more, from the frame's smallest to its largest value, as viewers do, because
/// few devices fill the range; padding does not count.
pub fn gray(samples: &Samples, header: &Header, photometric: Photometric, options: &ReadOptions) -> Result<Seen> {
    let unused = 16 - header.bits_stored;
    let value = |stored: u16| match header.signed {
        true => i32::from((stored << unused) as i16 >> unused),
        false => i32::from(stored),
    };
    let stored: Vec<u16> = samples.stored(header).collect();
    let values = || stored.iter().map(|stored| value(*stored));
    let inputs = stored_range(header);
    let table = match (&header.modality_lut, is_projection(header)) {
        (Some(item), false) => Some(lut::read(item, inputs)?),
        _ => None,
    };
    let output = |value: i32| table.as_ref().map_or(value, |table| i32::from(table.look_up(value)));
    let bits = table.as_ref().map_or(u32::from(header.bits_stored), |table| table.bits);
    let (format, bytes) = match (header.signed && table.is_none(), samples) {
        (true, _) => (PixelFormat::GrayS16, bytes_of(values().map(|value| value as u16))),
        (false, Samples::Bytes(_)) if bits == 8 => {
            (PixelFormat::Gray8, values().map(|value| output(value) as u8).collect())
        }
        _ => (PixelFormat::Gray16, bytes_of(values().map(|value| output(value) as u16))),
    };
    let (slope, intercept) = if table.is_some() { (1.0, 0.0) } else { rescale(header)? };
    let outputs = match &table {
        Some(table) => (0.0, f64::from((1u32 << table.bits) - 1)),
        None => rescaled(inputs, (slope, intercept)),
    };
    let presets = presets(header, outputs)?;
    let shown = options.shown(&presets)?;
    let mut windowing = Windowing {
        bits_stored: if format == PixelFormat::Gray8 { 0 } else { bits },
        slope,
        intercept,
        invert: is_inverted(header, photometric)?,
        ..Windowing::default()
    };
    match shown {
        Some(WindowPreset { lut: None, center, width, function, .. }) => {
            (windowing.center, windowing.width, windowing.function) = (*center, *width, *function);
        }
        None if bits > 8 && options.display == Display::Viewer => {
            let padding = integer_padding(header)?;
            let ends = match &padding {
                Some(padding) => whole_ends(values().filter(|value| !padding.contains(value)).map(output)),
                None => whole_ends(values().map(output)),
            };
            if let Some(ends) = ends {
                let (low, high) = rescaled(ends, (slope, intercept));
                (windowing.center, windowing.width) = ((low + high + 1.0) / 2.0, high - low + 1.0);
            }
        }
        _ => {}
    }
    let lut = shown.and_then(|preset| preset.lut.clone());
    Ok(Seen { format, windowing, lut, bytes, presets })
}

/// In the machine's byte order.
fn bytes_of(words: impl ExactSizeIterator<Item = u16>) -> Vec<u8> {
    let mut bytes = vec![0; words.len() * 2];
    bytes.as_chunks_mut::<2>().0.iter_mut().zip(words).for_each(|(bytes, word)| *bytes = word.to_ne_bytes());
    bytes
}

/// A gray frame of deeper samples or floats, as 32-bit floats.
pub fn deep(values: &[f64], header: &Header, photometric: Photometric, options: &ReadOptions) -> Result<Seen> {
    if header.modality_lut.is_some() && !is_projection(header) {
        return Err(Error::new(
            ErrorKind::Unsupported,
            format!(
                "it has a Modality LUT Sequence (0028,3000) for samples of {} bits; this library applies those for up to 16",
                header.bits_allocated
            ),
        ));
    }
    let padding = padding(header)?;
    let is_seen = |value: &f64| match &padding {
        Some(padding) if padding.start().is_nan() => !value.is_nan(),
        Some(padding) => !padding.contains(value),
        None => true,
    };
    let (slope, intercept) = rescale(header)?;
    let seen = || values.iter().copied().filter(is_seen);
    if let Some(value) = seen().find(|value| !value.is_finite()) {
        return Err(Error::new(
            ErrorKind::Unsupported,
            format!("it has the value {value}, which is no padding; this library shows finite ones"),
        ));
    }
    let extent = ends(seen()).unwrap_or((0.0, 0.0));
    let inputs = if header.numbers == Numbers::Integers { stored_range(header) } else { extent };
    let presets = presets(header, rescaled(inputs, (slope, intercept)))?;
    let shown = options.shown(&presets)?;
    let (center, width, function) = match shown {
        Some(WindowPreset { lut: None, center, width, function: WindowFunction::Linear, .. }) => {
            (center - 0.5, (width - 1.0).max(THRESHOLD), WindowFunction::LinearExact)
        }
        Some(WindowPreset { lut: None, center, width, function, .. }) => (*center, *width, *function),
        Some(_) => (0.0, 0.0, WindowFunction::Linear),
        None => {
            let range = if options.display == Display::FullRange { inputs } else { extent };
            let (center, width) = deep_gray::window_of(rescaled(range, (slope, intercept)));
            (center, width, WindowFunction::LinearExact)
        }
    };
    // What is padded has no value; it is seen as the lowest.
    let value = |value: &f64| if value.is_finite() { *value } else { extent.0 };
    let (bytes, intercept) = deep_gray::floats(values.iter().map(value), (slope, intercept), (center, width))?;
    let windowing = Windowing {
        bits_stored: 0,
        slope,
        intercept,
        center,
        width,
        function,
        invert: is_inverted(header, photometric)?,
    };
    let lut = shown.and_then(|preset| preset.lut.clone());
    Ok(Seen { format: PixelFormat::GrayF32, windowing, lut, bytes, presets })
}

/// The least and the most that integers of the header's bits can be.
fn stored_range(header: &Header) -> (f64, f64) {
    let values = (1u64 << header.bits_stored) as f64;
    if header.signed { (-values / 2.0, values / 2.0 - 1.0) } else { (0.0, values - 1.0) }
}

/// Slope and intercept.
fn rescale(header: &Header) -> Result<(f64, f64)> {
    if is_projection(header) {
        return Ok((1.0, 0.0));
    }
    let slope = header.frame_number(tags::RESCALE_SLOPE)?.unwrap_or(1.0);
    if slope == 0.0 {
        return Err(Error::format("Rescale Slope is 0; it must not be"));
    }
    Ok((slope, header.frame_number(tags::RESCALE_INTERCEPT)?.unwrap_or(0.0)))
}

/// Whether the image is angiographic or fluoroscopic, of the classes whose Modality LUT (table or rescale) leads back to X-ray
/// intensity and is not for display (X-Ray Image Module, PS3.3 C.8.7.1): their windows are of stored values.
fn is_projection(header: &Header) -> bool {
    #[allow(deprecated, reason = "retired from the standard, not from archives")]
    const CLASSES: [&str; 3] = [
        uids::X_RAY_ANGIOGRAPHIC_IMAGE_STORAGE,
        uids::X_RAY_RADIOFLUOROSCOPIC_IMAGE_STORAGE,
        uids::X_RAY_ANGIOGRAPHIC_BI_PLANE_IMAGE_STORAGE,
    ];
    match header.data_set().text(tags::SOP_CLASS_UID) {
        Some(class) => CLASSES.contains(&class.as_str()),
        None => header.data_set().text(tags::MODALITY).is_some_and(|modality| modality == "XA" || modality == "RF"),
    }
}

/// Whether bright means low. Presentation LUT Shape (PS3.3 C.11.6) says it of what comes after the window, whatever the
/// photometric interpretation is; without it, the photometric interpretation does.
fn is_inverted(header: &Header, photometric: Photometric) -> Result<bool> {
    match header.data_set().text(tags::PRESENTATION_LUT_SHAPE).as_deref() {
        None => Ok(photometric == Photometric::Monochrome1),
        Some("IDENTITY") => Ok(false),
        Some("INVERSE") => Ok(true),
        Some(other) => Err(Error::new(
            ErrorKind::Unsupported,
            format!("{} is {other}; this library knows IDENTITY and INVERSE", named(tags::PRESENTATION_LUT_SHAPE)),
        )),
    }
}

/// Most windows that are taken from a file.
const MOST_PRESETS: usize = 64;

/// The file's windows, and then its lookup tables; windows that make no sense, such as those of width 0, are left out.
fn presets(header: &Header, inputs: (f64, f64)) -> Result<Vec<WindowPreset>> {
    let mut presets = windows(header)?;
    for (index, item) in header.voi_luts().iter().enumerate() {
        let table = lut::read(item, inputs)?;
        let explanation = item.get(tags::LUT_EXPLANATION).and_then(|value| header.decoded_text(value));
        let span = (table.values.len() - 1) as f64;
        presets.push(WindowPreset {
            name: explanation.unwrap_or_else(|| format!("LUT {}", index + 1)),
            center: f64::from(table.first) + span / 2.0,
            width: span.max(1.0),
            function: WindowFunction::LinearExact,
            lut: Some(Arc::new(table)),
        });
    }
    presets.truncate(MOST_PRESETS);
    Ok(presets)
}

fn windows(header: &Header) -> Result<Vec<WindowPreset>> {
    let Some(place) = header.place_of(tags::WINDOW_CENTER) else {
        return Ok(Vec::new());
    };
    let function = match header.place_of(tags::VOILUT_FUNCTION).and_then(|place| place.text(tags::VOILUT_FUNCTION)) {
        None => WindowFunction::Linear,
        Some(name) => match name.as_str() {
            "LINEAR" => WindowFunction::Linear,
            "LINEAR_EXACT" => WindowFunction::LinearExact,
            "SIGMOID" => WindowFunction::Sigmoid,
            _ => {
                return Err(Error::new(
                    ErrorKind::Unsupported,
                    format!(
                        "{} is {name}; this library knows LINEAR, LINEAR_EXACT and SIGMOID",
                        named(tags::VOILUT_FUNCTION)
                    ),
                ));
            }
        },
    };
    let (centers, widths) = (place.numbers(tags::WINDOW_CENTER)?, place.numbers(tags::WINDOW_WIDTH)?);
    let names = names(header, place);
    let windows = centers.iter().zip(&widths).enumerate().filter_map(|(index, (center, width))| {
        let (center, width) = ((*center)?, (*width)?);
        if width <= 0.0 {
            return None;
        }
        // LINEAR has no widths below 1; files that have them, with small slopes, mean LINEAR_EXACT.
        let function = match function {
            WindowFunction::Linear if width < 1.0 => WindowFunction::LinearExact,
            function => function,
        };
        let name = names.get(index).filter(|name| !name.is_empty()).cloned();
        Some(WindowPreset { name: name.unwrap_or_else(|| (index + 1).to_string()), center, width, function, lut: None })
    });
    Ok(windows.collect())
}

fn names(header: &Header, place: &Attributes) -> Vec<String> {
    let names = place.get(tags::WINDOW_CENTER_WIDTH_EXPLANATION).and_then(|value| header.decoded_text(value));
    names.iter().flat_map(|names| names.split('\\')).map(|name| name.trim().to_string()).collect()
}

/// Stored integers that stand for no value, from the first to the last.
fn integer_padding(header: &Header) -> Result<Option<RangeInclusive<i32>>> {
    Ok(padding(header)?.map(|padding| *padding.start() as i32..=*padding.end() as i32))
}

/// Stored values that stand for no value, from the first to the last.
fn padding(header: &Header) -> Result<Option<RangeInclusive<f64>>> {
    let (value, limit) = match header.numbers {
        Numbers::Integers => (tags::PIXEL_PADDING_VALUE, tags::PIXEL_PADDING_RANGE_LIMIT),
        Numbers::Float => (tags::FLOAT_PIXEL_PADDING_VALUE, tags::FLOAT_PIXEL_PADDING_RANGE_LIMIT),
        Numbers::Double => (tags::DOUBLE_FLOAT_PIXEL_PADDING_VALUE, tags::DOUBLE_FLOAT_PIXEL_PADDING_RANGE_LIMIT),
    };
    let number = |tag| {
        // NaN is a padding value, but no number that is read.
        if header.numbers != Numbers::Integers && header.data_set().get(tag).is_some_and(|value| value.is_nan()) {
            return Ok(Some(f64::NAN));
        }
        let number = header.data_set().number(tag)?;
        // Integers have 16 bits, and may have been read as of the other sign.
        Ok(number.map(|number| match header.numbers {
            Numbers::Integers if header.signed => f64::from(number as i64 as i16),
            Numbers::Integers => f64::from(number as i64 as u16),
            _ => number,
        }))
    };
    let Some(value) = number(value)? else {
        return Ok(None);
    };
    let limit = number(limit)?.unwrap_or(value);
    // Of NaN, both ends are.
    Ok(Some(if value.is_nan() { value..=value } else { value.min(limit)..=value.max(limit) }))
}
