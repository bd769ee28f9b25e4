//! DICOM files: small ones made here, and real ones where they are, in `../shared/data/dicom` beside the checkout.

mod cases;
mod codecs;
mod display;
mod kinds;
mod maker;
mod series;
mod structure;
mod viewing;

use lens_base::{Error, ErrorKind, left_out};
use lens_images::{FileInfo, ImageFile, PixelFormat, Windowing, jpeg_frame};
use maker::{BIG_ENDIAN, DEFLATED, EXPLICIT, IMPLICIT, JPEG, JPEG2000, Maker, RLE};
use serde_json::Value;
use std::path::{Path, PathBuf};

fn load_frame(file: &[u8], frame: u32) -> Result<ImageFile, Error> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("no name");
    std::fs::write(&path, file).unwrap();
    ImageFile::load(&path, frame)
}

fn load(file: &[u8]) -> ImageFile {
    load_frame(file, 0).unwrap()
}

fn refusal(file: &[u8]) -> Error {
    load_frame(file, 0).unwrap_err()
}

/// Stored values.
fn values(decoded: &ImageFile) -> Vec<i64> {
    let view = decoded.view();
    let words = || view.bytes().chunks_exact(2).map(|word| [word[0], word[1]]);
    match view.format() {
        PixelFormat::Gray16 => words().map(|word| u16::from_ne_bytes(word).into()).collect(),
        PixelFormat::GrayS16 => words().map(|word| i16::from_ne_bytes(word).into()).collect(),
        _ => view.bytes().iter().map(|byte| i64::from(*byte)).collect(),
    }
}

fn seen(decoded: &ImageFile) -> Vec<f32> {
    decoded.view().to_raster().unwrap().samples().to_vec()
}

#[test]
fn gray_of_8_bits_in_uncompressed_syntaxes() {
    for syntax in [IMPLICIT, EXPLICIT, DEFLATED, BIG_ENDIAN] {
        for (photometric, expected) in [("MONOCHROME2", [0.0, 0.2, 1.0]), ("MONOCHROME1", [1.0, 0.8, 0.0])] {
            let decoded = load(&Maker::image(syntax, photometric, [3, 1], [8, 8]).bytes(&[0, 51, 255, 0]));
            assert_eq!(decoded.view().format(), PixelFormat::Gray8);
            assert_eq!(values(&decoded), [0, 51, 255], "{syntax}");
            assert_eq!(seen(&decoded), expected, "{syntax}");
        }
    }
}

#[test]
fn big_endian_words_of_bytes() {
    let file = |frames| {
        Maker::image(BIG_ENDIAN, "MONOCHROME2", [3, 1], [8, 8])
            .text(0x0028_0008, "IS", frames)
            .words(&[0x0201, 0x0403, 0x0605])
    };
    assert_eq!(values(&load(&file("2"))), [1, 2, 3]);
    assert_eq!(values(&load_frame(&file("2"), 1).unwrap()), [4, 5, 6]);
}

#[test]
fn stored_bits_and_sign() {
    // 12 bits from bit 15 down; what is below belongs to an overlay.
    let file = |signed| {
        Maker::image(EXPLICIT, "MONOCHROME2", [2, 1], [16, 12])
            .number(0x0028_0102, 15)
            .number(0x0028_0103, signed)
            .words(&[0xfff5, 0x7ff5])
    };
    assert_eq!(values(&load(&file(0))), [4095, 2047]);
    assert_eq!(values(&load(&file(1))), [-1, 2047]);
    let big = Maker::image(BIG_ENDIAN, "MONOCHROME2", [2, 1], [16, 12]).words(&[0xf001, 0x0203]);
    assert_eq!(values(&load(&big)), [1, 0x203]);
    let few = load(&Maker::image(EXPLICIT, "MONOCHROME2", [2, 1], [8, 6]).bytes(&[63, 64 + 21]));
    assert_eq!(values(&few), [63, 21]);
    assert_eq!(seen(&few), [1.0, 1.0 / 3.0]);
    let signed = Maker::image(EXPLICIT, "MONOCHROME2", [2, 1], [8, 8]).number(0x0028_0103, 1).bytes(&[0x80, 0x7f]);
    assert_eq!((values(&load(&signed)), seen(&load(&signed))), (vec![-128, 127], vec![0.0, 1.0]));
}

#[test]
fn first_window_of_rescaled_values() {
    let file = |function: Option<&str>| {
        let maker = Maker::image(EXPLICIT, "MONOCHROME2", [3, 1], [16, 16]).number(0x0028_0103, 1);
        let maker = maker
            .text(0x0028_1050, "DS", "40\\300")
            .text(0x0028_1051, "DS", "101\\1500")
            .text(0x0028_1052, "DS", "-1000")
            .text(0x0028_1053, "DS", "2");
        let maker = match function {
            Some(function) => maker.text(0x0028_1056, "CS", function),
            None => maker,
        };
        maker.words(&[494, 520, 546])
    };
    let linear = load(&file(None));
    let window = Windowing {
        center: 40.0,
        width: 101.0,
        slope: 2.0,
        intercept: -1000.0,
        bits_stored: 16,
        ..Windowing::default()
    };
    assert_eq!(*linear.view().windowing(), window);
    // -12, 40, 92: LINEAR runs from -10.5 to 89.5, LINEAR_EXACT from -10.5 to 90.5, its middle at 40.
    assert_eq!(seen(&linear), [0.0, 0.505, 1.0]);
    assert_eq!(seen(&load(&file(Some("LINEAR_EXACT"))))[1], 0.5);
    assert_eq!(seen(&load(&file(Some("SIGMOID"))))[1], 0.5);
}

#[test]
fn full_range_without_window_or_padding() {
    let maker = || Maker::image(EXPLICIT, "MONOCHROME2", [4, 1], [16, 16]).number(0x0028_0103, 1);
    let pixels = [-2000i16 as u16, -10i16 as u16, 15, 40];
    assert_eq!(seen(&load(&maker().words(&pixels)))[2], 2015.0 / 2040.0);
    let padded = load(&maker().numbers(0x0028_0120, "SS", &[-2000i16 as u16]).words(&pixels));
    assert_eq!(seen(&padded), [0.0, 0.0, 0.5, 1.0]);
    let falling =
        load(&maker().numbers(0x0028_0120, "US", &[-2000i16 as u16]).text(0x0028_1053, "DS", "-0.5").words(&pixels));
    assert_eq!(seen(&falling), [1.0, 1.0, 0.5, 0.0]);
    assert_eq!(seen(&load(&maker().words(&[7; 4]))), [0.0; 4]);
}

#[test]
fn functional_group_windows() {
    let window =
        |center: &str, width: &str| Maker::new(EXPLICIT).text(0x0028_1050, "DS", center).text(0x0028_1051, "DS", width);
    let item = |center, width| Maker::new(EXPLICIT).sequence(0x0028_9132, vec![window(center, width)]);
    let rescale = Maker::new(EXPLICIT).text(0x0028_1052, "DS", "-5").text(0x0028_1053, "DS", "3");
    let shared = Maker::new(EXPLICIT).sequence(0x0028_9145, vec![rescale]);
    let file = Maker::image(EXPLICIT, "MONOCHROME2", [1, 1], [16, 12])
        .text(0x0028_0008, "IS", "2")
        .text(0x0028_1050, "DS", "1")
        .text(0x0028_1051, "DS", "2")
        .sequence(0x5200_9229, vec![shared])
        .sequence(0x5200_9230, vec![item("10", "20"), item("300", "400")])
        .words(&[100, 200]);
    for (frame, center, width, value) in [(0, 10.0, 20.0, 100), (1, 300.0, 400.0, 200)] {
        let decoded = load_frame(&file, frame).unwrap();
        let expected =
            Windowing { center, width, slope: 3.0, intercept: -5.0, bits_stored: 12, ..Windowing::default() };
        assert_eq!(*decoded.view().windowing(), expected);
        assert_eq!(values(&decoded), [value]);
    }
}

#[test]
fn icon_image_sequence() {
    let icon = Maker::image(EXPLICIT, "MONOCHROME2", [1, 1], [8, 8]).element(0x7fe0_0010, "OB", &[9, 0]);
    let file = Maker::image(EXPLICIT, "MONOCHROME2", [2, 1], [8, 8]).sequence(0x0088_0200, vec![icon]).bytes(&[1, 2]);
    assert_eq!(values(&load(&file)), [1, 2]);
}

#[test]
fn colours_as_rgb() {
    let red_and_gray = [255, 0, 0, 80, 80, 80];
    let rgb = |maker: Maker, pixels: &[u8]| values(&load(&maker.bytes(pixels)));
    let image = |photometric| Maker::image(EXPLICIT, photometric, [2, 1], [8, 8]);
    assert_eq!(rgb(image("RGB"), &[255, 0, 0, 80, 80, 80]), red_and_gray);
    assert_eq!(rgb(image("RGB").number(0x0028_0006, 1), &[255, 80, 0, 80, 0, 80]), red_and_gray);
    // PS3.3's matrix takes red to 76.2, 84.97, 255.5.
    let from_ybr = rgb(image("YBR_FULL"), &[76, 85, 255, 80, 128, 128]);
    assert!(from_ybr.iter().zip(red_and_gray).all(|(value, expected)| (value - expected).abs() <= 2), "{from_ybr:?}");
    assert_eq!(rgb(image("YBR_FULL_422"), &[76, 80, 85, 255])[..3], from_ybr[..3]);
    assert_eq!(rgb(Maker::image(EXPLICIT, "RGB", [1, 1], [16, 12]), &[0xff, 0x0f, 0, 8, 0, 0]), [255, 128, 0]);
}

#[test]
fn palettes() {
    let file = |first: u16, bits, tables: [&[u16]; 3]| {
        let mut maker = Maker::image(EXPLICIT, "PALETTE COLOR", [4, 1], [8, 8]);
        for descriptor in [0x0028_1101, 0x0028_1102, 0x0028_1103] {
            maker = maker.numbers(descriptor, "US", &[3, first, bits]);
        }
        for (data, table) in [0x0028_1201, 0x0028_1202, 0x0028_1203].into_iter().zip(tables) {
            maker = maker.numbers(data, "OW", table);
        }
        maker.bytes(&[0, 10, 11, 99])
    };
    let words: [&[u16]; 3] = [&[0x0100, 0x0200, 0x0300], &[0x1100, 0x1200, 0x1300], &[0x2100, 0x2200, 0x2300]];
    let expected = [1, 0x11, 0x21, 1, 0x11, 0x21, 2, 0x12, 0x22, 3, 0x13, 0x23];
    assert_eq!(values(&load(&file(10, 16, words))), expected);
    let bytes: [&[u16]; 3] = [&[0x0201, 0x0003], &[0x1211, 0x0013], &[0x2221, 0x0023]];
    assert_eq!(values(&load(&file(10, 8, bytes))), expected);
    let error = refusal(&file(10, 16, [&[1, 2], &[1, 2], &[1, 2]]));
    assert!(error.message().contains("4 bytes, too few for 3 entries"), "{error}");
}

#[test]
fn rle_planes_and_words() {
    let segment = |segments: &[&[u8]]| {
        let mut frame = (segments.len() as u32).to_le_bytes().to_vec();
        let mut start = 64;
        for segment in segments {
            frame.extend((start as u32).to_le_bytes());
            start += segment.len();
        }
        frame.resize(64, 0);
        [frame, segments.concat()].concat()
    };
    let image = |photometric, bits| Maker::image(RLE, photometric, [4, 1], bits).text(0x0028_0008, "IS", "2");
    let words = segment(&[&[0xfd, 1], &[3, 1, 2, 3, 4]]);
    let other = segment(&[&[0xfd, 0], &[0xfd, 9]]);
    let file = image("MONOCHROME2", [16, 16]).fragments(&[], &[&words, &other]);
    assert_eq!(values(&load(&file)), [257, 258, 259, 260]);
    assert_eq!(values(&load_frame(&file, 1).unwrap()), [9; 4]);
    let colours = segment(&[&[0xfd, 1], &[0xfd, 2], &[0xfd, 3]]);
    let file = image("RGB", [8, 8]).fragments(&[0, 8 + colours.len() as u32], &[&colours, &colours]);
    assert_eq!(values(&load_frame(&file, 1).unwrap()), [1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3]);
}

fn jpeg(gray: u8) -> Vec<u8> {
    let mut coded = Vec::new();
    let encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut coded, 95);
    image::ImageEncoder::write_image(encoder, &[gray; 16 * 8], 16, 8, image::ExtendedColorType::L8).unwrap();
    coded
}

#[test]
fn frames_with_and_without_offset_table() {
    let (one, other) = (jpeg(50), jpeg(200));
    let (front, back) = one.split_at(one.len() / 2);
    let image = || Maker::image(JPEG, "MONOCHROME2", [16, 8], [8, 8]).text(0x0028_0008, "IS", "2");
    let second = (one.len() + 16) as u32;
    for file in [
        image().fragments(&[0, second], &[front, back, &other]),
        image().fragments(&[], &[front, back, &other]),
        image().fragments(&[], &[&one, &other]),
    ] {
        for (frame, gray) in [(0, 50), (1, 200)] {
            let decoded = load_frame(&file, frame).unwrap();
            assert!(values(&decoded).iter().all(|value| (value - gray).abs() <= 1), "{frame}");
        }
        let error = load_frame(&file, 2).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Argument);
        assert!(error.message().contains("2 frame(s), 0 to 1"), "{error}");
    }
    let lost = refusal(&image().fragments(&[], &[&one]));
    assert!(lost.message().contains("1 fragment(s) for 2 frames"), "{lost}");
    let wrong = refusal(&Maker::image(JPEG, "MONOCHROME2", [8, 8], [8, 8]).fragments(&[], &[&one]));
    assert!(wrong.message().contains("16 x 8") && wrong.message().contains("8 x 8 of 1"), "{wrong}");
}

fn golden() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/dicom.json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn jpeg2000() -> Vec<u8> {
    let golden = golden();
    let digits = golden["jpeg2000"].as_str().unwrap().as_bytes();
    digits.chunks(2).map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

#[test]
fn jpeg2000_of_12_bits() {
    let file = Maker::image(JPEG2000, "MONOCHROME2", [48, 40], [16, 12]).fragments(&[], &[&jpeg2000()]);
    assert_eq!(values(&load(&file)), (0..1920).map(|index| index * 2).collect::<Vec<i64>>());
}

#[test]
fn undecodable_files() {
    let gray = |syntax| Maker::image(syntax, "MONOCHROME2", [2, 1], [8, 8]);
    for (syntax, name) in [
        ("1.2.840.10008.1.2.4.92", "JPEG 2000 Part 2"),
        ("1.2.840.10008.1.2.4.102", "MPEG-4"),
        ("1.2.3.4", "not known"),
    ] {
        let error = refusal(&gray(syntax).bytes(&[1, 2]));
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
        for sign in [syntax, name, "convert it to Explicit VR Little Endian"] {
            assert!(error.message().contains(sign), "{error}");
        }
    }
    let no_table = || Maker::new(EXPLICIT).text(0x0028_3004, "LO", "OD");
    let no_size =
        Maker::new(EXPLICIT).number(0x0028_0002, 1).text(0x0028_0004, "CS", "MONOCHROME2").number(0x0028_0010, 1);
    for (file, sign) in [
        (Maker::image(EXPLICIT, "MONOCHROME2", [8, 1], [12, 12]).bytes(&[1, 0]), "Bits Allocated is 12"),
        (Maker::image(EXPLICIT, "MONOCHROME2", [8, 0], [8, 8]).bytes(&[1, 0]), "Rows is 0"),
        (Maker::image(EXPLICIT, "MONOCHROME2", [2, 1], [8, 9]).bytes(&[1, 0]), "Bits Stored is 9"),
        (Maker::image(EXPLICIT, "CMYK", [2, 1], [8, 8]).bytes(&[1, 0]), "CMYK"),
        (
            gray(EXPLICIT).sequence(0x0028_3000, vec![no_table()]).bytes(&[1, 2]),
            "a lookup table has no LUT Descriptor (0028,3002)",
        ),
        (gray(EXPLICIT).text(0x0028_1053, "DS", "0").bytes(&[1, 2]), "Rescale Slope is 0"),
        (gray(EXPLICIT).text(0x0028_0008, "IS", "9").bytes(&[1, 2]), "2 bytes, but 9 frame(s) of 2 x 1 pixels need 18"),
        (gray(EXPLICIT).number(0x0028_0002, 3).bytes(&[1, 2]), "Samples per Pixel is 3"),
        (gray(EXPLICIT).file(), "no pixel data"),
        (gray(EXPLICIT).fragments(&[], &[&[1, 2]]), "in fragments"),
        (gray(RLE).bytes(&[1, 2]), "not in fragments"),
        (no_size.bytes(&[1, 2]), "no Columns (0028,0011)"),
    ] {
        let error = refusal(&file);
        assert!(error.message().contains(sign) && error.message().contains("no name: "), "{error}");
    }
}

#[test]
fn dicom_without_preamble() {
    let file = Maker::image(EXPLICIT, "MONOCHROME2", [2, 1], [8, 8]).bytes(&[1, 2]);
    assert_eq!(values(&load(&file[132..])), [1, 2]);
    for syntax in [EXPLICIT, IMPLICIT] {
        let mut maker = Maker::new(syntax).text(0x0008_0008, "CS", "DERIVED");
        maker.body.extend(Maker::image(syntax, "MONOCHROME2", [2, 1], [8, 8]).body);
        assert_eq!(values(&load(&maker.element(0x7fe0_0010, "OB", &[3, 4]).body)), [3, 4]);
    }
}

#[test]
fn random_damage() {
    let rle = [&[1, 0, 0, 0, 64, 0, 0, 0][..], &[0; 56], &[0xfd, 7]].concat();
    let colour = Maker::image(EXPLICIT, "YBR_FULL_422", [2, 1], [8, 8]).bytes(&[76, 80, 85, 255]);
    let lut = Maker::new(EXPLICIT).numbers(0x0028_3002, "US", &[2, 0, 8]).numbers(0x0028_3006, "OW", &[0, 255]);
    let voi = Maker::new(EXPLICIT).sequence(0x0028_3010, vec![lut]);
    let group = Maker::new(EXPLICIT).sequence(0x0028_9132, vec![voi]);
    let groups = Maker::image(EXPLICIT, "MONOCHROME2", [2, 1], [16, 12]).sequence(0x5200_9229, vec![group]);
    let files = [
        colour,
        groups.words(&[0, 1]),
        Maker::image(IMPLICIT, "MONOCHROME2", [9, 1], [1, 1]).bytes(&[0xff, 1]),
        Maker::image(BIG_ENDIAN, "MONOCHROME2", [1, 1], [32, 20]).element(0x7fe0_0010, "OW", &[1, 2, 3, 4]).file(),
        Maker::image(DEFLATED, "MONOCHROME2", [2, 1], [16, 12]).words(&[1, 2]),
        Maker::image(RLE, "MONOCHROME2", [4, 1], [8, 8]).fragments(&[], &[&rle]),
        Maker::image(JPEG, "MONOCHROME2", [16, 8], [8, 8]).fragments(&[], &[&jpeg(9)]),
        Maker::image(JPEG2000, "MONOCHROME2", [48, 40], [16, 12]).fragments(&[0], &[&jpeg2000()]),
    ];
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("broken");
    let attempt = |file: &[u8]| {
        std::fs::write(&path, file).unwrap();
        ImageFile::load(&path, 0)
    };
    let mut state = 1u64;
    let mut random = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    for file in &files {
        attempt(file).unwrap();
        // The delimiter at the end may be missing.
        for end in (0..file.len() - 12).step_by(3) {
            assert!(attempt(&file[..end]).is_err(), "{end} of {}", file.len());
        }
        for _ in 0..400 {
            let mut broken = file.clone();
            for _ in 0..1 + random(3) {
                let index = 132 + random(file.len() - 132);
                broken[index] = [0, 0xff, 0x7f, random(256) as u8][random(4)];
            }
            let _ = (attempt(&broken), FileInfo::read(&path), jpeg_frame(&path, 0));
        }
    }
}

/// A directory of `../shared` beside the checkout; where there is none, `tests` are left out.
fn shared(directory: &str, tests: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared").join(directory);
    if !path.is_dir() {
        left_out(&format!("{tests} (no ../shared/{directory})"));
        return None;
    }
    Some(path)
}

fn real_files() -> Option<PathBuf> {
    shared("data/dicom", "tests on real DICOM files")
}

#[test]
fn real_files_against_pydicom() {
    let Some(directory) = real_files() else {
        return;
    };
    let golden = golden();
    for (name, file) in golden["files"].as_object().unwrap() {
        // Inverse cosine transforms may differ by one.
        let tolerance = i64::from(name.contains("jpeg"));
        for expected in file["decoded"].as_array().unwrap() {
            let decoded = ImageFile::load(&directory.join(name), expected["frame"].as_u64().unwrap() as u32).unwrap();
            assert_eq!(u64::from(decoded.frames()), file["frames"].as_u64().unwrap(), "{name}");
            let shape = expected["shape"].as_array().unwrap();
            assert_eq!(decoded.view().height() as u64, shape[0].as_u64().unwrap(), "{name}");
            assert_eq!(decoded.view().width() as u64, shape[1].as_u64().unwrap(), "{name}");
            let values = values(&decoded);
            let sum = expected["sum"].as_i64().unwrap();
            let difference = (values.iter().sum::<i64>() - sum).unsigned_abs();
            assert!(difference as f64 <= values.len() as f64 * tolerance as f64 / 20.0, "{name}: {difference}");
            for sample in expected["samples"].as_array().unwrap() {
                let (index, value) = (sample[0].as_u64().unwrap() as usize, sample[1].as_i64().unwrap());
                assert!((values[index] - value).abs() <= tolerance, "{name} at {index}: {} {value}", values[index]);
            }
            decoded.view().to_raster().unwrap();
        }
    }
}

#[test]
fn real_truncated_file() {
    let Some(directory) = real_files() else {
        return;
    };
    let error = ImageFile::load(&directory.join("mr-truncated-on-purpose.dcm"), 0).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Format);
    assert!(error.message().contains("8192 bytes, but only 8130"), "{error}");
}
