//! What the samples of a pixel mean.

use super::frame::native_bytes;
use super::header::{Header, Numbers};
use dicom_dictionary_std::tags;
use lens_base::{Error, ErrorKind, Result};

/// Photometric interpretation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Photometric {
    /// Bright means low.
    Monochrome1,
    /// Bright means high.
    Monochrome2,
    /// Indices into tables of red, green and blue.
    Palette,
    /// Red, green, blue; also what the own transforms of JPEG 2000 and JPEG XL give back.
    Rgb,
    /// Luminance and colour differences of the full range.
    YbrFull,
    /// The same, with one colour for two pixels.
    YbrFull422,
}

impl Photometric {
    /// The header's, if it fits the number of samples.
    pub fn of(header: &Header) -> Result<Self> {
        let name = header
            .data_set()
            .text(tags::PHOTOMETRIC_INTERPRETATION)
            .ok_or_else(|| Error::format("it has no Photometric Interpretation (0028,0004)"))?;
        let (photometric, samples) = match name.as_str() {
            "MONOCHROME1" => (Photometric::Monochrome1, 1),
            "MONOCHROME2" => (Photometric::Monochrome2, 1),
            "PALETTE COLOR" => (Photometric::Palette, 1),
            "RGB" | "YBR_ICT" | "YBR_RCT" | "XYB" => (Photometric::Rgb, 3),
            "YBR_FULL" => (Photometric::YbrFull, 3),
            "YBR_FULL_422" => (Photometric::YbrFull422, 3),
            _ => {
                return Err(Error::new(
                    ErrorKind::Unsupported,
                    format!(
                        "Photometric Interpretation is {name}; this library decodes MONOCHROME1, MONOCHROME2, PALETTE \
                         COLOR, RGB, YBR_FULL, YBR_FULL_422, YBR_ICT, YBR_RCT and XYB"
                    ),
                ));
            }
        };
        let bits = match photometric {
            Photometric::Monochrome1 | Photometric::Monochrome2 => &[1, 8, 16, 32, 64][..],
            Photometric::Rgb | Photometric::YbrFull => &[8, 16, 32],
            Photometric::Palette | Photometric::YbrFull422 => &[8, 16],
        };
        if !bits.contains(&header.bits_allocated) || header.numbers != Numbers::Integers && !photometric.is_gray() {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!(
                    "Bits Allocated is {} and Photometric Interpretation {name}, a kind of pixels that this library does \
                     not decode",
                    header.bits_allocated
                ),
            ));
        }
        if header.samples_per_pixel != samples {
            return Err(Error::format(format!(
                "Samples per Pixel is {}, but {name} has {samples}",
                header.samples_per_pixel
            )));
        }
        Ok(photometric)
    }

    /// The same, unless `bytes` uncompressed bytes of `frames` frames contradict it: some writers convert colours to one for
    /// each pixel and leave the name for one for two pixels.
    pub fn of_length(self, header: &Header, bytes: u64, frames: u32) -> Self {
        let whole = native_bytes(header, Photometric::YbrFull).saturating_mul(frames.into());
        if self == Photometric::YbrFull422 && bytes >= whole { Photometric::YbrFull } else { self }
    }

    /// Whether it has one sample that is a brightness.
    pub fn is_gray(self) -> bool {
        matches!(self, Photometric::Monochrome1 | Photometric::Monochrome2)
    }
}
