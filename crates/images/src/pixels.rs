//! Views of pixels in many formats, checked before use, and their values as 0..1.

use super::raster::Raster;
use super::windowing::{Interval, Lut, Scale, WindowFunction, Windowing, check_windowing, stored_range};
use lens_base::options::Choice;
use lens_base::{Error, Result};
use std::ops::{Deref, Range};

/// Layout of one pixel. Samples of more than 8 bits are in the machine's byte order and need no alignment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum PixelFormat {
    /// One unsigned 8-bit sample.
    Gray8,
    /// One unsigned 16-bit sample.
    Gray16,
    /// One signed 16-bit sample.
    GrayS16,
    /// One 32-bit float; finite.
    GrayF32,
    /// Red, green, blue, 8 bits each.
    Rgb8,
    /// Blue, green, red, 8 bits each.
    Bgr8,
    /// Red, green, blue, alpha, 8 bits each; alpha is ignored.
    Rgba8,
    /// Blue, green, red, alpha, 8 bits each; alpha is ignored.
    Bgra8,
}

impl std::fmt::Display for PixelFormat {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            PixelFormat::Gray8 => "GRAY8",
            PixelFormat::Gray16 => "GRAY16",
            PixelFormat::GrayS16 => "GRAY_S16",
            PixelFormat::GrayF32 => "GRAY_F32",
            PixelFormat::Rgb8 => "RGB8",
            PixelFormat::Bgr8 => "BGR8",
            PixelFormat::Rgba8 => "RGBA8",
            PixelFormat::Bgra8 => "BGRA8",
        })
    }
}

impl PixelFormat {
    /// Bytes of a pixel.
    pub fn bytes(self) -> usize {
        match self {
            PixelFormat::Gray8 => 1,
            PixelFormat::Gray16 | PixelFormat::GrayS16 => 2,
            PixelFormat::Rgb8 | PixelFormat::Bgr8 => 3,
            PixelFormat::GrayF32 | PixelFormat::Rgba8 | PixelFormat::Bgra8 => 4,
        }
    }

    /// Positions of red, green and blue in a pixel; `None` for gray.
    pub(super) fn colour_order(self) -> Option<[usize; 3]> {
        match self {
            PixelFormat::Rgb8 | PixelFormat::Rgba8 => Some([0, 1, 2]),
            PixelFormat::Bgr8 | PixelFormat::Bgra8 => Some([2, 1, 0]),
            _ => None,
        }
    }
}

/// Pixels in borrowed memory.
#[derive(Clone, Copy, Debug)]
pub struct PixelView<'a> {
    bytes: &'a [u8],
    width: usize,
    height: usize,
    row_stride: usize,
    format: PixelFormat,
    windowing: Windowing,
    lut: Option<Lut<'a>>,
}

/// Longest side of an image; beyond any detector or scanner, and small enough that products of sizes cannot overflow.
pub const LONGEST_SIDE: u32 = 65_536;
/// Most pixels of an image.
pub const MOST_PIXELS: u64 = 1 << 30;

/// Refuses sizes of files that no image may have.
pub(super) fn check_size(width: u32, height: u32) -> Result<()> {
    // As many bytes as the smallest format takes.
    PixelView::byte_count(width, height, width as usize, PixelFormat::Gray8)
        .map(drop)
        .map_err(|error| Error::format(error.message()))
}

impl<'a> PixelView<'a> {
    /// How many bytes a view of this geometry spans; refuses geometry that makes no sense.
    pub fn byte_count(width: u32, height: u32, row_stride: usize, format: PixelFormat) -> Result<usize> {
        for (name, side) in [("width", width), ("height", height)] {
            if !(1..=LONGEST_SIDE).contains(&side) {
                return Err(Error::argument(format!("{name} {side} is not in 1..{LONGEST_SIDE}")));
            }
        }
        if u64::from(width) * u64::from(height) > MOST_PIXELS {
            return Err(Error::argument(format!("width {width} x height {height} is more than {MOST_PIXELS} pixels")));
        }
        let row = width as usize * format.bytes();
        if row_stride < row {
            return Err(Error::argument(format!(
                "row_stride {row_stride} is less than width {width} x {} byte(s)",
                format.bytes()
            )));
        }
        (height as usize - 1)
            .checked_mul(row_stride)
            .and_then(|bytes| bytes.checked_add(row))
            .filter(|bytes| isize::try_from(*bytes).is_ok())
            .ok_or_else(|| {
                Error::argument(format!("row_stride {row_stride} x height {height} is more than memory can hold"))
            })
    }

    /// A view, after checking everything that can be checked without looking at every pixel.
    pub fn new(
        bytes: &'a [u8],
        width: u32,
        height: u32,
        row_stride: usize,
        format: PixelFormat,
        windowing: Windowing,
    ) -> Result<Self> {
        let needed = PixelView::byte_count(width, height, row_stride, format)?;
        if bytes.len() < needed {
            return Err(Error::argument(format!("{} bytes of pixels are fewer than the {needed} needed", bytes.len())));
        }
        check_windowing(format, &windowing, None)?;
        Ok(PixelView {
            bytes,
            width: width as usize,
            height: height as usize,
            row_stride,
            format,
            windowing,
            lut: None,
        })
    }

    /// The same with a lookup table in the place of the window, which must be without a width.
    pub fn with_lut(self, lut: Lut<'a>) -> Result<Self> {
        check_windowing(self.format, &self.windowing, Some(&lut))?;
        Ok(PixelView { lut: Some(lut), ..self })
    }

    /// A view of rows without gaps, whose values are meant as they are stored.
    pub fn plain(bytes: &'a [u8], width: u32, height: u32, format: PixelFormat) -> Result<Self> {
        PixelView::new(bytes, width, height, width as usize * format.bytes(), format, Windowing::default())
    }

    /// The bytes from the first pixel on.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Pixels in a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Rows.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Bytes from row to row.
    pub fn row_stride(&self) -> usize {
        self.row_stride
    }

    /// Layout of a pixel.
    pub fn format(&self) -> PixelFormat {
        self.format
    }

    /// How stored values become 0..1.
    pub fn windowing(&self) -> &Windowing {
        &self.windowing
    }

    /// The lookup table that takes the place of a window.
    pub fn lut(&self) -> Option<&Lut<'a>> {
        self.lut.as_ref()
    }

    /// Whether what is seen is a line from one window end to the other, clipped. If not, [`seen_bytes`](Self::seen_bytes)
    /// and [`seen_words`](Self::seen_words) have what is seen.
    pub fn is_linear(&self) -> bool {
        self.lut.is_none() && self.windowing.function != WindowFunction::Sigmoid
    }

    /// The rescaled values that become 0 and 1, before inversion. Where they are equal, values up to them become 0 and the
    /// others 1. Colours have 0 and 255. Of a sigmoid they are the ends of the line that touches it at its center, of a
    /// lookup table its first and last input.
    pub fn window_ends(&self) -> (f64, f64) {
        match &self.lut {
            Some(lut) => Interval::of_table(lut).ends(),
            None => Interval::window(self.format, &self.windowing).ends(),
        }
    }

    /// Gray values as they are seen, inverted where that is asked for, as 0..255, row by row; colours are refused.
    pub fn seen_bytes(&self) -> Result<Vec<u8>> {
        Ok(self.seen_gray()?.iter().map(|value| (value * 255.0).round() as u8).collect())
    }

    /// The same as 0..65535.
    pub fn seen_words(&self) -> Result<Vec<u16>> {
        Ok(self.seen_gray()?.iter().map(|value| (value * 65_535.0).round() as u16).collect())
    }

    fn seen_gray(&self) -> Result<Vec<f32>> {
        if self.format.colour_order().is_some() {
            return Err(Error::argument(format!("{} has no gray values", self.format)));
        }
        Ok(self.checked()?.gray_samples())
    }

    /// The least and the most that the stored bits can hold, rescaled; 0 and 1 for floats.
    pub fn stored_ends(&self) -> (f64, f64) {
        Interval::stored(self.format, &self.windowing).ends()
    }

    /// The bytes of each row, without padding.
    pub fn rows(&self) -> impl Iterator<Item = &'a [u8]> + '_ {
        let row = self.width * self.format.bytes();
        (0..self.height).map(move |y| &self.bytes[y * self.row_stride..][..row])
    }

    /// All pixels as 0..1; refuses values that are out of their range, with their x and y.
    pub fn to_raster(&self) -> Result<Raster> {
        self.checked()?.to_raster()
    }

    /// The same view, known to have no samples out of their range; refuses those, with their x and y.
    pub fn checked(&self) -> Result<CheckedView<'a>> {
        self.check_values()?;
        Ok(CheckedView(*self))
    }

    fn check_values(&self) -> Result<()> {
        let (lowest, highest) = stored_range(self.format, &self.windowing);
        // Samples that use all their bits cannot be out of range.
        if matches!(self.format, PixelFormat::Gray16 | PixelFormat::GrayS16) && highest - lowest >= 65_535.0 {
            return Ok(());
        }
        for (y, row) in self.rows().enumerate() {
            match self.format {
                PixelFormat::Gray16 | PixelFormat::GrayS16 => {
                    for (x, pixel) in row.chunks_exact(2).enumerate() {
                        let stored = self.stored(pixel);
                        if !(lowest..=highest).contains(&stored) {
                            return Err(Error::argument(format!(
                                "the value {stored} at x {x}, y {y} does not fit bits_stored {}: {lowest} to {highest}",
                                self.windowing.bits_stored
                            )));
                        }
                    }
                }
                PixelFormat::GrayF32 => {
                    for (x, pixel) in row.chunks_exact(4).enumerate() {
                        self.check_float(self.stored(pixel), x, y)?;
                    }
                }
                // Every byte is a value.
                _ => break,
            }
        }
        Ok(())
    }

    fn stored(&self, pixel: &[u8]) -> f64 {
        match self.format {
            PixelFormat::Gray16 => f64::from(u16::from_ne_bytes([pixel[0], pixel[1]])),
            PixelFormat::GrayS16 => f64::from(i16::from_ne_bytes([pixel[0], pixel[1]])),
            _ => f64::from(f32::from_ne_bytes([pixel[0], pixel[1], pixel[2], pixel[3]])),
        }
    }

    fn check_float(&self, stored: f64, x: usize, y: usize) -> Result<()> {
        if !stored.is_finite() {
            return Err(Error::argument(format!("the value at x {x}, y {y} is {stored}; values must be finite")));
        }
        let rescaled = stored * self.windowing.slope + self.windowing.intercept;
        if self.windowing.width == 0.0 && self.lut.is_none() && !(0.0..=1.0).contains(&rescaled) {
            return Err(Error::argument(format!(
                "the value at x {x}, y {y} is {rescaled}; floats without a window must be in 0..1 (set window_center \
                 and window_width)"
            )));
        }
        Ok(())
    }
}

/// A view whose every sample is in its range.
#[derive(Clone, Copy, Debug)]
pub struct CheckedView<'a>(PixelView<'a>);

impl<'a> Deref for CheckedView<'a> {
    type Target = PixelView<'a>;

    fn deref(&self) -> &PixelView<'a> {
        &self.0
    }
}

impl CheckedView<'_> {
    /// All pixels as 0..1.
    pub fn to_raster(&self) -> Result<Raster> {
        self.rows_to_raster(0..self.height, self.is_gray())
    }

    /// Whether all pixels are gray. Gray images are often stored as colour; they get the same values, and so the same
    /// result, as gray ones.
    pub fn is_gray(&self) -> bool {
        self.format.colour_order().is_none() || self.pixels().all(|pixel| pixel[0] == pixel[1] && pixel[1] == pixel[2])
    }

    /// Some rows as 0..1, with one channel where `gray`, which must be what `is_gray` said.
    pub fn rows_to_raster(&self, rows: Range<usize>, gray: bool) -> Result<Raster> {
        let bytes = &self.bytes[rows.start * self.row_stride..];
        let part = CheckedView(PixelView { bytes, height: rows.len(), ..self.0 });
        let value = |byte: u8| f32::from(byte) / 255.0;
        let (channels, samples) = match part.format.colour_order() {
            None => (1, part.gray_samples()),
            Some(_) if gray => (1, part.pixels().map(|pixel| value(pixel[0])).collect()),
            Some(order) => (3, part.pixels().flat_map(|pixel| order.map(|channel| value(pixel[channel]))).collect()),
        };
        Raster::new(part.width, part.height, channels, samples)
    }

    fn pixels(&self) -> impl Iterator<Item = &[u8]> {
        self.rows().flat_map(|row| row.chunks_exact(self.format.bytes()))
    }

    fn gray_samples(&self) -> Vec<f32> {
        let scale = Scale::new(self.format, &self.windowing, self.lut);
        let mut samples = Vec::with_capacity(self.width * self.height);
        if self.format == PixelFormat::Gray8 {
            let table: [f32; 256] = std::array::from_fn(|value| scale.apply(value as f64));
            self.rows().for_each(|row| samples.extend(row.iter().map(|value| table[usize::from(*value)])));
        } else {
            samples.extend(self.pixels().map(|pixel| scale.apply(self.stored(pixel))));
        }
        samples
    }
}

/// Refuses images with samples out of their range, by number, before work on any of them begins.
pub fn check_all_values<'a>(images: &[PixelView<'a>]) -> Result<Vec<CheckedView<'a>>> {
    images
        .iter()
        .enumerate()
        .map(|(index, image)| image.checked().map_err(|error| error.prefixed(&format!("image {index}"))))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gray16(values: &[u16], windowing: Windowing) -> Result<Vec<f32>> {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_ne_bytes()).collect();
        let width = values.len() as u32;
        let view = PixelView::new(&bytes, width, 1, bytes.len(), PixelFormat::Gray16, windowing)?;
        Ok(view.to_raster()?.samples().to_vec())
    }

    #[test]
    fn dicom_window_function() {
        // PS3.3 C.11.2.1.2.1's example: center 2048, width 4096 maps 0..4095 to the full range.
        let windowing = Windowing { bits_stored: 12, center: 2048.0, width: 4096.0, ..Windowing::default() };
        assert_eq!(gray16(&[0, 4095], windowing).unwrap(), [0.0, 1.0]);
        // And center 0.5 + 100, width 101 maps 50..150.
        let windowing = Windowing { center: 100.5, width: 101.0, ..Windowing::default() };
        let values = gray16(&[0, 50, 100, 150, 999], windowing).unwrap();
        assert_eq!(values, [0.0, 0.0, 0.5, 1.0, 1.0]);
    }

    #[test]
    fn monochrome1_inversion() {
        let values = [0u16, 17, 2048, 4000, 4095];
        let mirrored: Vec<u16> = values.iter().map(|value| 4095 - value).collect();
        for (center, width) in [(0.0, 0.0), (1800.0, 900.0)] {
            let normal = Windowing { bits_stored: 12, center, width, ..Windowing::default() };
            // Mirroring a LINEAR window: its middle is at center - 0.5.
            let mirror = Windowing { center: 4095.0 - center + 1.0, invert: true, ..normal };
            let (one, other) = (gray16(&values, normal).unwrap(), gray16(&mirrored, mirror).unwrap());
            for (one, other) in one.iter().zip(&other) {
                assert!((one - other).abs() < 1e-6, "{one} {other}");
            }
        }
    }

    #[test]
    fn negative_rescale_slope() {
        let windowing = Windowing { bits_stored: 8, slope: -1.0, intercept: 255.0, ..Windowing::default() };
        assert_eq!(gray16(&[0, 255], windowing).unwrap(), [1.0, 0.0]);
    }

    #[test]
    fn signed_sample_range() {
        let bytes: Vec<u8> = [-2048i16, 0, 2047].iter().flat_map(|value| value.to_ne_bytes()).collect();
        let windowing = Windowing { bits_stored: 12, ..Windowing::default() };
        let view = PixelView::new(&bytes, 3, 1, 6, PixelFormat::GrayS16, windowing).unwrap();
        let samples = view.to_raster().unwrap().samples().to_vec();
        assert_eq!(samples[0], 0.0);
        assert!((samples[1] - 2048.0 / 4095.0).abs() < 1e-6);
        assert_eq!(samples[2], 1.0);
    }

    #[test]
    fn ends_of_windows_and_of_stored_bits() {
        let ends = |format, windowing| {
            let view = PixelView::new(&[0; 4], 1, 1, 4, format, windowing).unwrap();
            (view.window_ends(), view.stored_ends())
        };
        let plain = Windowing::default();
        let byte = (0.0, 255.0);
        assert_eq!(ends(PixelFormat::Gray8, plain), (byte, byte));
        assert_eq!(ends(PixelFormat::Rgb8, plain), (byte, byte));
        assert_eq!(ends(PixelFormat::GrayF32, plain), ((0.0, 1.0), (0.0, 1.0)));
        let rescaled = Windowing { bits_stored: 12, slope: -2.0, intercept: 10.0, ..plain };
        let range = (-4084.0, 4106.0);
        assert_eq!(ends(PixelFormat::GrayS16, rescaled), (range, range));
        // As the interface of viewers says: center (low + high + 1) / 2, width high - low + 1.
        let (low, high) = (-150.0, 250.0);
        let windowed = Windowing { center: (low + high + 1.0) / 2.0, width: high - low + 1.0, ..rescaled };
        assert_eq!(ends(PixelFormat::GrayS16, windowed), ((low, high), range));
        let threshold = Windowing { center: 7.5, width: 1.0, ..plain };
        assert_eq!(ends(PixelFormat::Gray16, threshold).0, (7.0, 7.0));
        let floats = Windowing { center: 0.5, width: 0.5, ..plain };
        assert_eq!(ends(PixelFormat::GrayF32, floats).0, (0.25, 0.75));
    }

    #[test]
    fn colour_orders() {
        let rgb = [10u8, 20, 30, 40, 50, 60];
        let bgra = [30u8, 20, 10, 0, 60, 50, 40, 255];
        let one = PixelView::new(&rgb, 2, 1, 6, PixelFormat::Rgb8, Windowing::default()).unwrap();
        let other = PixelView::new(&bgra, 2, 1, 8, PixelFormat::Bgra8, Windowing::default()).unwrap();
        assert_eq!(one.to_raster().unwrap(), other.to_raster().unwrap());
    }

    #[test]
    fn position_of_values_out_of_range() {
        let windowing = Windowing { bits_stored: 12, ..Windowing::default() };
        let message = gray16(&[1, 4096], windowing).unwrap_err().to_string();
        assert!(message.contains("4096") && message.contains("x 1"), "{message}");
        let floats: Vec<u8> = [0.5f32, f32::NAN].iter().flat_map(|value| value.to_ne_bytes()).collect();
        let view = PixelView::new(&floats, 2, 1, 8, PixelFormat::GrayF32, Windowing::default()).unwrap();
        assert!(view.to_raster().unwrap_err().message().contains("NaN"));
    }

    #[test]
    fn invalid_geometry() {
        let cases = [
            (0, 5, 5, "width 0"),
            (5, 70_000, 5, "70000"),
            (5, 5, 4, "row_stride 4"),
            (65_536, 65_536, 65_536, "pixels"),
        ];
        for (width, height, stride, sign) in cases {
            let error = PixelView::byte_count(width, height, stride, PixelFormat::Gray8).unwrap_err();
            assert!(error.message().contains(sign), "{error}");
        }
        assert!(PixelView::byte_count(4, 65_536, usize::MAX / 2, PixelFormat::Gray8).is_err());
    }
}
