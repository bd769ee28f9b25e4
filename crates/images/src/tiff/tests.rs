//! TIFF files made byte by byte.

use super::*;
use crate::PixelFormat;

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
    /// Width and height of tiles; none: strips.
    tile: Option<(u16, u16)>,
    /// Strips or tiles: one, or one for each sample; of tiles, those of a sample before those of the next.
    strips: Vec<Vec<u8>>,
    /// Of a photometric 3: all reds, greens, blues.
    palette: Vec<u16>,
}

fn gray(size: (u16, u16), bits: u16, bytes: &[u8]) -> Page {
    Page {
        size,
        bits,
        photometric: 1,
        samples: 1,
        format: 1,
        tile: None,
        strips: vec![bytes.to_vec()],
        palette: Vec::new(),
    }
}

fn colour(photometric: u16, bits: u16, samples: u16, bytes: &[u8]) -> Page {
    Page { photometric, samples, ..gray((2, 1), bits, bytes) }
}

fn words(samples: impl IntoIterator<Item = u16>) -> Vec<u8> {
    samples.into_iter().flat_map(u16::to_ne_bytes).collect()
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
        let palette = file.len();
        file.extend(page.palette.iter().flat_map(|value| short(*value)));
        directories.push(file.len());
        let at = long(file.len());
        file[link..link + 4].copy_from_slice(&at);
        let planes = if page.strips.len() > 1 && page.samples > 1 { 2 } else { 1 };
        let shorts = |tag, value| (tag, 3, 1, [short(value), [0; 2]].concat());
        let mut entries = vec![
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
        if let Some((width, height)) = page.tile {
            let tag = |entry: &mut (u16, u16, usize, Vec<u8>)| match entry.0 {
                273 => entry.0 = 324,
                278 => *entry = shorts(322, width),
                279 => entry.0 = 325,
                _ => {}
            };
            entries.iter_mut().for_each(tag);
            entries.push(shorts(323, height));
            entries.sort();
        }
        if !page.palette.is_empty() {
            entries.insert(entries.len() - 1, (320, 3, page.palette.len(), long(palette).to_vec()));
        }
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
        (gray((1, 1), 32, &[0; 4]), "Uint of 32 bits"),
        (Page { format: SIGNED, ..gray((1, 1), 32, &[0; 4]) }, "Int of 32 bits"),
        (Page { format: SIGNED, ..colour(2, 8, 3, &[0; 6]) }, "colours are Signed(8)"),
        (colour(2, 12, 3, &[0; 9]), "colours are Unsigned(12)"),
        (Page { photometric: 8, ..colour(2, 8, 3, &[0; 6]) }, "CIELab"),
        (float(4095.0), "the float 4095"),
        (float(-0.5), "the float -0.5"),
        (float(f32::NAN), "the float NaN"),
    ] {
        let error = load(&encoded(false, &[page]).0, 0).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
        assert!(error.message().contains(said), "{error}");
    }
}

#[test]
fn signed_gray() {
    let words = [-32_768i16, 5, 32_767].map(i16::to_le_bytes).concat();
    let image = load(&encoded(false, &[Page { format: SIGNED, ..gray((3, 1), 16, &words) }]).0, 0).unwrap();
    assert_eq!(image.view().format(), PixelFormat::GrayS16);
    assert_eq!(image.view().to_raster().unwrap().samples(), [0.0, 32_773.0 / 65_535.0, 1.0]);
    let bytes = [-128i8, 0, 127].map(|value| value as u8);
    let image =
        load(&encoded(true, &[Page { format: SIGNED, photometric: 0, ..gray((3, 1), 8, &bytes) }]).0, 0).unwrap();
    assert_eq!(image.view().to_raster().unwrap().samples(), [1.0, 127.0 / 255.0, 0.0]);
}

#[test]
fn bright_means_low_beside_other_samples() {
    let image = load(&encoded(false, &[Page { photometric: 0, samples: 2, ..gray((2, 1), 8, &[0, 9, 55, 9]) }]).0, 0);
    assert_eq!(image.unwrap().view().to_raster().unwrap().samples(), [1.0, 200.0 / 255.0]);
}

#[test]
fn gray_of_9_to_15_bits() {
    for (big_endian, bits) in [(false, 12u16), (true, 12), (false, 9), (true, 15)] {
        let highest = (1u32 << bits) - 1;
        // Two rows of three, each from a byte on.
        let values = [0, 1, highest, highest - 1, highest / 2, 3];
        let pack = |row: &[u32]| {
            let mut packed = vec![0u8; (3 * usize::from(bits)).div_ceil(8)];
            for (index, value) in row.iter().enumerate() {
                for bit in 0..usize::from(bits) {
                    let at = index * usize::from(bits) + bit;
                    packed[at / 8] |= ((value >> (usize::from(bits) - 1 - bit) & 1) as u8) << (7 - at % 8);
                }
            }
            packed
        };
        let bytes = [pack(&values[..3]), pack(&values[3..])].concat();
        let image = load(&encoded(big_endian, &[gray((1, 1), 8, &[7]), gray((3, 2), bits, &bytes)]).0, 1).unwrap();
        assert_eq!(image.view().bytes(), words(values.map(|value| value as u16)), "{bits}");
        assert_eq!(image.view().windowing().bits_stored, u32::from(bits));
        assert_eq!(image.view().to_raster().unwrap().samples()[2], 1.0);
    }
}

#[test]
fn tiles_that_reach_beyond_the_image() {
    let (width, height) = (20, 18);
    let value = |sample: usize, x: usize, y: usize| (sample * 100 + x * 5 + y) as u8;
    let tile = |sample: usize, left: usize, top: usize| {
        let beyond = move |x, y| if x < width && y < height { value(sample, x, y) } else { 255 };
        (top..top + 16).flat_map(|y| (left..left + 16).map(move |x| beyond(x, y))).collect::<Vec<u8>>()
    };
    let tiles = |sample| [(0, 0), (16, 0), (0, 16), (16, 16)].map(|(left, top)| tile(sample, left, top)).to_vec();
    let expected = |samples: usize| -> Vec<u8> {
        let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
        pixels.flat_map(|(x, y)| (0..samples).map(move |sample| value(sample, x, y))).collect()
    };
    let page = Page { tile: Some((16, 16)), strips: tiles(0), ..gray((20, 18), 8, &[]) };
    assert_eq!(pixels(page.clone()), (PixelFormat::Gray8, expected(1)));
    let planes = Page { photometric: 2, samples: 3, strips: [tiles(0), tiles(1), tiles(2)].concat(), ..page };
    assert_eq!(pixels(planes), (PixelFormat::Rgb8, expected(3)));
    // Of 12 bits; four of a row are in the image, twelve beyond it.
    let row = [0x12, 0x3a, 0xbc, 0xff, 0xf0, 0x00].iter().chain(&[0xee; 18]).copied();
    let tile = row.chain([0xee; 24 * 15]).collect();
    let page = Page { tile: Some((16, 16)), strips: vec![tile], ..gray((4, 1), 12, &[]) };
    assert_eq!(pixels(page), (PixelFormat::Gray16, words([0x123, 0xabc, 0xfff, 0])));
    let huge = Page { tile: Some((65_520, 65_520)), strips: vec![vec![0]], ..gray((4, 1), 8, &[]) };
    assert_eq!(load(&encoded(false, &[huge]).0, 0).unwrap_err().kind(), ErrorKind::Unsupported);
}

#[test]
fn compressed_tile_beyond_the_image() {
    // Written by tifffile: 17 x 16 pixels whose value is their column, in two tiles of 16 x 16, LZW.
    let file = "49492a00080000000d0000010400010000001100000001010400010000001000000002010300010000000800\
                   00000301030001000000050000000601030001000000010000001501030001000000010000001a0105000100\
                   0000aa0000001b01050001000000b20000002801030001000000010000004201040001000000100000004301\
                   040001000000100000004401040002000000ba00000045010300020000006000310000000000010000000100\
                   00000100000001000000d0000000300100000000000000000000000000000000800000202018100a06038201\
                   20a058301a0e07c0a09068442a190e8844a0b0784c2e1b0f88c0e37158f46243138e45a3f19914523b179046\
                   a5d2a934ca532598cb66f30964a2493c93c8e5f2ba0cce713da14d2733ea1cd6753fa24daa12680880040010\
                   3824160d0283426090885426190d82c3e21038944e2b108bc36330a8dc3a27078fc46430b91c524a008ec1a0\
                   20";
    let digits = |place: usize| u8::from_str_radix(&file[place..place + 2], 16).unwrap();
    let image = load(&(0..file.len()).step_by(2).map(digits).collect::<Vec<u8>>(), 0).unwrap();
    assert_eq!(image.view().bytes(), (0..17).collect::<Vec<u8>>().repeat(16));
}

#[test]
fn palettes() {
    let map = |colours: &[[u16; 3]]| -> Vec<u16> {
        (0..3).flat_map(|channel| colours.iter().map(move |colour| colour[channel])).collect()
    };
    for scale in [257, 1] {
        let mut colours = vec![[0; 3]; 16];
        colours[0] = [255 * scale, 0, 10 * scale];
        colours[15] = [scale, 2 * scale, 3 * scale];
        let page = Page { palette: map(&colours), photometric: 3, ..gray((3, 1), 4, &[0xf0, 0xf0]) };
        for big_endian in [false, true] {
            let image = load(&encoded(big_endian, std::slice::from_ref(&page)).0, 0).unwrap();
            assert_eq!(image.view().format(), PixelFormat::Rgb8);
            assert_eq!(image.view().bytes(), [1, 2, 3, 255, 0, 10, 1, 2, 3]);
        }
    }
    let mut colours = vec![[0; 3]; 256];
    colours[200] = [0xff00, 0x8000, 0x0100];
    let page = Page { palette: map(&colours), photometric: 3, ..gray((2, 1), 8, &[200, 0]) };
    assert_eq!(pixels(page), (PixelFormat::Rgb8, vec![255, 128, 1, 0, 0, 0]));
    let short = Page { palette: vec![0; 9], photometric: 3, ..gray((2, 1), 8, &[200, 0]) };
    let none = Page { photometric: 3, ..gray((2, 1), 8, &[200, 0]) };
    for page in [short, none] {
        assert_eq!(load(&encoded(false, &[page]).0, 0).unwrap_err().kind(), ErrorKind::Format);
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

#[test]
fn orientations() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("turned.tif");
    let load = |number: u16, apply_orientation| {
        let mut encoder = ::tiff::encoder::TiffEncoder::new(std::fs::File::create(&path).unwrap()).unwrap();
        let mut image = encoder.new_image::<::tiff::encoder::colortype::Gray8>(3, 2).unwrap();
        image.encoder().write_tag(Tag::Orientation, number).unwrap();
        image.write_data(&[2, 4, 6, 1, 3, 5]).unwrap();
        let options = ReadOptions { apply_orientation, ..ReadOptions::default() };
        let loaded = ImageFile::load_as(&path, 0, &options).unwrap();
        let info = crate::FileInfo::read(&path).unwrap();
        (loaded.view().bytes().to_vec(), loaded.view().width(), (info.orientation, info.width, info.height))
    };
    assert_eq!(load(6, true), (vec![1, 2, 3, 4, 5, 6], 2, (6, 2, 3)));
    assert_eq!(load(6, false), (vec![2, 4, 6, 1, 3, 5], 3, (6, 2, 3)));
    assert_eq!(load(1, true), (vec![2, 4, 6, 1, 3, 5], 3, (1, 3, 2)));
    assert_eq!(load(0, true), (vec![2, 4, 6, 1, 3, 5], 3, (1, 3, 2)));
}
