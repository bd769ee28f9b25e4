//! Decoded image files.

use super::dicom;
use super::jpeg_picture;
use super::nifti;
use super::opened::{Kind, open_and};
use super::orientation::turned;
use super::picture;
use super::pixels::{PixelFormat, PixelView};
use super::preset::WindowPreset;
use super::read_options::ReadOptions;
use super::tiff;
use super::windowing::{LookupTable, WindowFunction, Windowing};
use image::metadata::Orientation;
use lens_base::{Error, Result};
use std::path::Path;
use std::sync::Arc;

/// An image file's pixels.
#[derive(Debug)]
pub struct ImageFile {
    pub(super) bytes: Vec<u8>,
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) format: PixelFormat,
    pub(super) windowing: Windowing,
    /// In the place of a window.
    pub(super) lut: Option<Arc<LookupTable>>,
    pub(super) presets: Vec<WindowPreset>,
    /// Frames of the file.
    pub(super) frames: u32,
}

impl ImageFile {
    /// Decodes one frame of a DICOM, NIfTI, PNG, JPEG, BMP, WebP or TIFF file, told apart by content, not by name. The frames
    /// of a NIfTI file are its slices along the third axis, those of a TIFF file its pages; pictures have one. As a viewer
    /// shows it: with the first window of a DICOM file, and pictures and slices turned as they say.
    pub fn load(path: &Path, frame: u32) -> Result<Self> {
        ImageFile::load_as(path, frame, &ReadOptions::default())
    }

    /// The same as the options say it.
    pub fn load_as(path: &Path, frame: u32, options: &ReadOptions) -> Result<Self> {
        open_and(path, |kind, file| match kind {
            Kind::Dicom => dicom::decode(file, frame, options),
            Kind::Tiff => tiff::decode(file, frame, options),
            Kind::Jpeg => jpeg_picture::decode(file, frame, options),
            Kind::Nifti => nifti::decode(file, frame, options),
            Kind::Plain => picture::decode(file, frame, options),
        })
    }

    /// Of a format that says nothing of windows.
    pub(super) fn picture(bytes: Vec<u8>, (width, height): (u32, u32), format: PixelFormat, frames: u32) -> Self {
        let (windowing, presets) = (Windowing::default(), Vec::new());
        ImageFile { bytes, width, height, format, windowing, lut: None, presets, frames }
    }

    /// As it is to be seen.
    pub(super) fn turned(mut self, orientation: Orientation) -> Self {
        (self.bytes, (self.width, self.height)) =
            turned(self.bytes, (self.width, self.height), self.format.bytes(), orientation);
        self
    }

    /// Refuses what no view can be made of.
    pub(super) fn checked(self) -> Result<Self> {
        self.try_view().map_err(|error| Error::format(error.message()))?;
        Ok(self)
    }

    fn try_view(&self) -> Result<PixelView<'_>> {
        let stride = self.width as usize * self.format.bytes();
        let view = PixelView::new(&self.bytes, self.width, self.height, stride, self.format, self.windowing)?;
        match &self.lut {
            Some(lut) => view.with_lut(lut.view()),
            None => Ok(view),
        }
    }

    /// The pixels.
    pub fn view(&self) -> PixelView<'_> {
        self.try_view().expect("checked when it was decoded")
    }

    /// The same as LINEAR windows say it: LINEAR_EXACT becomes LINEAR, and where a curve or a table decides on what is seen,
    /// the values become those seen, of 16 bits. For those who know no more than a line.
    pub fn into_linear(mut self) -> Result<Self> {
        if !self.view().is_linear() {
            self.bytes = self.view().seen_words()?.into_iter().flat_map(u16::to_ne_bytes).collect();
            (self.format, self.windowing, self.lut) = (PixelFormat::Gray16, Windowing::default(), None);
            self.presets.clear();
        } else if self.windowing.function == WindowFunction::LinearExact {
            if self.format != PixelFormat::GrayF32 {
                self.windowing.center += 0.5;
                self.windowing.width += 1.0;
            }
            self.windowing.function = WindowFunction::Linear;
        }
        Ok(self)
    }

    /// Frames of the file.
    pub fn frames(&self) -> u32 {
        self.frames
    }

    /// The windows that a DICOM file names for this frame, and then its VOI lookup tables, in the file's order, or the range
    /// of a NIfTI file; none where it names none, or where the frame is coloured. The first is shown, unless [`ReadOptions::window`] says otherwise.
    pub fn presets(&self) -> &[WindowPreset] {
        &self.presets
    }
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
    fn orientation_of_exif() {
        let mut coded = Vec::new();
        let stored = ImageBuffer::<Luma<u8>, _>::from_fn(32, 16, |x, _| Luma([if x < 16 { 0 } else { 255u8 }]));
        image::codecs::jpeg::JpegEncoder::new(&mut coded).encode_image(&stored).unwrap();
        // A TIFF directory with one entry: orientation, one short, 6.
        let directory =
            [b"Exif\0\0II*\0\x08\0\0\0\x01\0", &[0x12, 1, 3, 0, 1, 0, 0, 0, 6, 0, 0, 0][..], &[0; 4]].concat();
        let length = (directory.len() as u16 + 2).to_be_bytes();
        let coded = [&coded[..2], &[0xff, 0xe1], &length, &directory, &coded[2..]].concat();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("turned.jpg");
        std::fs::write(&path, coded).unwrap();
        let load = |apply_orientation| {
            let options = ReadOptions { apply_orientation, ..ReadOptions::default() };
            let loaded = ImageFile::load_as(&path, 0, &options).unwrap();
            let view = loaded.view();
            (view.width(), view.height(), view.bytes()[0] < 9, view.bytes()[view.width() - 1] < 9)
        };
        // The left half, which is black, is seen above.
        assert_eq!(load(true), (16, 32, true, true));
        assert_eq!(load(false), (32, 16, true, false));
        let info = crate::FileInfo::read(&path).unwrap();
        assert_eq!((info.width, info.height, info.orientation), (16, 32, 6));
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
