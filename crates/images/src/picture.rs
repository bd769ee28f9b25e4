//! PNG, BMP and WebP files, which have one frame.

use super::buffer::{narrow, rounded, zeroed};
use super::image_file::ImageFile;
use super::opened::{cannot_read, check_frame};
use super::pixels::{PixelFormat, check_size};
use super::read_options::ReadOptions;
use image::error::UnsupportedErrorKind;
use image::metadata::Orientation;
use image::{ColorType, ImageDecoder, ImageError, ImageFormat, ImageReader};
use lens_base::{Error, ErrorKind, Result};
use std::fs::File;
use std::io::{BufReader, Read, Seek};

/// The formats.
const FORMATS: [ImageFormat; 3] = [ImageFormat::Png, ImageFormat::Bmp, ImageFormat::WebP];
/// Where a BMP file has the size of its second header: 12 bytes, 16 to 64, 108 or 124.
const BMP_HEADER_SIZE: std::ops::Range<usize> = 14..18;
/// Where a WebP file of the extended kind has its flags, and that of animation (RFC 9649, 2.7).
const WEBP_FLAGS: usize = 20;
const WEBP_ANIMATION: u8 = 2;

/// Whether a file that starts with these bytes is one of them.
pub fn is_picture(start: &[u8]) -> bool {
    match image::guess_format(start) {
        // Text may begin as BMP files do.
        Ok(ImageFormat::Bmp) => {
            let size = start.get(BMP_HEADER_SIZE).and_then(|bytes| bytes.try_into().ok()).map(u32::from_le_bytes);
            matches!(size, Some(12 | 16..=64 | 108 | 124))
        }
        Ok(format) => FORMATS.contains(&format),
        Err(_) => false,
    }
}

/// Decodes it. Rows are decoded to where they stay, but for WebP.
pub fn decode(file: File, frame: u32, options: &ReadOptions) -> Result<ImageFile> {
    check_frame(frame, 1)?;
    options.check_window(0)?;
    let mut decoder = reader(file)?.into_decoder().map_err(error)?;
    let orientation = match options.apply_orientation {
        true => decoder.orientation().map_err(error)?,
        false => Orientation::NoTransforms,
    };
    let (width, height) = decoder.dimensions();
    check_size(width, height)?;
    let colour = decoder.color_type();
    let mut bytes = zeroed(width as usize * height as usize * usize::from(colour.bytes_per_pixel()))?;
    decoder.read_image(&mut bytes).map_err(error)?;
    let format = match colour {
        ColorType::L8 => PixelFormat::Gray8,
        ColorType::La8 => {
            narrow(&mut bytes, |[gray, _]| [gray]);
            PixelFormat::Gray8
        }
        ColorType::L16 => PixelFormat::Gray16,
        ColorType::La16 => {
            narrow(&mut bytes, |[first, second, _, _]| [first, second]);
            PixelFormat::Gray16
        }
        ColorType::Rgb8 => PixelFormat::Rgb8,
        ColorType::Rgba8 => PixelFormat::Rgba8,
        ColorType::Rgb16 => {
            narrow(&mut bytes, |pixel: [u8; 6]| rounded::<3>(|sample| pixel.as_chunks().0[sample]));
            PixelFormat::Rgb8
        }
        ColorType::Rgba16 => {
            narrow(&mut bytes, |pixel: [u8; 8]| rounded::<3>(|sample| pixel.as_chunks().0[sample]));
            PixelFormat::Rgb8
        }
        colour => {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!("its pixels are {colour:?}, which this library cannot read"),
            ));
        }
    };
    Ok(ImageFile::picture(bytes, (width, height), format, 1).checked()?.turned(orientation))
}

/// Width and height, and how it lies.
pub fn size(file: File) -> Result<((u32, u32), Orientation)> {
    let mut decoder = reader(file)?.into_decoder().map_err(error)?;
    let orientation = decoder.orientation().map_err(error)?;
    Ok((decoder.dimensions(), orientation))
}

fn reader(mut file: File) -> Result<ImageReader<BufReader<File>>> {
    let mut start = Vec::new();
    (&mut file).take(WEBP_FLAGS as u64 + 1).read_to_end(&mut start).map_err(cannot_read)?;
    if start.starts_with(b"RIFF")
        && start.get(WEBP_FLAGS - 8..WEBP_FLAGS - 4) == Some(b"VP8X")
        && start.get(WEBP_FLAGS).is_some_and(|flags| flags & WEBP_ANIMATION != 0)
    {
        return Err(Error::new(ErrorKind::Unsupported, "it is an animated WebP file; those of one picture are read"));
    }
    file.rewind().map_err(cannot_read)?;
    ImageReader::new(BufReader::new(file)).with_guessed_format().map_err(cannot_read)
}

fn error(error: ImageError) -> Error {
    match error {
        ImageError::IoError(error) if error.raw_os_error().is_some() => cannot_read(error),
        ImageError::Unsupported(what) if matches!(what.kind(), UnsupportedErrorKind::Format(_)) => {
            Error::format("it is not a DICOM, NIfTI, PNG, JPEG, BMP, WebP or TIFF file")
        }
        ImageError::Unsupported(what) => {
            Error::new(ErrorKind::Unsupported, format!("it is coded in a way this library cannot decode: {what}"))
        }
        ImageError::Limits(_) => Error::format("it is too large: reading it takes over 512 MiB beside its pixels"),
        error => Error::format(format!("it is broken: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FileInfo;
    use flate2::write::ZlibEncoder;
    use std::io::Write;

    /// A PNG file: its colour type (0 gray, 2 RGB, 3 palette, 4 gray and alpha, 6 RGB and alpha), and its rows as they are
    /// stored, without filters; of an interlaced one, those of its seven images.
    struct Png<'a> {
        size: (u32, u32),
        depth: u8,
        colour: u8,
        interlaced: bool,
        chunks: &'a [(&'a [u8; 4], &'a [u8])],
    }

    impl Png<'_> {
        fn bytes(&self, rows: impl Iterator<Item = Vec<u8>>) -> Vec<u8> {
            let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
            let mut chunk = |name: &[u8; 4], content: &[u8]| {
                let mut crc = flate2::Crc::new();
                crc.update(name);
                crc.update(content);
                let length = (content.len() as u32).to_be_bytes();
                file.extend([&length[..], name, content, &crc.sum().to_be_bytes()].concat());
            };
            let (width, height) = (self.size.0.to_be_bytes(), self.size.1.to_be_bytes());
            let rest = [self.depth, self.colour, 0, 0, self.interlaced.into()];
            chunk(b"IHDR", &[&width[..], &height, &rest].concat());
            self.chunks.iter().for_each(|(name, content)| chunk(name, content));
            let mut deflated = ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
            for row in rows {
                deflated.write_all(&[0]).unwrap();
                deflated.write_all(&row).unwrap();
            }
            chunk(b"IDAT", &deflated.finish().unwrap());
            chunk(b"IEND", &[]);
            file
        }
    }

    fn load(bytes: &[u8]) -> Result<ImageFile> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("no name");
        std::fs::write(&path, bytes).unwrap();
        ImageFile::load(&path, 0)
    }

    fn pixels(bytes: &[u8]) -> (PixelFormat, Vec<u8>) {
        let image = load(bytes).unwrap();
        (image.view().format(), image.view().bytes().to_vec())
    }

    #[test]
    fn webp_that_ends_in_its_header() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.webp");
        let whole = b"RIFF\x22\0\0\0WEBPVP8X\x0a\0\0\0\x02\0\0\0";
        for end in 4..whole.len() {
            std::fs::write(&path, &whole[..end]).unwrap();
            let (error, other) = (ImageFile::load(&path, 0).unwrap_err(), FileInfo::read(&path).unwrap_err());
            assert!(!error.message().contains("its decoder gave up"), "{end}: {error}");
            assert!(!other.message().contains("its decoder gave up"), "{end}: {other}");
        }
    }

    #[test]
    fn png_of_each_kind() {
        let palette: &[(&[u8; 4], &[u8])] = &[(b"PLTE", &[1, 2, 3, 40, 50, 60, 7, 8, 9, 10, 11, 12])];
        let alpha: &[(&[u8; 4], &[u8])] = &[palette[0], (b"tRNS", &[255, 0])];
        let gray = PixelFormat::Gray8;
        let words = |words: &[u16]| words.iter().flat_map(|word| word.to_ne_bytes()).collect::<Vec<u8>>();
        for (depth, colour, chunks, row, expected) in [
            (1, 0, &[][..], vec![0b1010_0000], (gray, vec![255, 0, 255])),
            (2, 0, &[], vec![0b0001_1000], (gray, vec![0, 85, 170])),
            (4, 0, &[], vec![0x0f, 0x80], (gray, vec![0, 255, 136])),
            (8, 0, &[(b"tRNS", &[0, 200][..])], vec![0, 200, 9], (gray, vec![0, 200, 9])),
            (16, 0, &[], vec![1, 2, 3, 4, 255, 255], (PixelFormat::Gray16, words(&[0x0102, 0x0304, 0xffff]))),
            (8, 4, &[], vec![1, 255, 2, 0, 3, 9], (gray, vec![1, 2, 3])),
            (
                16,
                4,
                &[],
                vec![1, 2, 0, 0, 3, 4, 9, 9, 5, 6, 7, 8],
                (PixelFormat::Gray16, words(&[0x0102, 0x0304, 0x0506])),
            ),
            (8, 2, &[], (1..10).collect(), (PixelFormat::Rgb8, (1..10).collect())),
            (
                16,
                2,
                &[],
                [[0, 128], [0, 129], [255, 255]].repeat(3).concat(),
                (PixelFormat::Rgb8, [0, 1, 255].repeat(3)),
            ),
            (8, 6, &[], (1..13).collect(), (PixelFormat::Rgba8, (1..13).collect())),
            (16, 6, &[], [0, 128, 0, 129, 255, 255, 1, 2].repeat(3), (PixelFormat::Rgb8, [0, 1, 255].repeat(3))),
            (2, 3, palette, vec![0b0001_1100], (PixelFormat::Rgb8, vec![1, 2, 3, 40, 50, 60, 10, 11, 12])),
            (8, 3, alpha, vec![0, 1, 3], (PixelFormat::Rgba8, vec![1, 2, 3, 255, 40, 50, 60, 0, 10, 11, 12, 255])),
        ] {
            let png = Png { size: (3, 1), depth, colour, interlaced: false, chunks };
            assert_eq!(pixels(&png.bytes(std::iter::once(row))), expected, "depth {depth}, colour {colour}");
        }
    }

    #[test]
    fn interlaced_png() {
        let value = |x: usize, y: usize| (x * 20 + y) as u8;
        // ISO/IEC 15948, 8.2: first column and row of each image, and the steps.
        let passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)];
        let rows = passes.into_iter().flat_map(|(x, y, across, down)| {
            (y..11).step_by(down).map(move |y| (x..9).step_by(across).map(|x| value(x, y)).collect())
        });
        let png = Png { size: (9, 11), depth: 8, colour: 0, interlaced: true, chunks: &[] };
        let expected = (0..11).flat_map(|y| (0..9).map(move |x| value(x, y))).collect();
        assert_eq!(pixels(&png.bytes(rows)), (PixelFormat::Gray8, expected));
    }

    #[test]
    fn more_than_half_a_gibibyte_of_pixels() {
        let size = (24_000, 23_000);
        let png = Png { size, depth: 1, colour: 0, interlaced: false, chunks: &[] };
        let file = png.bytes((0..size.1).map(|y| vec![if y == size.1 - 1 { 0xff } else { 0 }; size.0 as usize / 8]));
        let image = load(&file).unwrap();
        let bytes = image.view().bytes();
        assert_eq!(bytes.len(), 24_000 * 23_000);
        assert_eq!((bytes[24_000 * 22_999 - 1], bytes[24_000 * 22_999], bytes[bytes.len() - 1]), (0, 255, 255));
    }

    #[test]
    fn sizes_beyond_the_limits() {
        for size in [(65_536, 65_536), (32_769, 32_768), (65_537, 1), (0x7fff_ffff, 0x7fff_ffff)] {
            let png = Png { size, depth: 8, colour: 0, interlaced: false, chunks: &[] };
            let error = load(&png.bytes(std::iter::empty())).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Format, "{error}");
            assert!(error.message().contains(" pixels") || error.message().contains("not in 1..65536"), "{error}");
        }
    }

    fn bytes(hexadecimal: &str) -> Vec<u8> {
        let digits = |place: usize| u8::from_str_radix(&hexadecimal[place..place + 2], 16).unwrap();
        (0..hexadecimal.len()).step_by(2).map(digits).collect()
    }

    #[test]
    fn webp() {
        // Written by libwebp 1.5: 4 x 4 pixels, lossless; 16 x 16 of gray 100, lossy; two frames.
        let lossless = "5249464636000000574542505650384c290000002f03c000007f20164cfc6d67d099c240ccc1fc6796034100c482162d\
                        5ab468d1a2454744ff0394d31d00";
        let lossy = "52494646240000005745425056503820180000003001009d012a1000100001402625a400037000feee030000";
        let animated = "52494646cc00000057454250565038580a00000002000000000000000000414e494d06000000000000000000";
        let expected = (0..16).flat_map(|index| [index * 16, 255 - index * 16, 7]).collect();
        assert_eq!(pixels(&bytes(lossless)), (PixelFormat::Rgb8, expected));
        assert_eq!(pixels(&bytes(lossy)), (PixelFormat::Rgb8, vec![100; 16 * 16 * 3]));
        let error = load(&bytes(animated)).unwrap_err();
        assert!(error.kind() == ErrorKind::Unsupported && error.message().contains("animated"), "{error}");
        assert_eq!(load(&bytes(lossless)[..40]).unwrap_err().kind(), ErrorKind::Format);
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("a"), bytes(lossless)).unwrap();
        assert_eq!(FileInfo::read(&directory.path().join("a")).unwrap().width, 4);
    }

    #[test]
    fn text_that_begins_as_bmp() {
        assert!(!is_picture(b"BM, the initials of a patient"));
        assert!(!is_picture(b"BM"));
    }
}
