//! Frames in code streams of other encoders, in `tests/golden/codecs.json` (with what other decoders give), and cases in
//! `../shared/cases` beside the checkout.

use crate::maker::Maker;
use crate::{load, refusal, shared, values};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lens_base::ErrorKind;
use lens_images::{FileInfo, ImageFile, PixelFormat};
use serde_json::Value;
use std::io::Write;
use std::path::{Path, PathBuf};

const JPEG: &str = "1.2.840.10008.1.2.4.51";
const JPEG_PROGRESSIVE: &str = "1.2.840.10008.1.2.4.55";
const JPEG_ARITHMETIC: &str = "1.2.840.10008.1.2.4.52";
const JPEG_LOSSLESS: &str = "1.2.840.10008.1.2.4.57";
const JPEG_LS: &str = "1.2.840.10008.1.2.4.80";
const JPEG2000: &str = "1.2.840.10008.1.2.4.90";
const HTJ2K: &str = "1.2.840.10008.1.2.4.201";
const JPEG_XL: &str = "1.2.840.10008.1.2.4.110";
const DEFLATED_FRAMES: &str = "1.2.840.10008.1.2.8.1";
const ENCAPSULATED: &str = "1.2.840.10008.1.2.1.98";
const SIDES: [u16; 2] = [20, 12];

/// A code stream and its samples.
fn golden(codec: &str, name: &str) -> (Vec<u8>, Vec<i64>) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/codecs.json");
    let entries: Vec<Value> = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let entry = entries.iter().find(|entry| entry["codec"] == codec && entry["name"] == name).unwrap();
    let bytes = |key: &str| STANDARD.decode(entry[key].as_str().unwrap()).unwrap();
    let is_signed = entry["signed"].as_bool().unwrap();
    let value = |word: &[u8; 2]| match is_signed {
        true => i16::from_le_bytes(*word).into(),
        false => u16::from_le_bytes(*word).into(),
    };
    (bytes("stream"), bytes("samples").as_chunks::<2>().0.iter().map(value).collect())
}

fn gray(syntax: &'static str, bits: [u16; 2], signed: bool, stream: &[u8]) -> Vec<u8> {
    let image = Maker::image(syntax, "MONOCHROME2", SIDES, bits).number(0x0028_0103, signed.into());
    image.fragments(&[], &[stream])
}

fn coloured(syntax: &'static str, photometric: &str, stream: &[u8]) -> Vec<u8> {
    Maker::image(syntax, photometric, SIDES, [8, 8]).fragments(&[], &[stream])
}

fn difference(one: &[i64], other: &[i64]) -> i64 {
    assert_eq!(one.len(), other.len());
    one.iter().zip(other).map(|(one, other)| (one - other).abs()).max().unwrap()
}

#[test]
fn gray_frames_of_every_coding() {
    for (syntax, codec, name, bits, tolerance) in [
        (JPEG, "jpeg", "baseline gray", [8, 8], 0),
        (JPEG, "jpeg", "12 bits", [16, 12], 1),
        (JPEG_PROGRESSIVE, "jpeg", "12 bits, progressive", [16, 12], 1),
        (JPEG_ARITHMETIC, "jpeg", "arithmetic and progressive", [8, 8], 0),
        (JPEG_LOSSLESS, "jpeg", "lossless, 2 bits, predictor 4", [8, 2], 0),
        (JPEG_LOSSLESS, "jpeg", "lossless, 12 bits, predictor 7", [16, 12], 0),
        (JPEG_LOSSLESS, "jpeg", "lossless, 16 bits, predictor 1", [16, 16], 0),
        (JPEG_LOSSLESS, "jpeg", "lossless, point transform 2", [16, 12], 0),
        (JPEG_LS, "jpeg-ls", "2 bits", [8, 2], 0),
        (JPEG_LS, "jpeg-ls", "12 bits, near 3", [16, 12], 0),
        (JPEG_LS, "jpeg-ls", "16 bits", [16, 16], 0),
        (JPEG2000, "jpeg-2000", "8 bits", [8, 8], 0),
        (HTJ2K, "jpeg-2000", "high throughput, 16 bits", [16, 16], 0),
        (JPEG_XL, "jpeg-xl", "8 bits", [8, 8], 0),
        (JPEG_XL, "jpeg-xl", "12 bits", [16, 12], 0),
        (JPEG_XL, "jpeg-xl", "16 bits", [16, 16], 0),
    ] {
        let (stream, expected) = golden(codec, name);
        let decoded = values(&load(&gray(syntax, bits, false, &stream)));
        assert!(difference(&decoded, &expected) <= tolerance, "{codec} {name}");
    }
}

/// As pydicom has it.
#[test]
fn signs_that_stream_and_header_do_not_agree_on() {
    let extended = |samples: &[i64]| -> Vec<i64> {
        samples.iter().map(|sample| if *sample < 2048 { *sample } else { sample - 4096 }).collect()
    };
    for (syntax, codec) in [(JPEG2000, "jpeg-2000"), (JPEG_LS, "jpeg-ls")] {
        let (stream, samples) = golden(codec, "12 bits");
        for stored in [12, 16] {
            assert_eq!(values(&load(&gray(syntax, [16, stored], true, &stream))), extended(&samples), "{codec}");
        }
    }
    let (stream, samples) = golden("jpeg-2000", "12 bits, signed");
    for stored in [12, 16] {
        assert_eq!(values(&load(&gray(JPEG2000, [16, stored], true, &stream))), samples);
        let unsigned: Vec<i64> = samples.iter().map(|sample| sample & 4095).collect();
        assert_eq!(values(&load(&gray(JPEG2000, [16, stored], false, &stream))), unsigned);
    }
}

#[test]
fn lossy_values_beyond_the_bits_stored() {
    let (stream, samples) = golden("jpeg", "12 bits");
    let clipped: Vec<i64> = samples.iter().map(|sample| (*sample).min(1023)).collect();
    assert!(clipped != samples);
    let decoded = values(&load(&gray(JPEG, [16, 10], false, &stream)));
    assert!(difference(&decoded, &clipped) <= 1);
}

#[test]
fn stored_bits_of_lossy_values_end_at_the_high_bit() {
    let (stream, samples) = golden("jpeg", "12 bits");
    let image = Maker::image(JPEG, "MONOCHROME2", SIDES, [16, 11]).number(0x0028_0102, 11);
    let expected: Vec<i64> = samples.iter().map(|sample| sample >> 1).collect();
    assert!(difference(&values(&load(&image.fragments(&[], &[&stream]))), &expected) <= 1);
}

#[test]
fn colours_of_every_coding() {
    for (syntax, codec, name, photometric, tolerance) in [
        // DICOM's matrix and libjpeg's are rounded differently.
        (JPEG, "jpeg", "baseline 4:2:2", "YBR_FULL_422", 1),
        (JPEG, "jpeg", "baseline 4:2:2", "YBR_FULL", 1),
        // JFIF and names of components count more.
        (JPEG, "jpeg", "baseline 4:2:2", "RGB", 1),
        (JPEG, "jpeg", "baseline RGB", "YBR_FULL", 0),
        (JPEG, "jpeg", "baseline RGB", "RGB", 0),
        (JPEG, "jpeg", "baseline 4:2:0 in three scans", "YBR_FULL_422", 1),
        (JPEG_LOSSLESS, "jpeg", "lossless RGB", "RGB", 0),
        (JPEG_LS, "jpeg-ls", "colours, interleave mode 0", "RGB", 0),
        (JPEG_LS, "jpeg-ls", "colours, interleave mode 1", "RGB", 0),
        (JPEG_LS, "jpeg-ls", "colours, interleave mode 2", "RGB", 0),
        (JPEG2000, "jpeg-2000", "colours, in a file", "YBR_RCT", 0),
        (JPEG2000, "jpeg-2000", "colours, lossy", "YBR_ICT", 1),
        (JPEG_XL, "jpeg-xl", "colours", "RGB", 0),
        (JPEG_XL, "jpeg-xl", "colours, lossy", "XYB", 1),
        (JPEG_XL, "jpeg-xl", "colours", "YBR_FULL", 0),
    ] {
        let (stream, expected) = golden(codec, name);
        let decoded = values(&load(&coloured(syntax, photometric, &stream)));
        let difference = difference(&decoded, &expected);
        assert!(difference <= tolerance, "{codec} {name} as {photometric}: {difference}");
    }
}

#[test]
fn adobe_markers_count_more_than_the_photometric_interpretation() {
    let (stream, _) = golden("jpeg", "baseline 4:2:2");
    // JFIF's segment, of 16 bytes and a marker, gives way to Adobe's.
    let with_adobe = |transform| {
        assert_eq!(stream[2..4], [0xff, 0xe0]);
        let adobe = [0xff, 0xee, 0, 14, b'A', b'd', b'o', b'b', b'e', 0, 100, 0, 0, 0, 0, transform];
        [&stream[..2], &adobe, &stream[20..]].concat()
    };
    let (rgb, ybr) = (with_adobe(0), with_adobe(1));
    let decoded = |photometric, stream: &[u8]| values(&load(&coloured(JPEG, photometric, stream)));
    assert_eq!(decoded("RGB", &rgb), decoded("YBR_FULL", &rgb));
    assert_eq!(decoded("RGB", &ybr), decoded("YBR_FULL", &ybr));
    assert_ne!(decoded("RGB", &rgb), decoded("RGB", &ybr));
    let without = [&stream[..2], &stream[20..]].concat();
    assert_eq!(decoded("RGB", &without), decoded("RGB", &rgb));
    assert_eq!(decoded("YBR_FULL", &without), decoded("YBR_FULL", &ybr));
}

#[test]
fn frames_that_are_deflated_or_as_they_are() {
    let deflated = |bytes: &[u8]| {
        let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let image = |syntax, bits| Maker::image(syntax, "MONOCHROME2", [3, 1], bits);
    let words = deflated(&[1, 2, 3, 4, 5, 6]);
    // Padding does not count.
    let file = image(DEFLATED_FRAMES, [16, 16]).fragments(&[], &[&words, &[0]]);
    assert_eq!(values(&load(&file)), [0x201, 0x403, 0x605]);
    let long = [0; 7];
    for (bytes, said) in [(&[1, 2, 3][..], "3 of 6 bytes"), (&[], "0 of 6 bytes"), (&long, "larger than 6 bytes")] {
        let error = refusal(&image(DEFLATED_FRAMES, [16, 16]).fragments(&[], &[&deflated(bytes)]));
        assert!(error.message().contains(said), "{error}");
    }
    let broken = refusal(&image(DEFLATED_FRAMES, [16, 16]).fragments(&[], &[&words[..words.len() - 3]]));
    assert_eq!(broken.kind(), ErrorKind::Format, "{broken}");
    // A block of fixed codes that repeats 3 bytes from 1 byte before its first.
    let before_begin = refusal(&image(DEFLATED_FRAMES, [16, 16]).fragments(&[], &[&[0x03, 0x02, 0x00, 0x00]]));
    assert!(before_begin.message().contains("no deflated stream"), "{before_begin}");
    assert_eq!(values(&load(&image(ENCAPSULATED, [8, 8]).fragments(&[], &[&[7, 8, 9, 0]]))), [7, 8, 9]);
    let long = refusal(&image(ENCAPSULATED, [8, 8]).fragments(&[], &[&[7, 8, 9, 0, 0]]));
    assert!(long.message().contains("5 samples, not 3"), "{long}");
}

#[test]
fn frames_in_several_fragments_without_offset_table() {
    for (syntax, codec) in [(JPEG_LS, "jpeg-ls"), (JPEG_XL, "jpeg-xl"), (JPEG2000, "jpeg-2000")] {
        let (stream, expected) = golden(codec, "8 bits");
        let (front, back) = stream.split_at(stream.len() / 2);
        let file = Maker::image(syntax, "MONOCHROME2", SIDES, [8, 8])
            .text(0x0028_0008, "IS", "2")
            .fragments(&[], &[front, back, &stream]);
        for frame in 0..2 {
            assert_eq!(values(&crate::load_frame(&file, frame).unwrap()), expected, "{codec} {frame}");
        }
    }
}

#[test]
fn streams_of_other_sizes_than_the_header_says() {
    for (syntax, codec) in [(JPEG_LS, "jpeg-ls"), (JPEG_XL, "jpeg-xl"), (JPEG2000, "jpeg-2000")] {
        let (stream, _) = golden(codec, "8 bits");
        let error = refusal(&Maker::image(syntax, "MONOCHROME2", [8, 8], [8, 8]).fragments(&[], &[&stream]));
        assert!(error.message().contains("20 x 12 pixels of 1 component(s)"), "{codec}: {error}");
    }
}

fn picture(stream: &[u8]) -> ImageFile {
    load(stream)
}

#[test]
fn pictures_of_every_kind_of_jpeg() {
    for (name, format) in [
        ("baseline gray", PixelFormat::Gray8),
        ("baseline 4:2:0 in three scans", PixelFormat::Rgb8),
        ("baseline RGB", PixelFormat::Rgb8),
        ("progressive 4:2:0", PixelFormat::Rgb8),
        ("arithmetic", PixelFormat::Rgb8),
        ("lossless RGB", PixelFormat::Rgb8),
        ("12 bits", PixelFormat::Gray16),
        ("lossless, 2 bits, predictor 1", PixelFormat::Gray16),
        ("lossless, 16 bits, predictor 7", PixelFormat::Gray16),
    ] {
        let (stream, expected) = golden("jpeg", name);
        let decoded = picture(&stream);
        assert_eq!(decoded.view().format(), format, "{name}");
        assert!(difference(&values(&decoded), &expected) <= i64::from(name == "12 bits"), "{name}");
    }
    let (stream, samples) = golden("jpeg", "lossless, 2 bits, predictor 1");
    let seen = picture(&stream).view().to_raster().unwrap().samples().to_vec();
    assert!(seen.iter().zip(&samples).all(|(seen, sample)| (seen - *sample as f32 / 3.0).abs() < 1e-6));
}

#[test]
fn pictures_that_are_cut_short() {
    let (stream, _) = golden("jpeg", "baseline 4:2:0 in three scans");
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("half.jpg");
    std::fs::write(&path, &stream[..stream.len() * 6 / 10]).unwrap();
    let error = ImageFile::load(&path, 0).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Format);
    // Their header is whole.
    assert_eq!(FileInfo::read(&path).unwrap().width, 20);
    std::fs::write(&path, &stream[..40]).unwrap();
    assert_eq!(FileInfo::read(&path).unwrap_err().kind(), ErrorKind::Format);
}

fn cases() -> Option<PathBuf> {
    shared("cases", "tests on code streams that other readers got wrong")
}

/// The bytes of an array of 8 bits of NumPy's.
fn expected(path: &Path) -> Vec<u8> {
    let bytes = std::fs::read(path).unwrap();
    let header = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let (header, values) = bytes[10..].split_at(header);
    let header = str::from_utf8(header).unwrap();
    assert!(header.contains("'|u1'") && header.contains("'fortran_order': False"), "{header}");
    values.to_vec()
}

#[test]
fn code_streams_that_other_readers_got_wrong() {
    let Some(directory) = cases() else {
        return;
    };
    for name in ["jpeg_baseline_420_3_scans.jpg", "lossless_point_transform_1.dcm", "j2k_unsigned14_named_signed16.dcm"]
    {
        let image = ImageFile::load(&directory.join(name), 0).unwrap();
        let expected = expected(&directory.join(format!("{name}.expected.npy")));
        let raster = image.view().to_raster().unwrap();
        assert_eq!(raster.samples().len(), expected.len(), "{name}");
        let differences = raster.samples().iter().zip(&expected);
        let worst = differences.map(|(seen, expected)| (seen * 255.0 - f32::from(*expected)).abs()).fold(0.0, f32::max);
        // Those are whole numbers, which were rounded.
        assert!(worst < 1.001, "{name}: {worst}");
    }
    let error = ImageFile::load(&directory.join("jpeg_truncated.jpg"), 0).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Format, "{error}");
}
