//! Kinds of pixel data besides 8 and 16 bits.

use super::maker::{BIG_ENDIAN, EXPLICIT, IMPLICIT, Maker, RLE};
use super::{load, load_frame, refusal, seen, values};
use lens_base::ErrorKind;
use lens_images::PixelFormat;

#[test]
fn single_bits() {
    // Frames of 5 bits follow each other without gaps, the lowest bit of a byte first: 10110, 01011, 10001.
    let frames = |syntax| Maker::image(syntax, "MONOCHROME2", [5, 1], [1, 1]).text(0x0028_0008, "IS", "3");
    let expected = [[1, 0, 1, 1, 0], [0, 1, 0, 1, 1], [1, 0, 0, 0, 1]];
    let words = |syntax| frames(syntax).numbers(0x7fe0_0010, "OW", &[0x474d]).file();
    for file in [frames(EXPLICIT).bytes(&[0x4d, 0x47]), words(IMPLICIT), words(BIG_ENDIAN)] {
        for (frame, expected) in expected.iter().enumerate() {
            let decoded = load_frame(&file, frame as u32).unwrap();
            assert_eq!(seen(&decoded), expected.map(|bit| bit as f32), "{frame}");
        }
    }
    let error = refusal(&frames(EXPLICIT).bytes(&[1]));
    assert!(error.message().contains("1 bytes, but 3 frame(s) of 5 x 1 pixels need 2"), "{error}");
    // Run length coding is of bytes of 8 bits each.
    let rle = [&[1, 0, 0, 0, 64, 0, 0, 0][..], &[0; 56], &[1, 0x0d, 0x01]].concat();
    let file = Maker::image(RLE, "MONOCHROME2", [9, 1], [1, 1]).fragments(&[], &[&rle]);
    assert_eq!(seen(&load(&file)), [1.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0]);
}

fn deep(syntax: &'static str, bits: u16, signed: u16, pixels: &[u32]) -> Maker {
    let bytes: Vec<u8> = match syntax {
        BIG_ENDIAN => pixels.iter().flat_map(|pixel| pixel.to_be_bytes()).collect(),
        _ => pixels.iter().flat_map(|pixel| pixel.to_le_bytes()).collect(),
    };
    Maker::image(syntax, "MONOCHROME2", [pixels.len() as u16, 1], [32, bits])
        .number(0x0028_0103, signed)
        .text(0x0028_1050, "DS", "2000000000.5")
        .text(0x0028_1051, "DS", "5")
        .element(0x7fe0_0010, "OW", &bytes)
}

#[test]
fn integers_of_32_bits() {
    // A window that a float of 2,000,000,000 could not tell apart.
    let pixels = [1_999_999_998, 1_999_999_999, 2_000_000_000, 2_000_000_001, 2_000_000_002];
    for syntax in [IMPLICIT, EXPLICIT, BIG_ENDIAN] {
        let decoded = load(&deep(syntax, 32, 0, &pixels).file());
        assert_eq!(decoded.view().format(), PixelFormat::GrayF32);
        assert_eq!(seen(&decoded), [0.0, 0.25, 0.5, 0.75, 1.0], "{syntax}");
    }
    let signed = Maker::image(EXPLICIT, "MONOCHROME2", [3, 1], [32, 20]).number(0x0028_0103, 1);
    let pixels: Vec<u8> = [0x8_0000u32, 0xfff0_0000, 0x7_ffff].iter().flat_map(|pixel| pixel.to_le_bytes()).collect();
    let decoded = load(&signed.element(0x7fe0_0010, "OW", &pixels).file());
    // -524288, 0 and 524287.
    assert_eq!(seen(&decoded), [0.0, (524_288.0f64 / 1_048_575.0) as f32, 1.0]);
    let colours: Vec<u8> =
        [0xff00_0000u32, 0x8000_0000, 0x0100_0000].iter().flat_map(|pixel| pixel.to_le_bytes()).collect();
    let rgb = Maker::image(EXPLICIT, "RGB", [1, 1], [32, 32]).element(0x7fe0_0010, "OW", &colours).file();
    assert_eq!(values(&load(&rgb)), [255, 128, 1]);
}

/// An image of floats, as far as its pixels.
fn image(columns: usize, bits: u16) -> Maker {
    Maker::new(EXPLICIT)
        .number(0x0028_0002, 1)
        .text(0x0028_0004, "CS", "MONOCHROME2")
        .number(0x0028_0010, 1)
        .number(0x0028_0011, columns as u16)
        .number(0x0028_0100, bits)
}

fn floats(image: Maker, values: &[f32]) -> Vec<u8> {
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    image.element(0x7fe0_0008, "OF", &bytes).file()
}

fn doubles(image: Maker, values: &[f64]) -> Vec<u8> {
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    image.element(0x7fe0_0009, "OD", &bytes).file()
}

#[test]
fn float_pixel_data() {
    let whole = load(&floats(image(3, 32), &[-3.0, 1.0, 5.0]));
    assert_eq!((whole.view().format(), seen(&whole)), (PixelFormat::GrayF32, vec![0.0, 0.5, 1.0]));
    // LINEAR: from half a unit below the center, over 4.
    let windowed = |bits| image(3, bits).text(0x0028_1050, "DS", "1").text(0x0028_1051, "DS", "5");
    assert_eq!(seen(&load(&floats(windowed(32), &[-1.5, 0.5, 2.5]))), [0.0, 0.5, 1.0]);
    assert_eq!(seen(&load(&doubles(windowed(64), &[-1.5, 0.5, 2.5]))), [0.0, 0.5, 1.0]);
    // Values that 32 bits cannot tell apart.
    let near = [1e12 + 0.25, 1e12 + 0.5, 1e12 + 0.75];
    assert_eq!(seen(&load(&doubles(image(3, 64), &near))), [0.0, 0.5, 1.0]);
    for (file, said) in [
        (floats(image(2, 32), &[1.0, f32::NAN]), "it has the value NaN, which is no padding"),
        (doubles(image(2, 64), &[1.0, f64::INFINITY]), "it has the value inf, which is no padding"),
        (doubles(image(3, 64), &[-1e300, 0.5, 1e300]), "which is beyond what this library shows"),
        (floats(image(1, 64), &[1.0, 2.0]), "Bits Allocated is 64; this library decodes 32 with Float"),
    ] {
        let error = refusal(&file);
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
        assert!(error.message().contains(said), "{error}");
    }
}

#[test]
fn padding_of_floats() {
    for padding in [f32::NAN, -1000.0, f32::MAX] {
        let padded = image(4, 32).element(0x0028_0122, "FL", &padding.to_le_bytes());
        let seen = seen(&load(&floats(padded, &[1.0, 2.0, 3.0, padding])));
        assert_eq!(seen[..3], [0.0, 0.5, 1.0], "{padding}");
    }
}

#[test]
fn contradictory_lengths_of_colours() {
    // Named for one colour for two pixels, but with one for each.
    let full = Maker::image(EXPLICIT, "YBR_FULL_422", [2, 1], [8, 8]).bytes(&[76, 85, 255, 80, 128, 128]);
    let named = Maker::image(EXPLICIT, "YBR_FULL", [2, 1], [8, 8]).bytes(&[76, 85, 255, 80, 128, 128]);
    assert_eq!(values(&load(&full)), values(&load(&named)));
    let planes = Maker::image(EXPLICIT, "YBR_FULL_422", [2, 1], [8, 8]).number(0x0028_0006, 1);
    assert_eq!(values(&load(&planes.bytes(&[76, 80, 85, 128, 255, 128]))), values(&load(&named)));
}

#[test]
fn overlay_bits_above_the_stored_ones() {
    let file = |signed| {
        Maker::image(EXPLICIT, "MONOCHROME2", [2, 1], [16, 12]).number(0x0028_0103, signed).words(&[0x1fff, 0xf800])
    };
    assert_eq!(values(&load(&file(0))), [4095, 2048]);
    assert_eq!(values(&load(&file(1))), [-1, -2048]);
}

#[test]
fn palettes_in_segments() {
    let file = |bits: u16, entries: u16, segments: &[u16]| {
        let mut maker = Maker::image(EXPLICIT, "PALETTE COLOR", [8, 1], [8, 8]);
        for descriptor in [0x0028_1101, 0x0028_1102, 0x0028_1103] {
            maker = maker.numbers(descriptor, "US", &[entries, 0, bits]);
        }
        for data in [0x0028_1221, 0x0028_1222, 0x0028_1223] {
            maker = maker.numbers(data, "OW", segments);
        }
        maker.bytes(&[0, 1, 2, 3, 4, 5, 6, 7])
    };
    let red = |file: &[u8]| values(&load(file)).into_iter().step_by(3).collect::<Vec<_>>();
    // Two entries, four more on the way to 0xa000, and the first two again, from byte 0.
    let words = [0, 2, 0x0100, 0x2000, 1, 4, 0xa000, 2, 1, 0, 0];
    assert_eq!(red(&file(16, 8, &words)), [0x01, 0x20, 0x40, 0x60, 0x80, 0xa0, 0x01, 0x20]);
    // The same in bytes: 0 2 1 32, 1 4 160, 2 1 0 0 0 0.
    let bytes = [0x0200, 0x2001, 0x0401, 0x02a0, 0x0001, 0x0000, 0x0000];
    assert_eq!(red(&file(8, 8, &bytes)), [1, 32, 64, 96, 128, 160, 1, 32]);
    for segments in [&[0, 2, 1][..], &[1, 4, 9], &[3, 1, 9], &[0, 0, 0], &[0, 1, 1, 2, 0xffff, 0, 0], &[0, 2, 1, 1]] {
        let error = refusal(&file(16, 8, segments));
        assert!(error.message().contains("its segments give"), "{error}");
    }
}
