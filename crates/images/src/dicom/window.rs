//! Gray frames with the window a viewer would open them with.

use super::codec::Samples;
use super::header::{Header, number};
use super::photometric::Photometric;
use crate::pixels::{PixelFormat, Windowing};
use crate::preset::WindowPreset;
use dicom_dictionary_std::tags;
use lens_base::{Error, Result};

/// Format, window and bytes of a gray frame. Stored values are kept.
///
/// The window is the first of the file's that makes sense, `window`. A file without one is seen whole: over its full
/// stored range with 8 bits or fewer; with more, from the frame's smallest to its largest value, as viewers do, because few
/// devices fill the range; padding does not count.
pub fn gray(
    samples: &Samples,
    header: &Header,
    photometric: Photometric,
    window: Option<&WindowPreset>,
) -> Result<(PixelFormat, Windowing, Vec<u8>)> {
    let bits = header.bits_stored;
    let unused = 16 - bits;
    let signed = |stored: u16| (stored << unused) as i16 >> unused;
    let (format, bytes) = match (header.signed, samples) {
        (true, _) => {
            (PixelFormat::GrayS16, samples.stored(header).flat_map(|stored| signed(stored).to_ne_bytes()).collect())
        }
        (false, Samples::Bytes(_)) if bits == 8 => {
            (PixelFormat::Gray8, samples.stored(header).map(|stored| stored as u8).collect())
        }
        _ => (PixelFormat::Gray16, samples.stored(header).flat_map(u16::to_ne_bytes).collect()),
    };
    let slope = header.frame_number(tags::RESCALE_SLOPE).unwrap_or(1.0);
    if slope == 0.0 {
        return Err(Error::format("Rescale Slope is 0; it must not be"));
    }
    let intercept = header.frame_number(tags::RESCALE_INTERCEPT).unwrap_or(0.0);
    let (center, width) = match window {
        Some(window) => (window.center, window.width),
        None if bits <= 8 => (0.0, 0.0),
        None => {
            let value = |stored: u16| if header.signed { i32::from(signed(stored)) } else { i32::from(stored) };
            let padding = padding(header);
            let seen = samples
                .stored(header)
                .map(value)
                .filter(|value| !padding.as_ref().is_some_and(|padding| padding.contains(value)));
            let (least, most) =
                seen.fold((i32::MAX, i32::MIN), |(least, most), value| (least.min(value), most.max(value)));
            extremes(least, most, slope, intercept)
        }
    };
    let windowing = Windowing {
        bits_stored: if format == PixelFormat::Gray8 { 0 } else { bits.into() },
        slope,
        intercept,
        center,
        width,
        invert: photometric == Photometric::Monochrome1,
    };
    Ok((format, windowing, bytes))
}

/// Most windows that are taken from a file.
const MOST_PRESETS: usize = 64;

/// The file's windows, as DICOM's LINEAR function takes them; those that make no sense are left out.
pub fn presets(header: &Header) -> Vec<WindowPreset> {
    let values = |text: Option<String>| -> Vec<String> {
        text.iter().flat_map(|text| text.split('\\')).map(|value| value.trim().to_string()).collect()
    };
    let (centers, widths) =
        (values(header.frame_text(tags::WINDOW_CENTER)), values(header.frame_text(tags::WINDOW_WIDTH)));
    let names = values(header.frame_text_beside(tags::WINDOW_CENTER_WIDTH_EXPLANATION, tags::WINDOW_CENTER));
    let function = header.frame_text(tags::VOILUT_FUNCTION);
    let windows = centers.iter().zip(&widths).enumerate().filter_map(|(index, (center, width))| {
        let (center, width) = linear(number(center)?, number(width)?, function.as_deref())?;
        let named = names.get(index).filter(|name| !name.is_empty()).cloned();
        Some(WindowPreset { name: named.unwrap_or_else(|| (index + 1).to_string()), center, width })
    });
    windows.take(MOST_PRESETS).collect()
}

/// A window as the LINEAR function takes it; `None`: it makes no sense.
fn linear(center: f64, width: f64, function: Option<&str>) -> Option<(f64, f64)> {
    match function {
        // LINEAR_EXACT spans center +- width / 2, LINEAR one less, from half a unit lower on. A SIGMOID becomes the
        // line that touches it at its center.
        Some("LINEAR_EXACT" | "SIGMOID") => (width > 0.0).then_some((center + 0.5, width + 1.0)),
        _ => (width >= 1.0).then_some((center, width)),
    }
}

/// The window from the least to the most stored value; the full stored range (0, 0) when there are none.
fn extremes(least: i32, most: i32, slope: f64, intercept: f64) -> (f64, f64) {
    if least > most {
        return (0.0, 0.0);
    }
    let ends = [least, most].map(|value| f64::from(value) * slope + intercept);
    ((ends[0] + ends[1] + 1.0) / 2.0, (ends[1] - ends[0]).abs() + 1.0)
}

/// Stored values that stand for no value, from the first to the last.
fn padding(header: &Header) -> Option<std::ops::RangeInclusive<i32>> {
    let number = |tag| {
        let number = header.get(tag)?.to_int::<i32>().ok()?;
        // The attribute may have been read as of the other sign.
        Some(if header.signed { i32::from(number as i16) } else { i32::from(number as u16) })
    };
    let value = number(tags::PIXEL_PADDING_VALUE)?;
    let limit = number(tags::PIXEL_PADDING_RANGE_LIMIT).unwrap_or(value);
    Some(value.min(limit)..=value.max(limit))
}
