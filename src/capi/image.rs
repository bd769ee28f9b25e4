//! `lens_image`: a view of the caller's pixels.

use super::arguments::{choice, flag};
use super::generated::{lens_pixel_format, lens_window_function};
use lens_base::options::Choice;
use lens_base::{Error, Result};
use lens_images::{Lut, PixelView, Windowing};
use std::ffi::c_void;
use std::ptr;

/// A view of pixels in the caller's memory, which must stay valid and unchanged during the call it is given to, and no
/// longer. All fields zero except pixels, width, height and row_stride is a plain 8-bit gray image.
///
/// Gray values become 0..1 like this: stored value x rescale_slope + rescale_intercept, then the window or the lookup table
/// (DICOM's VOI LUT, PS3.3 C.11.2; values outside are clipped), then inversion. Without both the full stored range
/// maps to 0..1: 0 .. 2^bits_stored - 1, for signed samples -2^(bits_stored-1) .. 2^(bits_stored-1) - 1; rescaling then
/// changes nothing, but for a negative slope, which turns the range round. Colour has no rescaling, window, lookup table or
/// inversion: they are refused there.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct lens_image {
    /// The first row's first pixel.
    pub pixels: *const c_void,
    /// Pixels in a row, 1 to 65536.
    pub width: u32,
    /// Rows, 1 to 65536; width x height at most 2^30.
    pub height: u32,
    /// Bytes from one row's first pixel to the next row's; at least width x bytes per pixel.
    pub row_stride: usize,
    /// LENS_PIXEL_FORMAT_...
    pub format: lens_pixel_format,
    /// How many low bits of a 16-bit sample carry the value, 1 to 16; 0: all. For 8-bit formats 0 or 8, for floats 0.
    /// Samples outside 0 .. 2^bits_stored - 1 (signed: -2^(bits_stored-1) .. 2^(bits_stored-1) - 1) are refused.
    pub bits_stored: u32,
    /// Gray formats: slope of the stored value; 0 is read as 1.
    pub rescale_slope: f64,
    /// Gray formats: added after the slope.
    pub rescale_intercept: f64,
    /// Gray formats: middle of the window, in rescaled units. Unused when window_width is 0.
    pub window_center: f64,
    /// Gray formats: width of the window, above 0 (LINEAR but for GRAY_F32: at least 1); 0: the full stored range (for
    /// GRAY_F32 the rescaled values must lie in 0..1).
    pub window_width: f64,
    /// Gray formats: 1: MONOCHROME1 (0 is white), applied after window and table; 0: MONOCHROME2.
    pub invert: i32,
    /// Gray formats: LENS_WINDOW_FUNCTION_...; LINEAR (0) without a window.
    pub window_function: lens_window_function,
    /// Gray formats: a lookup table in the place of a window (window_width must be 0): what is seen for each whole
    /// rescaled value, in the machine's byte order, valid as long as the pixels. Values between two entries get the lower
    /// one's. NULL: none.
    pub lut_values: *const u16,
    /// Entries of the table, 1 to 65536; 0 without one.
    pub lut_entries: u32,
    /// The rescaled value of the first entry; values below get the first entry, values beyond the last the last.
    pub lut_first: i32,
    /// Bits of the entries, 1 to 16: 2^lut_bits - 1 becomes 1, and larger entries are refused; 0 without a table.
    pub lut_bits: u32,
    /// Must be 0; other values are refused.
    pub reserved: u32,
}

/// The checked view of the caller's pixels.
///
/// # Safety
/// `image.pixels` is NULL or readable for the size its fields describe, and unchanged for `'a`.
pub(super) unsafe fn view<'a>(name: &str, image: &lens_image) -> Result<PixelView<'a>> {
    let named = |error: Error| error.prefixed(name);
    let format = choice("format", image.format).map_err(named)?;
    if image.pixels.is_null() {
        return Err(Error::argument(format!("{name}: pixels is NULL")));
    }
    if image.reserved != 0 {
        return Err(Error::argument(format!("{name}: reserved is {}; it must be 0", image.reserved)));
    }
    let windowing = Windowing {
        bits_stored: image.bits_stored,
        slope: if image.rescale_slope == 0.0 { 1.0 } else { image.rescale_slope },
        intercept: image.rescale_intercept,
        center: image.window_center,
        width: image.window_width,
        function: choice("window_function", image.window_function).map_err(named)?,
        invert: flag("invert", image.invert).map_err(named)?,
    };
    // SAFETY: as promised by the caller.
    let lut = unsafe { lut(image) }.map_err(named)?;
    let bytes = PixelView::byte_count(image.width, image.height, image.row_stride, format).map_err(named)?;
    // SAFETY: not NULL, and readable for as many bytes as the checked geometry spans, by contract.
    let pixels = unsafe { std::slice::from_raw_parts(image.pixels.cast::<u8>(), bytes) };
    let view = PixelView::new(pixels, image.width, image.height, image.row_stride, format, windowing).map_err(named)?;
    match lut {
        Some(lut) => view.with_lut(lut).map_err(named),
        None => Ok(view),
    }
}

/// The lookup table.
///
/// # Safety
/// `image.lut_values` is NULL or readable for `image.lut_entries` entries, and unchanged for `'a`.
unsafe fn lut<'a>(image: &lens_image) -> Result<Option<Lut<'a>>> {
    let (entries, first, bits) = (image.lut_entries, image.lut_first, image.lut_bits);
    if image.lut_values.is_null() {
        let set = [("lut_entries", i64::from(entries)), ("lut_first", i64::from(first)), ("lut_bits", i64::from(bits))];
        return match set.iter().find(|(_, value)| *value != 0) {
            Some((name, value)) => Err(Error::argument(format!("{name} is {value}, but lut_values is NULL"))),
            None => Ok(None),
        };
    }
    if !(1..=Lut::MOST_ENTRIES).contains(&(entries as usize)) {
        return Err(Error::argument(format!("lut_entries is {entries}; it must be 1 to {}", Lut::MOST_ENTRIES)));
    }
    if !image.lut_values.is_aligned() {
        return Err(Error::argument("lut_values is not aligned to 2 bytes, as entries of 16 bits must be"));
    }
    // SAFETY: not NULL, aligned, and readable for so many entries by contract.
    let values = unsafe { std::slice::from_raw_parts(image.lut_values, entries as usize) };
    Ok(Some(Lut { first, values, bits }))
}

/// The checked views of an array of images, named "image 0", "image 1", ...
///
/// # Safety
/// As [`view`], for each.
pub(super) unsafe fn views<'a>(images: &[lens_image]) -> Result<Vec<PixelView<'a>>> {
    images
        .iter()
        .enumerate()
        // SAFETY: as promised by the caller.
        .map(|(index, image)| unsafe { view(&format!("image {index}"), image) })
        .collect()
}

/// How an image file of ours looks from C.
pub(super) fn describe(view: &PixelView) -> lens_image {
    let (windowing, lut) = (view.windowing(), view.lut());
    lens_image {
        pixels: view.bytes().as_ptr().cast(),
        width: view.width() as u32,
        height: view.height() as u32,
        row_stride: view.row_stride(),
        format: view.format().number(),
        bits_stored: windowing.bits_stored,
        rescale_slope: windowing.slope,
        rescale_intercept: windowing.intercept,
        window_center: windowing.center,
        window_width: windowing.width,
        invert: i32::from(windowing.invert),
        window_function: windowing.function.number(),
        lut_values: lut.map_or(ptr::null(), |lut| lut.values.as_ptr()),
        lut_entries: lut.map_or(0, |lut| lut.values.len() as u32),
        lut_first: lut.map_or(0, |lut| lut.first),
        lut_bits: lut.map_or(0, |lut| lut.bits),
        reserved: 0,
    }
}
