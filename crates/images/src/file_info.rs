//! What image files say of themselves.

use super::dicom;
use super::jpeg_picture;
use super::nifti;
use super::opened::{Kind, open_and};
use super::orientation::swaps_sides;
use super::picture;
use super::pixels::check_size;
use super::tiff;
use image::metadata::Orientation;
use lens_base::Result;
use std::path::Path;

/// What an image file says of itself. What it does not say, or not in a way that makes sense, is `None`; files other than
/// DICOM only say their size and frames.
#[derive(Clone, Debug, PartialEq)]
pub struct FileInfo {
    /// Whether it is a DICOM file.
    pub is_dicom: bool,
    /// Pixels in a row as it is seen; of a TIFF file, of its first page.
    pub width: u32,
    /// Rows, likewise.
    pub height: u32,
    /// Frames, slices of a NIfTI file, or pages of a TIFF file; at least 1.
    pub frames: u32,
    /// How the picture is stored, by tag 274 of TIFF and EXIF, or, as such a number, by the affine of NIfTI, 1 to 8; 1: as it
    /// is seen, which DICOM frames always are.
    /// Width and height are those of the picture as it is seen, unless an option leaves it as it is stored.
    pub orientation: u8,
    /// Series Instance UID (0020,000E): what files of a series have in common.
    pub series: Option<String>,
    /// Instance Number (0020,0013): its place in the series.
    pub instance_number: Option<i64>,
    /// Series Description (0008,103E).
    pub series_description: Option<String>,
    /// Modality (0008,0060), such as XA.
    pub modality: Option<String>,
    /// Frames per second, above 0 and up to 240: Recommended Display Frame Rate (0008,2144), or else Cine Rate
    /// (0018,0040), or else by Frame Time (0018,1063).
    pub rate: Option<f64>,
}

impl FileInfo {
    /// Reads what a file says of itself, told apart by content as [`ImageFile::load`](crate::ImageFile::load) does it.
    /// No pixels are decoded, so a file that can be described may still turn out to be broken. Errors begin with the path.
    pub fn read(path: &Path) -> Result<Self> {
        open_and(path, |kind, file| match kind {
            Kind::Dicom => dicom::info(file),
            Kind::Tiff => tiff::info(file),
            Kind::Nifti => nifti::info(file),
            Kind::Jpeg => {
                let (size, orientation) = jpeg_picture::size(file)?;
                FileInfo::of_picture(size, orientation, 1)
            }
            Kind::Plain => {
                let (size, orientation) = picture::size(file)?;
                FileInfo::of_picture(size, orientation, 1)
            }
        })
    }

    /// Of a file that says no more; refuses sizes that no image may have.
    pub(super) fn of_picture((width, height): (u32, u32), orientation: Orientation, frames: u32) -> Result<Self> {
        check_size(width, height)?;
        let (width, height) = if swaps_sides(orientation) { (height, width) } else { (width, height) };
        Ok(FileInfo {
            is_dicom: false,
            width,
            height,
            frames,
            orientation: orientation.to_exif(),
            series: None,
            instance_number: None,
            series_description: None,
            modality: None,
            rate: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{ImageBuffer, Luma, Rgb};
    use lens_base::ErrorKind;

    fn picture(size: (u32, u32), frames: u32) -> Result<FileInfo> {
        FileInfo::of_picture(size, Orientation::NoTransforms, frames)
    }

    #[test]
    fn sizes_of_pictures() {
        let directory = tempfile::tempdir().unwrap();
        for extension in ["png", "bmp", "jpg"] {
            let path = directory.path().join(format!("a.{extension}"));
            ImageBuffer::<Rgb<u8>, Vec<u8>>::new(7, 5).save(&path).unwrap();
            assert_eq!(FileInfo::read(&path).unwrap(), picture((7, 5), 1).unwrap(), "{extension}");
        }
        let path = directory.path().join("pages.tif");
        let mut encoder = ::tiff::encoder::TiffEncoder::new(std::fs::File::create(&path).unwrap()).unwrap();
        for size in [(4, 3), (2, 6)] {
            encoder.write_image::<::tiff::encoder::colortype::Gray8>(size.0, size.1, &[0; 12]).unwrap();
        }
        assert_eq!(FileInfo::read(&path).unwrap(), picture((4, 3), 2).unwrap());
    }

    #[test]
    fn only_the_header_is_read() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("half.png");
        ImageBuffer::<Luma<u8>, _>::from_fn(64, 48, |x, y| Luma([(x * y) as u8])).save(&path).unwrap();
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
        assert_eq!(FileInfo::read(&path).unwrap(), picture((64, 48), 1).unwrap());
    }

    #[test]
    fn files_that_are_no_images() {
        let directory = tempfile::tempdir().unwrap();
        let text = directory.path().join("note.png");
        std::fs::write(&text, "not an image").unwrap();
        for (path, kind) in [
            (text, ErrorKind::Format),
            (directory.path().join("missing.png"), ErrorKind::Io),
            (directory.path().to_path_buf(), ErrorKind::Io),
        ] {
            let error = FileInfo::read(&path).unwrap_err();
            assert_eq!(error.kind(), kind, "{error}");
            assert!(error.message().contains(path.to_str().unwrap()), "{error}");
        }
    }
}
