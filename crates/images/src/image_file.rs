//! Decoded image files.

use super::dicom::{self, SIGNATURE_BYTES, is_dicom};
use super::pixels::{PixelFormat, PixelView, Windowing};
use super::tiff::{self, is_tiff};
use image::error::UnsupportedErrorKind;
use image::{DynamicImage, ImageError, ImageReader};
use lens_base::{Error, ErrorKind, Result, open_regular};
use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::panic::catch_unwind;
use std::path::Path;

/// An image file's pixels.
#[derive(Debug)]
pub struct ImageFile {
    pub(super) bytes: Vec<u8>,
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) format: PixelFormat,
    pub(super) windowing: Windowing,
    /// Frames of the file.
    pub(super) frames: u32,
}

impl ImageFile {
    /// Decodes one frame of a DICOM, PNG, JPEG, BMP or TIFF file, told apart by content, not by name. The frames of a
    /// TIFF file are its pages; the others have one.
    pub fn load(path: &Path, frame: u32) -> Result<Self> {
        let (start, file) = open(path)?;
        // A decoder that panics on a broken file must not take the process with it.
        catch_unwind(|| {
            if is_dicom(&start) {
                dicom::decode(file, frame)
            } else if is_tiff(&start) {
                tiff::decode(file, frame)
            } else {
                from_single_image(file, frame)
            }
        })
        .unwrap_or_else(|_| Err(Error::format("it is broken: its decoder gave up")))
        .map_err(|error| error.prefixed(&path.display().to_string()))
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
        ImageFile { bytes, width, height, format, windowing: Windowing::default(), frames: 1 }.checked()
    }

    /// Refuses what no view can be made of.
    pub(super) fn checked(self) -> Result<Self> {
        let stride = self.width as usize * self.format.bytes();
        PixelView::new(&self.bytes, self.width, self.height, stride, self.format, self.windowing)
            .map_err(|error| Error::format(error.message()))?;
        Ok(self)
    }

    /// The pixels.
    pub fn view(&self) -> PixelView<'_> {
        let stride = self.width as usize * self.format.bytes();
        PixelView::new(&self.bytes, self.width, self.height, stride, self.format, self.windowing)
            .expect("checked when it was decoded")
    }

    /// Frames of the file.
    pub fn frames(&self) -> u32 {
        self.frames
    }
}

/// The file, and the bytes it begins with.
fn open(path: &Path) -> Result<(Vec<u8>, File)> {
    let failed = |error: std::io::Error| Error::io("open", path, &error);
    let mut file = open_regular(path, u64::MAX).map_err(failed)?;
    let mut start = Vec::with_capacity(SIGNATURE_BYTES);
    (&mut file)
        .take(SIGNATURE_BYTES as u64)
        .read_to_end(&mut start)
        .and_then(|_| file.rewind())
        .map_err(|error| Error::io("read", path, &error))?;
    Ok((start, file))
}

/// A file of a format without frames.
fn from_single_image(file: File, frame: u32) -> Result<ImageFile> {
    check_frame(frame, 1)?;
    let reader = ImageReader::new(BufReader::new(file)).with_guessed_format().map_err(cannot_read)?;
    ImageFile::from_decoded(reader.decode().map_err(decoding_error)?)
}

pub(super) fn cannot_read(error: std::io::Error) -> Error {
    Error::new(ErrorKind::Io, format!("cannot read: {error}"))
}

fn decoding_error(error: ImageError) -> Error {
    match error {
        ImageError::IoError(error) if error.kind() != std::io::ErrorKind::UnexpectedEof => cannot_read(error),
        ImageError::Unsupported(what) if matches!(what.kind(), UnsupportedErrorKind::Format(_)) => {
            Error::format("it is not a DICOM, PNG, JPEG, BMP or TIFF file")
        }
        ImageError::Unsupported(what) => {
            Error::new(ErrorKind::Unsupported, format!("it is coded in a way this library cannot decode: {what}"))
        }
        error => Error::format(format!("it is broken: {error}")),
    }
}

/// Refuses a frame that a file does not have.
pub(super) fn check_frame(frame: u32, frames: u32) -> Result<()> {
    if frame < frames {
        return Ok(());
    }
    Err(Error::argument(format!("frame is {frame}, but it has {frames} frame(s), 0 to {}", frames - 1)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{ImageBuffer, Luma, Rgb};

    #[test]
    fn png_of_16_bits() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("deep.png");
        ImageBuffer::<Luma<u16>, _>::from_raw(2, 1, vec![1u16, 65_535]).unwrap().save(&path).unwrap();
        let raster = ImageFile::load(&path, 0).unwrap().view().to_raster().unwrap();
        assert_eq!(raster.samples(), [1.0 / 65_535.0, 1.0]);
    }

    #[test]
    fn formats_by_content() {
        let directory = tempfile::tempdir().unwrap();
        for extension in ["png", "bmp"] {
            let path = directory.path().join(format!("a.{extension}"));
            ImageBuffer::<Rgb<u8>, _>::from_raw(1, 2, vec![1u8, 2, 3, 4, 5, 6]).unwrap().save(&path).unwrap();
            let renamed = directory.path().join(format!("{extension}.dat"));
            std::fs::rename(&path, &renamed).unwrap();
            let image = ImageFile::load(&renamed, 0).unwrap();
            assert_eq!(image.view().bytes(), [1, 2, 3, 4, 5, 6], "{extension}");
        }
    }

    #[test]
    fn broken_and_missing_files() {
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
            let error = ImageFile::load(&path, 0).unwrap_err();
            assert_eq!(error.kind(), kind, "{error}");
            assert!(error.message().contains(path.to_str().unwrap()), "{error}");
        }
    }
}
