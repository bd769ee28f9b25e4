//! Decoders for compressed pixels: JPEG, JPEG-LS, JPEG 2000 and JPEG XL. Knows of code streams, not of files or of what the
//! samples mean.

#![deny(unsafe_code)]

pub mod jpeg;
pub mod jpeg2000;
pub mod jpeg_ls;
pub mod jpeg_xl;
mod segments;
mod turbo;

use lens_base::{Error, Result, reserve};

/// What a code stream says of its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Samples of a pixel.
    pub components: u32,
}

impl Size {
    /// Refuses a size that so many bytes of code stream cannot be the whole of: a decompression bomb.
    pub fn check_density(self, coded: usize) -> Result<()> {
        /// Pixels that are always decoded, and pixels for each byte beyond that.
        const FREE_PIXELS: u64 = 1 << 24;
        const PIXELS_OF_A_BYTE: u64 = 1 << 10;
        if u64::from(self.width) * u64::from(self.height) > FREE_PIXELS.max(coded as u64 * PIXELS_OF_A_BYTE) {
            let Size { width, height, .. } = self;
            return Err(Error::format(format!("{coded} bytes of code stream cannot hold {width} x {height} pixels")));
        }
        Ok(())
    }

    /// Samples of the image.
    fn samples(self) -> usize {
        self.width as usize * self.height as usize * self.components as usize
    }
}

/// Whether an image of this size may be decoded; asked before memory is taken for it.
pub type Accept<'a> = dyn Fn(Size) -> Result<()> + 'a;

/// Samples, those of a pixel side by side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Samples {
    /// Of up to 8 bits.
    Bytes(Vec<u8>),
    /// Of up to 16 bits.
    Words(Vec<u16>),
}

impl Samples {
    /// Number of samples.
    pub fn len(&self) -> usize {
        match self {
            Samples::Bytes(samples) => samples.len(),
            Samples::Words(samples) => samples.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A decoded image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// Its size.
    pub size: Size,
    /// Bits of a sample.
    pub precision: u32,
    /// Whether samples are in two's complement, extended to the width of their words.
    pub signed: bool,
    /// Whether samples are known to be near what was coded, and so perhaps beyond its range.
    pub is_lossy: bool,
    /// Its samples, as many as the size says.
    pub samples: Samples,
}

/// Room for the samples of an image.
fn zeros<T: Copy + Default>(size: Size) -> Result<Vec<T>> {
    let mut samples = Vec::new();
    reserve(&mut samples, size.samples(), "an image")?;
    samples.resize(size.samples(), T::default());
    Ok(samples)
}
