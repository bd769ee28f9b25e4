//! Decoded image files.

use super::pixels::{PixelFormat, PixelView, Windowing};
use crate::error::{Error, Result};
use image::{DynamicImage, ImageError, ImageReader};
use std::fs::File;
use std::io::BufReader;
use std::panic::catch_unwind;
use std::path::Path;

/// An image file's pixels.
#[derive(Debug)]
pub struct Picture {
    bytes: Vec<u8>,
    width: u32,
    height: u32,
    format: PixelFormat,
}

impl Picture {
    /// Decodes a PNG, JPEG, BMP or TIFF file, told apart by content, not by name.
    pub fn load(path: &Path, frame: u32) -> Result<Self> {
        if frame > 0 {
            return Err(Error::argument(format!("frame is {frame}, but {} has 1 frame, number 0", path.display())));
        }
        let file = File::open(path).map_err(|error| Error::io("open", path, &error))?;
        if file.metadata().is_ok_and(|metadata| metadata.is_dir()) {
            return Err(Error::io("open", path, &std::io::Error::from(std::io::ErrorKind::IsADirectory)));
        }
        let reader = ImageReader::new(BufReader::new(file))
            .with_guessed_format()
            .map_err(|error| Error::io("read", path, &error))?;
        // A decoder that panics on a broken file must not take the process with it.
        let decoded = catch_unwind(|| reader.decode())
            .map_err(|_| Error::format(format!("{} is broken: its decoder gave up", path.display())))?
            .map_err(|error| decoding_error(path, error))?;
        Picture::from_decoded(decoded)
            .map_err(|error| Error::format(format!("{}: {}", path.display(), error.message())))
    }

    fn from_decoded(decoded: DynamicImage) -> Result<Self> {
        let (width, height) = (decoded.width(), decoded.height());
        let words = |samples: Vec<u16>| samples.iter().flat_map(|sample| sample.to_ne_bytes()).collect();
        let (format, bytes) = match decoded {
            DynamicImage::ImageLuma8(pixels) => (PixelFormat::Gray8, pixels.into_raw()),
            DynamicImage::ImageLumaA8(_) => (PixelFormat::Gray8, decoded.into_luma8().into_raw()),
            DynamicImage::ImageLuma16(pixels) => (PixelFormat::Gray16, words(pixels.into_raw())),
            DynamicImage::ImageLumaA16(_) => (PixelFormat::Gray16, words(decoded.into_luma16().into_raw())),
            DynamicImage::ImageRgb8(pixels) => (PixelFormat::Rgb8, pixels.into_raw()),
            DynamicImage::ImageRgba8(pixels) => (PixelFormat::Rgba8, pixels.into_raw()),
            deep_colour => (PixelFormat::Rgb8, deep_colour.into_rgb8().into_raw()),
        };
        PixelView::new(&bytes, width, height, width as usize * format.bytes(), format, Windowing::default())?;
        Ok(Picture { bytes, width, height, format })
    }

    /// The pixels.
    pub fn view(&self) -> PixelView<'_> {
        let stride = self.width as usize * self.format.bytes();
        PixelView::new(&self.bytes, self.width, self.height, stride, self.format, Windowing::default())
            .expect("checked when it was decoded")
    }

    /// Frames of the file.
    pub fn frames(&self) -> u32 {
        1
    }
}

fn decoding_error(path: &Path, error: ImageError) -> Error {
    match error {
        ImageError::IoError(error) if error.kind() != std::io::ErrorKind::UnexpectedEof => {
            Error::io("read", path, &error)
        }
        ImageError::Unsupported(_) => Error::format(format!(
            "{} is not a PNG, JPEG, BMP or TIFF file this library can decode: {error}",
            path.display()
        )),
        error => Error::format(format!("{} is broken: {error}", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use image::{ImageBuffer, Luma, Rgb};

    #[test]
    fn sixteen_bit_files_keep_their_bits() {
        let directory = tempfile::tempdir().unwrap();
        for name in ["deep.png", "deep.tiff"] {
            let path = directory.path().join(name);
            ImageBuffer::<Luma<u16>, _>::from_raw(2, 1, vec![1u16, 65_535]).unwrap().save(&path).unwrap();
            let picture = Picture::load(&path, 0).unwrap();
            let raster = picture.view().to_raster().unwrap();
            assert_eq!(raster.samples(), [1.0 / 65_535.0, 1.0], "{name}");
        }
    }

    #[test]
    fn eight_bit_formats_are_read_by_content_not_by_name() {
        let directory = tempfile::tempdir().unwrap();
        for extension in ["png", "bmp", "tiff"] {
            let path = directory.path().join(format!("a.{extension}"));
            ImageBuffer::<Rgb<u8>, _>::from_raw(1, 2, vec![1u8, 2, 3, 4, 5, 6]).unwrap().save(&path).unwrap();
            let renamed = directory.path().join(format!("{extension}.dat"));
            std::fs::rename(&path, &renamed).unwrap();
            let picture = Picture::load(&renamed, 0).unwrap();
            assert_eq!(picture.view().bytes(), [1, 2, 3, 4, 5, 6], "{extension}");
        }
    }

    #[test]
    fn broken_and_missing_files_are_told_apart_and_named() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("half.png");
        ImageBuffer::<Luma<u8>, _>::from_fn(64, 64, |x, y| Luma([(x * y) as u8])).save(&path).unwrap();
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
        let text = directory.path().join("note.png");
        std::fs::write(&text, "not an image").unwrap();
        for (path, kind) in [
            (path, ErrorKind::Format),
            (text, ErrorKind::Format),
            (directory.path().join("missing.png"), ErrorKind::Io),
            (directory.path().to_path_buf(), ErrorKind::Io),
        ] {
            let error = Picture::load(&path, 0).unwrap_err();
            assert_eq!(error.kind(), kind, "{error}");
            assert!(error.message().contains(path.to_str().unwrap()), "{error}");
        }
    }
}
