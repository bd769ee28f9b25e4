//! TIFF files; their pages are frames.

use super::file_info::FileInfo;
use super::image_file::ImageFile;
use super::opened::{cannot_read, check_frame};
use super::pixels::{PixelFormat, Windowing, check_size};
use super::ybr::rgb_of_ybr;
use lens_base::{Error, ErrorKind, Result, reserve};
use std::fs::File;
use std::io::BufReader;
use tiff::decoder::{Decoder, DecodingResult, Limits};
use tiff::{ColorType, TiffError};

type TiffDecoder = Decoder<BufReader<File>>;

/// Most pages that are counted.
const MOST_PAGES: u32 = 65_536;
/// Most bytes of one compressed strip or tile, and of one table of their offsets.
const MOST_INTERMEDIATE_BYTES: usize = 512 << 20;

/// Gray of this depth, alone or before samples that are not colours, such as alpha.
macro_rules! gray {
    ($bits:literal) => {
        ColorType::Gray($bits) | ColorType::Multiband { bit_depth: $bits, .. }
    };
}

/// Whether a file that starts with these bytes is TIFF or BigTIFF.
pub fn is_tiff(start: &[u8]) -> bool {
    matches!(start.get(..4), Some(b"II*\0" | b"MM\0*" | b"II+\0" | b"MM\0+"))
}

/// Decodes one page: gray of 1 to 16 bits and of 32-bit floats as GRAY8 or GRAY16, colours as RGB8 or RGBA8.
pub fn decode(file: File, page: u32) -> Result<ImageFile> {
    let mut decoder = open(file)?;
    let frames = walk_pages(&mut decoder);
    check_frame(page, frames)?;
    decoder.seek_to_image(page as usize).map_err(decoding_error)?;
    let (width, height) = decoder.dimensions().map_err(decoding_error)?;
    check_size(width, height)?;
    let colour = decoder.colortype().map_err(decoding_error)?;
    let layout = decoder.image_buffer_layout().map_err(decoding_error)?;
    // The decoder's own buffer is zeroed memory, which costs nothing before it is filled, but must be there.
    reserve(&mut Vec::<u8>::new(), layout.complete_len, "the pixels of a TIFF page")?;
    let mut samples = DecodingResult::U8(Vec::new());
    decoder.read_image_to_buffer(&mut samples).map_err(decoding_error)?;

    let page = Page { width: width as usize, pixels: width as usize * height as usize, planes: layout.planes, colour };
    let (format, bytes) = match (samples, colour) {
        (DecodingResult::U8(samples), ColorType::Gray(bits @ (1 | 2 | 4))) => {
            (PixelFormat::Gray8, unpacked(&samples, bits, page.width))
        }
        (DecodingResult::U8(samples), gray!(8)) => (PixelFormat::Gray8, page.first_samples(samples, 1)),
        (DecodingResult::U16(samples), gray!(16)) => (PixelFormat::Gray16, words(page.first_samples(samples, 1))),
        (DecodingResult::F32(samples), gray!(32)) => {
            check_floats(&samples)?;
            let gray = page.first_samples(samples, 1);
            (PixelFormat::Gray16, words(gray.into_iter().map(|value| (value * 65_535.0).round() as u16)))
        }
        (DecodingResult::U8(samples), _) => page.colours(samples)?,
        (DecodingResult::U16(samples), _) => {
            page.colours(samples.into_iter().map(|sample| ((u32::from(sample) + 128) / 257) as u8).collect())?
        }
        (DecodingResult::F32(samples), _) => {
            check_floats(&samples)?;
            page.colours(samples.into_iter().map(|value| (value * 255.0).round() as u8).collect())?
        }
        _ => {
            return Err(unsupported(&format!(
                "its samples are {:?} of {} bits; unsigned ones of 1 to 16 bits and floats of 32 are read",
                layout.sample_format,
                colour.bit_depth()
            )));
        }
    };
    ImageFile { bytes, width, height, format, windowing: Windowing::default(), presets: Vec::new(), frames }.checked()
}

/// The first page's size, and how many pages there are.
pub fn info(file: File) -> Result<FileInfo> {
    let mut decoder = open(file)?;
    let (width, height) = decoder.dimensions().map_err(decoding_error)?;
    FileInfo::of_picture(width, height, walk_pages(&mut decoder))
}

fn open(file: File) -> Result<TiffDecoder> {
    let mut limits = Limits::default();
    // Sizes of images are checked before their memory is allocated.
    limits.decoding_buffer_size = usize::MAX;
    limits.intermediate_buffer_size = MOST_INTERMEDIATE_BYTES;
    limits.ifd_value_size = MOST_INTERMEDIATE_BYTES;
    Ok(Decoder::new(BufReader::new(file)).map_err(decoding_error)?.with_limits(limits))
}

/// Counts the pages. Those that cannot be read count, too: decoding them says what is wrong. A chain of pages that comes
/// back to an earlier one ends there.
fn walk_pages(decoder: &mut TiffDecoder) -> u32 {
    let mut pages = 1;
    while decoder.more_images() && pages < MOST_PAGES {
        let _ = decoder.next_image();
        pages += 1;
    }
    pages
}

/// How a page's samples are to be read.
struct Page {
    width: usize,
    pixels: usize,
    /// 1: the samples of a pixel are beside each other; otherwise each has a plane of its own.
    planes: usize,
    colour: ColorType,
}

impl Page {
    /// Pixels of samples of 8 bits, to which deeper ones were rounded.
    fn colours(&self, samples: Vec<u8>) -> Result<(PixelFormat, Vec<u8>)> {
        let first = |count| self.first_samples(samples, count);
        Ok(match self.colour {
            ColorType::RGBA(8) => (PixelFormat::Rgba8, first(4)),
            ColorType::RGB(8 | 16 | 32) | ColorType::RGBA(16 | 32) => (PixelFormat::Rgb8, first(3)),
            ColorType::CMYK(8 | 16) => {
                (PixelFormat::Rgb8, first(4).as_chunks().0.iter().flat_map(|cmyk| rgb_of_cmyk(*cmyk)).collect())
            }
            ColorType::YCbCr(8) => {
                (PixelFormat::Rgb8, first(3).as_chunks().0.iter().flat_map(|ybr| rgb_of_ybr(*ybr)).collect())
            }
            colour => return Err(unsupported(&format!("its colours are {colour:?}; RGB, CMYK and YCbCr are read"))),
        })
    }

    /// The first `count` samples of each pixel, beside each other.
    fn first_samples<T: Copy>(&self, samples: Vec<T>, count: usize) -> Vec<T> {
        let channels = samples.len() / self.pixels;
        if channels == count && self.planes <= 1 {
            return samples;
        }
        let (pixel_step, sample_step) = if self.planes > 1 { (1, self.pixels) } else { (channels, 1) };
        (0..self.pixels * count)
            .map(|index| samples[index / count * pixel_step + index % count * sample_step])
            .collect()
    }
}

/// Floats are read as shares of white.
fn check_floats(samples: &[f32]) -> Result<()> {
    match samples.iter().find(|value| !(0.0..=1.0).contains(*value)) {
        Some(value) => Err(unsupported(&format!("it has the float {value}; floats in 0..1 are read"))),
        None => Ok(()),
    }
}

/// Gray of fewer than 8 bits, the first in the highest bits of a byte, every row from a byte on; as 8 bits.
fn unpacked(packed: &[u8], bits: u8, width: usize) -> Vec<u8> {
    let (bits, each) = (usize::from(bits), 8 / usize::from(bits));
    let highest = (1u16 << bits) - 1;
    let rows = packed.chunks_exact(width.div_ceil(each));
    let value = |row: &[u8], x: usize| u16::from(row[x / each]) >> (8 - bits * (x % each + 1)) & highest;
    rows.flat_map(|row| (0..width).map(move |x| (value(row, x) * 255 / highest) as u8)).collect()
}

fn rgb_of_cmyk([cyan, magenta, yellow, black]: [u8; 4]) -> [u8; 3] {
    let light = 1.0 - f32::from(black) / 255.0;
    [cyan, magenta, yellow].map(|ink| ((255.0 - f32::from(ink)) * light) as u8)
}

fn words(samples: impl IntoIterator<Item = u16>) -> Vec<u8> {
    samples.into_iter().flat_map(u16::to_ne_bytes).collect()
}

fn unsupported(what: &str) -> Error {
    Error::new(ErrorKind::Unsupported, format!("it is a TIFF file this library cannot decode: {what}"))
}

fn decoding_error(error: TiffError) -> Error {
    match error {
        TiffError::IoError(error) if error.kind() != std::io::ErrorKind::UnexpectedEof => cannot_read(error),
        TiffError::UnsupportedError(what) => unsupported(&what.to_string()),
        error => Error::format(format!("it is broken: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIGNED: u16 = 2;
    const FLOAT: u16 = 3;

    /// An uncompressed page, each strip with all rows.
    #[derive(Clone)]
    struct Page {
        size: (u16, u16),
        bits: u16,
        /// 0: gray, bright means low; 1: gray; 2: RGB; 5: CMYK.
        photometric: u16,
        samples: u16,
        /// 1: unsigned.
        format: u16,
        /// Of one strip, or one for each sample.
        strips: Vec<Vec<u8>>,
    }

    fn gray(size: (u16, u16), bits: u16, bytes: &[u8]) -> Page {
        Page { size, bits, photometric: 1, samples: 1, format: 1, strips: vec![bytes.to_vec()] }
    }

    fn colour(photometric: u16, bits: u16, samples: u16, bytes: &[u8]) -> Page {
        Page { photometric, samples, ..gray((2, 1), bits, bytes) }
    }

    /// The file, and where its pages' directories begin.
    fn encoded(big_endian: bool, pages: &[Page]) -> (Vec<u8>, Vec<usize>) {
        let short = |value: u16| if big_endian { value.to_be_bytes() } else { value.to_le_bytes() };
        let long = |value: usize| if big_endian { (value as u32).to_be_bytes() } else { (value as u32).to_le_bytes() };
        let (mut file, mut directories) = (if big_endian { b"MM\0*".to_vec() } else { b"II*\0".to_vec() }, Vec::new());
        let mut link = file.len();
        file.extend(long(0));
        for page in pages {
            let offsets = page.strips.iter().map(|strip| {
                file.extend(strip);
                file.len() - strip.len()
            });
            let offsets: Vec<usize> = offsets.collect();
            let lengths: Vec<usize> = page.strips.iter().map(Vec::len).collect();
            let mut table = |values: &[usize]| match values {
                [value] => *value,
                values => {
                    file.extend(values.iter().flat_map(|value| long(*value)));
                    file.len() - 4 * values.len()
                }
            };
            let (offsets, lengths) = (table(&offsets), table(&lengths));
            directories.push(file.len());
            let at = long(file.len());
            file[link..link + 4].copy_from_slice(&at);
            let planes = if page.strips.len() > 1 { 2 } else { 1 };
            let shorts = |tag, value| (tag, 3, 1, [short(value), [0; 2]].concat());
            let entries = [
                shorts(256, page.size.0),
                shorts(257, page.size.1),
                shorts(258, page.bits),
                shorts(259, 1),
                shorts(262, page.photometric),
                (273, 4, page.strips.len(), long(offsets).to_vec()),
                shorts(277, page.samples),
                shorts(278, page.size.1),
                (279, 4, page.strips.len(), long(lengths).to_vec()),
                shorts(284, planes),
                shorts(339, page.format),
            ];
            file.extend(short(entries.len() as u16));
            for (tag, kind, count, value) in entries {
                file.extend([&short(tag)[..], &short(kind), &long(count), &value].concat());
            }
            link = file.len();
            file.extend(long(0));
        }
        (file, directories)
    }

    /// What is read of a page of a file with these bytes.
    fn load(bytes: &[u8], page: u32) -> Result<ImageFile> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("image.dat");
        std::fs::write(&path, bytes).unwrap();
        ImageFile::load(&path, page)
    }

    fn pixels(page: Page) -> (PixelFormat, Vec<u8>) {
        let image = load(&encoded(false, &[page]).0, 0).unwrap();
        (image.view().format(), image.view().bytes().to_vec())
    }

    fn gray16(values: [u16; 2]) -> (PixelFormat, Vec<u8>) {
        (PixelFormat::Gray16, words(values))
    }

    #[test]
    fn pages_of_different_sizes_and_depths_in_both_byte_orders() {
        for big_endian in [false, true] {
            let word = |value: u16| if big_endian { value.to_be_bytes() } else { value.to_le_bytes() };
            let deep = [word(1), word(65_535)].concat();
            let pages = [gray((3, 1), 8, &[1, 2, 3]), gray((1, 2), 16, &deep), gray((1, 1), 8, &[9])];
            let file = encoded(big_endian, &pages).0;
            let read = |page| load(&file, page).unwrap();
            assert_eq!((read(0).view().bytes(), read(0).frames()), (&[1, 2, 3][..], 3));
            assert_eq!(read(1).view().bytes(), words([1, 65_535]));
            assert_eq!((read(1).view().width(), read(1).view().height()), (1, 2));
            assert_eq!(read(2).view().bytes(), [9]);
            let error = load(&file, 3).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Argument);
            assert!(error.message().contains("frame is 3, but it has 3 frame(s), 0 to 2"), "{error}");
        }
    }

    #[test]
    fn big_tiff_and_compression() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("big.tif");
        let samples: Vec<u16> = (0..64 * 48).map(|index| index * 20).collect();
        let mut encoder = tiff::encoder::TiffEncoder::new_big(File::create(&path).unwrap())
            .unwrap()
            .with_compression(tiff::encoder::Compression::Lzw);
        encoder.write_image::<tiff::encoder::colortype::Gray16>(64, 48, &samples).unwrap();
        encoder.write_image::<tiff::encoder::colortype::Gray16>(48, 64, &samples).unwrap();
        for page in [0, 1] {
            let image = ImageFile::load(&path, page).unwrap();
            assert_eq!((image.view().bytes(), image.frames()), (&words(samples.iter().copied())[..], 2));
        }
    }

    #[test]
    fn gray_of_each_depth() {
        let bytes = |bytes: &[u8]| (PixelFormat::Gray8, bytes.to_vec());
        assert_eq!(pixels(gray((9, 1), 1, &[0b1010_0000, 0b1000_0000])), bytes(&[255, 0, 255, 0, 0, 0, 0, 0, 255]));
        assert_eq!(pixels(gray((3, 2), 4, &[0x0f, 0x80, 0x12, 0x30])), bytes(&[0, 255, 136, 17, 34, 51]));
        assert_eq!(pixels(Page { photometric: 0, ..gray((2, 1), 8, &[0, 200]) }), bytes(&[255, 55]));
        assert_eq!(pixels(Page { samples: 2, ..gray((2, 1), 8, &[10, 255, 20, 0]) }), bytes(&[10, 20]));
        let floats = [0.0f32.to_le_bytes(), 0.25f32.to_le_bytes()].concat();
        assert_eq!(pixels(Page { format: FLOAT, ..gray((2, 1), 32, &floats) }), gray16([0, 16_384]));
    }

    #[test]
    fn colours_as_8_bits() {
        let rgb = |bytes: &[u8]| (PixelFormat::Rgb8, bytes.to_vec());
        assert_eq!(pixels(colour(2, 8, 3, &[1, 2, 3, 4, 5, 6])), rgb(&[1, 2, 3, 4, 5, 6]));
        let alpha = [1, 2, 3, 255, 4, 5, 6, 0];
        assert_eq!(pixels(colour(2, 8, 4, &alpha)), (PixelFormat::Rgba8, alpha.to_vec()));
        let planes = vec![vec![1, 4], vec![2, 5], vec![3, 6]];
        assert_eq!(pixels(Page { strips: planes, ..colour(2, 8, 3, &[]) }), rgb(&[1, 2, 3, 4, 5, 6]));
        let deep = [0u16, 128, 129, 385, 386, 65_535].map(u16::to_le_bytes).concat();
        assert_eq!(pixels(colour(2, 16, 3, &deep)), rgb(&[0, 0, 1, 1, 2, 255]));
        let floats = [0.0f32, 0.001, 0.003, 0.5, 0.998, 1.0].map(f32::to_le_bytes).concat();
        assert_eq!(pixels(Page { format: FLOAT, ..colour(2, 32, 3, &floats) }), rgb(&[0, 0, 1, 128, 254, 255]));
        assert_eq!(pixels(colour(5, 8, 4, &[0, 100, 255, 0, 0, 100, 255, 51])), rgb(&[255, 155, 0, 204, 124, 0]));
    }

    #[test]
    fn unsupported_codings() {
        let float = |value: f32| Page { format: FLOAT, ..gray((1, 1), 32, &value.to_le_bytes()) };
        for (page, said) in [
            (Page { format: SIGNED, ..gray((1, 1), 16, &[0; 2]) }, "Int of 16 bits"),
            (gray((1, 1), 32, &[0; 4]), "Uint of 32 bits"),
            (float(4095.0), "the float 4095"),
            (float(f32::NAN), "the float NaN"),
            (Page { photometric: 3, ..gray((1, 1), 8, &[0]) }, "RGBPalette"),
        ] {
            let error = load(&encoded(false, &[page]).0, 0).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
            assert!(error.message().contains(said), "{error}");
        }
    }

    #[test]
    fn broken_pages() {
        let page = |value| gray((4, 1), 8, &[value; 4]);
        let (file, directories) = encoded(false, &[page(1), page(2), page(3)]);
        let cut = &file[..directories[2] - 1];
        assert_eq!((load(cut, 1).unwrap().view().bytes(), load(cut, 1).unwrap().frames()), (&[2; 4][..], 3));
        assert_eq!(load(cut, 2).unwrap_err().kind(), ErrorKind::Format);
        for bytes in [&file[..4], &file[..8], &file[..directories[0] + 20]] {
            assert_eq!(load(bytes, 0).unwrap_err().kind(), ErrorKind::Format);
        }
        // The last directory's link to the next one, 0, leads back to the first.
        let mut cycle = file.clone();
        let link = cycle.len() - 4;
        cycle[link..].copy_from_slice(&(directories[0] as u32).to_le_bytes());
        assert_eq!((load(&cycle, 1).unwrap().view().bytes(), load(&cycle, 1).unwrap().frames()), (&[2; 4][..], 3));
    }

    #[test]
    fn sizes_beyond_the_limits_or_the_file() {
        for size in [(65_535, 65_535), (32_000, 32_000), (0, 1)] {
            let error = load(&encoded(false, &[gray(size, 8, &[0; 4])]).0, 0).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Format, "{size:?}: {error}");
        }
    }
}
