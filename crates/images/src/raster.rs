//! Images as the network sees them before normalisation: floats of 0..1.

use super::pixels::PixelFormat;
use fast_image_resize::images::TypedImage;
use fast_image_resize::pixels::{F32, F32x3, InnerPixel};
use fast_image_resize::{FilterType, PixelTrait, ResizeAlg, ResizeOptions, Resizer};
use lens_base::{Error, Result};
use std::ops::Range;

/// An image of 0..1 floats, row by row, gray (1 channel) or red, green, blue (3 channels, interleaved).
#[derive(Clone, Debug, PartialEq)]
pub struct Raster {
    width: usize,
    height: usize,
    channels: usize,
    samples: Vec<f32>,
}

impl Raster {
    /// From samples, whose number must be width x height x channels, of 1 or 3 channels.
    pub fn new(width: usize, height: usize, channels: usize, samples: Vec<f32>) -> Result<Self> {
        if !matches!(channels, 1 | 3) || width == 0 || height == 0 || samples.len() != width * height * channels {
            return Err(Error::internal(format!(
                "a raster of {width} x {height} pixels and {channels} channels cannot have {} samples",
                samples.len()
            )));
        }
        Ok(Raster { width, height, channels, samples })
    }

    /// Pixels in a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Rows.
    pub fn height(&self) -> usize {
        self.height
    }

    /// 1 or 3.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// All samples.
    pub fn samples(&self) -> &[f32] {
        &self.samples
    }

    /// Red, green and blue of a pixel.
    pub fn rgb(&self, x: usize, y: usize) -> [f32; 3] {
        let index = (y * self.width + x) * self.channels;
        match self.channels {
            1 => [self.samples[index]; 3],
            _ => [self.samples[index], self.samples[index + 1], self.samples[index + 2]],
        }
    }

    /// The pixels as a caller would pass them: bytes and their format (32-bit floats for gray, 8-bit
    /// samples for colour, which is what colour is read from), width and height.
    pub fn stored(&self) -> (Vec<u8>, PixelFormat, u32, u32) {
        let (bytes, format) = match self.channels {
            1 => (self.samples.iter().flat_map(|value| value.to_ne_bytes()).collect(), PixelFormat::GrayF32),
            _ => (self.samples.iter().map(|value| (value * 255.0).round() as u8).collect(), PixelFormat::Rgb8),
        };
        (bytes, format, self.width as u32, self.height as u32)
    }

    /// Antialiased bilinear, as Pillow resizes: the triangle filter widens when the image shrinks.
    pub fn resized(&self, width: usize, height: usize) -> Result<Self> {
        if (width, height) == (self.width, self.height) {
            return Ok(self.clone());
        }
        self.resized_part(0.0, self.height as f64, (width, height))
    }

    /// As `resized`, of `height` rows from `top` on; the rows around them count where the filter reaches out.
    fn resized_part(&self, top: f64, height: f64, to: (usize, usize)) -> Result<Self> {
        let (from, rows) = ((self.width, self.height), (top, height));
        let samples = match self.channels {
            1 => resize::<F32>(&self.samples, from, rows, to),
            _ => resize::<F32x3>(&self.samples, from, rows, to),
        }?;
        Raster::new(to.0, to.1, self.channels, samples)
    }
}

/// Resizing of an image of which only parts are in memory: rows are those of [`Raster::resized`] of the whole image, but
/// for rounding.
#[derive(Clone, Copy, Debug)]
pub struct RowResampler {
    from: (usize, usize),
    to: (usize, usize),
}

impl RowResampler {
    /// From one width and height to another.
    pub fn new(from: (usize, usize), to: (usize, usize)) -> Self {
        RowResampler { from, to }
    }

    /// Rows of the source for one of the result.
    fn scale(&self) -> f64 {
        self.from.1 as f64 / self.to.1 as f64
    }

    /// The rows of the source that rows of the result depend on.
    pub fn needed(&self, rows: &Range<usize>) -> Range<usize> {
        let (scale, height) = (self.scale(), self.from.1);
        // A row on each side more than the triangle reaches, against rounding at its feet, where it is 0.
        let reach = scale.max(1.0) + 1.0;
        let first = ((rows.start as f64 + 0.5) * scale - reach).floor().max(0.0) as usize;
        let end = ((rows.end as f64 - 0.5) * scale + reach).ceil() as usize;
        first.min(height - 1)..end.min(height)
    }

    /// Rows of the result, from a source of at least the rows needed that begins with the row `first`.
    pub fn resample(&self, source: &Raster, first: usize, rows: &Range<usize>) -> Result<Raster> {
        let size = (self.to.0, rows.len());
        if self.from == self.to {
            let row = source.width * source.channels;
            let samples = &source.samples[(rows.start - first) * row..(rows.end - first) * row];
            return Raster::new(size.0, size.1, source.channels, samples.to_vec());
        }
        let top = rows.start as f64 * self.scale() - first as f64;
        let height = (rows.len() as f64 * self.scale()).min(source.height as f64 - top);
        source.resized_part(top, height, size)
    }
}

fn resize<P: PixelTrait + InnerPixel<Component = f32>>(
    samples: &[f32],
    from: (usize, usize),
    (top, height): (f64, f64),
    to: (usize, usize),
) -> Result<Vec<f32>> {
    let mut source = TypedImage::<P>::new(from.0 as u32, from.1 as u32);
    P::components_mut(source.pixels_mut()).copy_from_slice(samples);
    let mut target = TypedImage::<P>::new(to.0 as u32, to.1 as u32);
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear)).crop(
        0.0,
        top,
        from.0 as f64,
        height,
    );
    Resizer::new().resize_typed(&source, &mut target, &options).map_err(|error| {
        Error::internal(format!(
            "cannot resize {} x {height} pixels from row {top} of {} to {} x {}: {error}",
            from.0, from.1, to.0, to.1
        ))
    })?;
    Ok(P::components(target.pixels()).to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn downsampling_average() {
        let stripes = Raster::new(64, 64, 1, (0..64 * 64).map(|i| (i % 2) as f32).collect()).unwrap();
        let small = stripes.resized(16, 16).unwrap();
        for x in 1..15 {
            assert!((small.rgb(x, 8)[0] - 0.5).abs() < 0.02, "{:?}", small.rgb(x, 8));
        }
    }

    #[test]
    fn resized_gray_and_equal_channels() {
        let gray = Raster::new(9, 7, 1, (0..63).map(|i| (i * 37 % 64) as f32 / 64.0).collect()).unwrap();
        let coloured = Raster::new(9, 7, 3, gray.samples().iter().flat_map(|v| [*v; 3]).collect()).unwrap();
        let (gray, coloured) = (gray.resized(20, 5).unwrap(), coloured.resized(20, 5).unwrap());
        for y in 0..5 {
            for x in 0..20 {
                let difference = gray.rgb(x, y)[0] - coloured.rgb(x, y)[2];
                assert!(difference.abs() < 1e-6, "{x} {y} {difference}");
            }
        }
    }

    #[test]
    fn resized_rows() {
        for channels in [1, 3] {
            let samples = (0..53 * 97 * channels).map(|index| (index * 37 % 101) as f32 / 101.0).collect();
            let image = Raster::new(53, 97, channels, samples).unwrap();
            for to in [(31, 40), (53, 200), (120, 97), (7, 1), (90, 331), (53, 97)] {
                let whole = image.resized(to.0, to.1).unwrap();
                let resampler = RowResampler::new((53, 97), to);
                let mut parts = Vec::new();
                for first in (0..to.1).step_by(13) {
                    let rows = first..(first + 13).min(to.1);
                    let needed = resampler.needed(&rows);
                    let row = 53 * channels;
                    let source = image.samples()[needed.start * row..needed.end * row].to_vec();
                    let source = Raster::new(53, needed.len(), channels, source).unwrap();
                    parts.extend_from_slice(resampler.resample(&source, needed.start, &rows).unwrap().samples());
                }
                assert_eq!(parts.len(), whole.samples().len());
                for (index, (part, whole)) in parts.iter().zip(whole.samples()).enumerate() {
                    assert!((part - whole).abs() < 1e-6, "{to:?}, {index}: {part} {whole}");
                }
            }
        }
    }
}
