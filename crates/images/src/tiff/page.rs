//! One page: how its samples are stored, and what becomes of them.

use super::jpeg::Jpeg;
use super::patched::reread;
use super::samples::{Becomes, Chunk, Place, Stored, put};
use super::{TiffDecoder, decoding_error, unsupported};
use crate::buffer::{narrow, zeroed};
use crate::colours::{rgb_of_cmyk, rgb_of_ybr};
use crate::image_file::ImageFile;
use crate::pixels::{LONGEST_SIDE, MOST_PIXELS, PixelFormat};
use lens_base::{Error, Result};
use lens_codecs::Size;
use tiff::ColorType;
use tiff::decoder::ChunkType;
use tiff::tags::{CompressionMethod, PhotometricInterpretation, PlanarConfiguration, Predictor, SampleFormat, Tag};

/// Most samples of a pixel; those that are not colours are passed over.
const MOST_SAMPLES: u16 = 256;

/// What a page's tags say.
pub struct Page {
    width: u32,
    height: u32,
    stored: Stored,
    /// Samples of a pixel.
    samples: u16,
    /// Whether each sample of the pixels has strips or tiles of its own.
    planar: bool,
    tiled: bool,
    /// Of strips or tiles.
    chunk: (u32, u32),
    photometric: PhotometricInterpretation,
    predictor: Option<Predictor>,
    palette: Vec<[u8; 3]>,
    /// None: strips and tiles are coded otherwise.
    jpeg: Option<Jpeg>,
}

impl Page {
    /// Reads the tags of the page that the decoder is at.
    pub fn read(decoder: &mut TiffDecoder, width: u32, height: u32) -> Result<Self> {
        let mut short = |tag, default| Ok(first(decoder, tag)?.unwrap_or(default));
        let samples = short(Tag::SamplesPerPixel, 1)?;
        let bits = short(Tag::BitsPerSample, 1)?;
        let format = short(Tag::SampleFormat, 1)?;
        let planar = short(Tag::PlanarConfiguration, 1)? == PlanarConfiguration::Planar.to_u16() && samples > 1;
        let photometric = short(Tag::PhotometricInterpretation, u16::MAX)?;
        let predictor = short(Tag::Predictor, 1)?;
        let compression = short(Tag::Compression, 1)?;
        let photometric = PhotometricInterpretation::from_u16(photometric)
            .ok_or_else(|| unsupported(&format!("its photometric interpretation is {photometric}")))?;
        if samples > MOST_SAMPLES {
            return Err(unsupported(&format!("its pixels have {samples} samples; up to {MOST_SAMPLES} are read")));
        }
        let tiled = decoder.get_chunk_type() == ChunkType::Tile;
        let (columns, rows) = decoder.chunk_dimensions();
        let chunk = if tiled { (columns, rows) } else { (columns, rows.min(height)) };
        // Tiles are multiples of 16 pixels wide and high, and may reach beyond the image.
        let longest = LONGEST_SIDE.next_multiple_of(16);
        if columns.max(chunk.1) > longest || u64::from(columns) * u64::from(chunk.1) > MOST_PIXELS {
            return Err(unsupported(&format!("its tiles are {columns} x {rows} pixels, more than an image may have")));
        }
        let bits = u8::try_from(bits).unwrap_or(u8::MAX);
        let stored = Stored::new(SampleFormat::from_u16_exhaustive(format), bits)?;
        let palette = match photometric {
            PhotometricInterpretation::RGBPalette => palette(decoder, bits)?,
            _ => Vec::new(),
        };
        let predictor = Predictor::from_u16(predictor).filter(|predictor| *predictor != Predictor::None);
        let jpeg = match CompressionMethod::from_u16_exhaustive(compression) {
            CompressionMethod::JPEG => return Err(unsupported("it is compressed as old-style JPEG (Compression 6)")),
            CompressionMethod::ModernJPEG => {
                Some(Jpeg::read(decoder, bits, photometric == PhotometricInterpretation::YCbCr)?)
            }
            _ => None,
        };
        let page = Page { width, height, stored, samples, planar, tiled, chunk, photometric, predictor, palette, jpeg };
        page.check()?;
        Ok(page)
    }

    fn is_gray(&self) -> bool {
        use PhotometricInterpretation::{BlackIsZero, WhiteIsZero};
        matches!(self.photometric, BlackIsZero | WhiteIsZero)
    }

    /// Whether rows are read as bytes.
    fn is_packed(&self) -> bool {
        self.jpeg.is_none() && self.stored.bits() > 8 && !self.stored.bits().is_multiple_of(8)
    }

    /// Refuses what would be read wrongly.
    fn check(&self) -> Result<()> {
        let bits = self.stored.bits();
        if !self.is_gray()
            && self.palette.is_empty()
            && !matches!(self.stored, Stored::Unsigned(8 | 16) | Stored::Float(_))
        {
            return Err(unsupported(&format!(
                "its colours are {:?}; unsigned ones of 8 or 16 bits and floats are read",
                self.stored
            )));
        }
        if self.is_packed() && (self.samples > 1 || !self.palette.is_empty() || self.predictor.is_some()) {
            return Err(unsupported(&format!(
                "its samples have {bits} bits, which are read of gray without a predictor only"
            )));
        }
        if self.jpeg.is_some() && !matches!(self.stored, Stored::Unsigned(8..) | Stored::Signed(_)) {
            return Err(unsupported(&format!(
                "its samples are {:?} in JPEG, where those of 8 bits and more are read",
                self.stored
            )));
        }
        Ok(())
    }

    /// Whether the decoder does not invert what is stored as bright means low.
    fn is_inverted(&self) -> bool {
        self.photometric == PhotometricInterpretation::WhiteIsZero
            && (self.samples > 1
                || self.is_packed()
                || self.jpeg.is_some()
                || matches!(self.stored, Stored::Signed(_) | Stored::Float(16)))
    }

    /// Decodes it.
    pub fn decode(&self, mut decoder: TiffDecoder, page: u32, frames: u32) -> Result<ImageFile> {
        let is_plain = self.is_gray() || !self.palette.is_empty();
        let colour = if is_plain { None } else { Some(decoder.colortype().map_err(decoding_error)?) };
        let Kind { count, becomes, format } = self.kind(colour)?;
        let tags = self.other_tags(colour);
        if !tags.is_empty() && self.jpeg.is_none() {
            reread(&mut decoder, page, &tags)?;
        }
        let pixel_bytes = usize::from(count) * becomes.bytes();
        let mut bytes = zeroed(self.width as usize * self.height as usize * pixel_bytes)?;
        self.read_chunks(&mut decoder, (usize::from(count), becomes), &mut bytes)?;
        match self.photometric {
            PhotometricInterpretation::CMYK => narrow(&mut bytes, rgb_of_cmyk),
            PhotometricInterpretation::YCbCr if self.jpeg.is_none() => narrow(&mut bytes, rgb_of_ybr),
            _ => {}
        }
        let bits_stored = match (format, self.stored) {
            (PixelFormat::Gray16 | PixelFormat::GrayS16, Stored::Unsigned(bits) | Stored::Signed(bits)) => bits.into(),
            _ => 0,
        };
        let bits_stored = if bits_stored == 16 { 0 } else { bits_stored };
        let mut picture = ImageFile::picture(bytes, (self.width, self.height), format, frames);
        (picture.windowing.bits_stored, picture.windowing.invert) = (bits_stored, self.is_inverted());
        picture.checked()
    }

    fn kind(&self, colour: Option<ColorType>) -> Result<Kind<'_>> {
        let kind = |count, becomes, format| Ok(Kind { count, becomes, format });
        match (colour, self.stored) {
            (None, _) if !self.palette.is_empty() => kind(1, Becomes::Colours(&self.palette), PixelFormat::Rgb8),
            (None, Stored::Unsigned(1..=8)) => kind(1, Becomes::Byte, PixelFormat::Gray8),
            (None, Stored::Signed(_)) => kind(1, Becomes::Word, PixelFormat::GrayS16),
            (None, _) => kind(1, Becomes::Word, PixelFormat::Gray16),
            (Some(ColorType::RGBA(8)), _) => kind(4, Becomes::Byte, PixelFormat::Rgba8),
            (Some(ColorType::RGB(_) | ColorType::RGBA(_) | ColorType::YCbCr(8)), _) => {
                kind(3, Becomes::Byte, PixelFormat::Rgb8)
            }
            (Some(ColorType::CMYK(_) | ColorType::CMYKA(_)), _) => kind(4, Becomes::Byte, PixelFormat::Rgb8),
            (Some(colour), _) => Err(unsupported(&format!("its colours are {colour:?}; RGB, CMYK and YCbCr are read"))),
        }
    }

    /// What the decoder is to take the page for, see `patched`, so that it gives samples that it would refuse or lose, and
    /// all of every tile: it loses its place in compressed tiles that reach beyond the image.
    fn other_tags(&self, colour: Option<ColorType>) -> Vec<(Tag, u32)> {
        let mut tags = Vec::new();
        let has_others = !self.planar && colour.is_some_and(|colour| colour.num_samples() != self.samples);
        if has_others || !self.palette.is_empty() || self.is_packed() || self.is_inverted() {
            let gray = PhotometricInterpretation::BlackIsZero.to_u16();
            tags.push((Tag::PhotometricInterpretation, gray.into()));
        }
        let (mut width, mut tile_width) = (self.width, self.chunk.0);
        if self.tiled {
            width = width.next_multiple_of(tile_width);
            tags.push((Tag::ImageLength, self.height.next_multiple_of(self.chunk.1)));
        }
        if self.is_packed() {
            [width, tile_width] =
                [width, tile_width].map(|pixels| (pixels as usize * self.stored.bits()).div_ceil(8) as u32);
            tags.extend([(Tag::BitsPerSample, 8), (Tag::TileWidth, tile_width)]);
        }
        if width != self.width {
            tags.push((Tag::ImageWidth, width));
        }
        tags
    }

    fn read_chunks(
        &self,
        decoder: &mut TiffDecoder,
        (count, becomes): (usize, Becomes),
        bytes: &mut [u8],
    ) -> Result<()> {
        let across = self.width.div_ceil(self.chunk.0);
        let down = self.height.div_ceil(self.chunk.1);
        let (planes, channels, in_pixel) = match self.planar {
            true => (count as u32, 1, 1),
            false => (1, usize::from(self.samples), count),
        };
        let pixel_bytes = count * becomes.bytes();
        let row_bytes = self.width as usize * pixel_bytes;
        // What JPEG gives of more than 8 bits is in words.
        let stored = match (&self.jpeg, self.stored) {
            (Some(_), Stored::Unsigned(9..)) => Stored::Unsigned(16),
            (_, stored) => stored,
        };
        let is_whole =
            self.jpeg.is_none() && !self.tiled && in_pixel == count && channels == count && self.stored.is(becomes);
        let chunk_row = (self.chunk.0 as usize * channels * stored.bits()).div_ceil(8);
        let mut buffer = Vec::new();
        for index in 0..planes * across * down {
            let (plane, at) = (index / (across * down), index % (across * down));
            let (x, y) = (at % across * self.chunk.0, at / across * self.chunk.1);
            let columns = self.chunk.0.min(self.width - x) as usize;
            let rows = if self.tiled { self.chunk.1 } else { self.chunk.1.min(self.height - y) } as usize;
            if is_whole {
                let rows = &mut bytes[y as usize * row_bytes..][..rows * row_bytes];
                decoder.read_chunk_bytes(index, rows).map_err(decoding_error)?;
                continue;
            }
            if let Some(jpeg) = &self.jpeg {
                let size = Size { width: self.chunk.0, height: rows as u32, components: channels as u32 };
                buffer = jpeg.decode(decoder, index, size, !self.tiled && at + 1 == down)?;
            } else {
                if buffer.len() < chunk_row * rows {
                    buffer = zeroed(chunk_row * rows)?;
                }
                buffer.truncate(chunk_row * rows);
                decoder.read_chunk_bytes(index, &mut buffer).map_err(decoding_error)?;
            }
            let chunk = Chunk { bytes: &buffer, row_bytes: chunk_row, columns, channels };
            let place = Place {
                rows: &mut bytes[y as usize * row_bytes..],
                row_bytes,
                pixel_bytes,
                x: x as usize,
                offset: plane as usize * becomes.bytes(),
            };
            put(&chunk, place, in_pixel, stored, becomes)?;
        }
        Ok(())
    }
}

/// What pixels become.
struct Kind<'a> {
    /// Samples of a pixel that are taken.
    count: u16,
    becomes: Becomes<'a>,
    format: PixelFormat,
}

/// The first value of a tag.
fn first(decoder: &mut TiffDecoder, tag: Tag) -> Result<Option<u16>> {
    let values = decoder.find_tag_unsigned_vec::<u16>(tag).map_err(decoding_error)?;
    Ok(values.and_then(|values| values.first().copied()))
}

/// The colours of a palette, all reds before all greens before all blues in the file.
fn palette(decoder: &mut TiffDecoder, bits: u8) -> Result<Vec<[u8; 3]>> {
    let map = decoder.get_tag_u16_vec(Tag::ColorMap).map_err(decoding_error)?;
    let colours = 1usize << bits.min(16);
    if map.len() != 3 * colours {
        return Err(Error::format(format!("it is broken: its palette has {} values, not {}", map.len(), 3 * colours)));
    }
    // Old writers stored 8 bits of each.
    let shift = if map.iter().any(|value| *value > 255) { 8 } else { 0 };
    let value = |place: usize| (map[place] >> shift) as u8;
    Ok((0..colours).map(|index| [value(index), value(colours + index), value(2 * colours + index)]).collect())
}
