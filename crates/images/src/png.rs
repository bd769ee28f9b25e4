//! Writing PNG files.

use super::pixels::{PixelFormat, PixelView};
use super::windowing::Windowing;
use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder};
use lens_base::{Error, Result, write_atomically};
use std::io::Write;
use std::path::Path;

/// Writes 8-bit formats as they are, deeper gray as it is seen, with 16 bits.
pub fn write_png(path: &Path, view: &PixelView) -> Result<()> {
    let bytes = encode_png(view)?;
    write_atomically(path, |file| file.write_all(&bytes))
}

/// The bytes of such a file.
pub fn encode_png(view: &PixelView) -> Result<Vec<u8>> {
    let plain = Windowing { bits_stored: view.windowing().bits_stored, ..Windowing::default() };
    let (colour, bytes): (_, Vec<u8>) = match view.format() {
        PixelFormat::Gray8 if *view.windowing() == plain && view.lut().is_none() => {
            (ExtendedColorType::L8, view.rows().flatten().copied().collect())
        }
        PixelFormat::Gray8 => (ExtendedColorType::L8, view.seen_bytes()?),
        PixelFormat::Gray16 | PixelFormat::GrayS16 | PixelFormat::GrayF32 => {
            // The encoder takes 16-bit samples in the machine's byte order.
            (ExtendedColorType::L16, view.seen_words()?.into_iter().flat_map(u16::to_ne_bytes).collect())
        }
        PixelFormat::Rgb8 => (ExtendedColorType::Rgb8, view.rows().flatten().copied().collect()),
        PixelFormat::Rgba8 => (ExtendedColorType::Rgba8, view.rows().flatten().copied().collect()),
        PixelFormat::Bgr8 => (ExtendedColorType::Rgb8, swapped(view)),
        PixelFormat::Bgra8 => (ExtendedColorType::Rgba8, swapped(view)),
    };
    let mut file = Vec::new();
    PngEncoder::new(&mut file)
        .write_image(&bytes, view.width() as u32, view.height() as u32, colour)
        .map_err(|error| Error::internal(format!("cannot encode a PNG: {error}")))?;
    Ok(file)
}

fn swapped(view: &PixelView) -> Vec<u8> {
    let mut bytes: Vec<u8> = view.rows().flatten().copied().collect();
    for pixel in bytes.chunks_exact_mut(view.format().bytes()) {
        pixel.swap(0, 2);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ImageFile;

    #[test]
    fn png_round_trip() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.png");
        // Padded rows, blue first.
        let bytes = [3u8, 2, 1, 9, 6, 5, 4, 9];
        let view = PixelView::new(&bytes, 1, 2, 4, PixelFormat::Bgr8, Windowing::default()).unwrap();
        write_png(&path, &view).unwrap();
        assert_eq!(ImageFile::load(&path, 0).unwrap().view().bytes(), [1, 2, 3, 4, 5, 6]);

        let words: Vec<u8> = [0u16, 2047, 4095].iter().flat_map(|value| value.to_ne_bytes()).collect();
        let windowing = Windowing { bits_stored: 12, invert: true, ..Windowing::default() };
        let view = PixelView::new(&words, 3, 1, 6, PixelFormat::Gray16, windowing).unwrap();
        write_png(&path, &view).unwrap();
        let raster = ImageFile::load(&path, 0).unwrap().view().to_raster().unwrap();
        for (written, expected) in raster.samples().iter().zip([1.0, 2048.0 / 4095.0, 0.0]) {
            assert!((written - expected).abs() < 1e-5);
        }
    }
}
