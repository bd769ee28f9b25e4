//! Decoded image files.

use super::dicom;
use super::opened::{Kind, check_frame, open_and, plain_error, plain_reader};
use super::pixels::{PixelFormat, PixelView, Windowing};
use super::preset::WindowPreset;
use super::tiff;
use image::DynamicImage;
use lens_base::{Error, Result};
use std::fs::File;
use std::path::Path;

/// An image file's pixels.
#[derive(Debug)]
pub struct ImageFile {
    pub(super) bytes: Vec<u8>,
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) format: PixelFormat,
    pub(super) windowing: Windowing,
    pub(super) presets: Vec<WindowPreset>,
    /// Frames of the file.
    pub(super) frames: u32,
}

impl ImageFile {
    /// Decodes one frame of a DICOM, PNG, JPEG, BMP or TIFF file, told apart by content, not by name. The frames of a
    /// TIFF file are its pages; the others have one.
    pub fn load(path: &Path, frame: u32) -> Result<Self> {
        open_and(path, |kind, file| match kind {
            Kind::Dicom => dicom::decode(file, frame),
            Kind::Tiff => tiff::decode(file, frame),
            Kind::Plain => from_single_image(file, frame),
        })
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
        ImageFile { bytes, width, height, format, windowing: Windowing::default(), presets: Vec::new(), frames: 1 }
            .checked()
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

    /// The windows that a DICOM file names for this frame, the one that its windowing has first; none where it names none,
    /// or where the frame is coloured.
    pub fn presets(&self) -> &[WindowPreset] {
        &self.presets
    }
}

/// A file of a format without frames.
fn from_single_image(file: File, frame: u32) -> Result<ImageFile> {
    check_frame(frame, 1)?;
    ImageFile::from_decoded(plain_reader(file)?.decode().map_err(plain_error)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{ImageBuffer, Luma, Rgb};
    use lens_base::ErrorKind;

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
