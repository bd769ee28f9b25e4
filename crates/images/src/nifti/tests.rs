use crate::{Display, FileInfo, ImageFile, PixelFormat, ReadOptions};
use base64::Engine;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use lens_base::{Error, ErrorKind, Result};
use serde_json::Value;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

const STORED: ReadOptions = ReadOptions { display: Display::Viewer, window: 0, apply_orientation: false };

struct Kept {
    _directory: tempfile::TempDir,
    path: PathBuf,
}

fn keep(content: &[u8]) -> Kept {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("no name");
    std::fs::write(&path, content).unwrap();
    Kept { _directory: directory, path }
}

fn load(content: &[u8], frame: u32) -> Result<ImageFile> {
    ImageFile::load(&keep(content).path, frame)
}

fn refusal(content: &[u8]) -> Error {
    let kept = keep(content);
    let error = ImageFile::load(&kept.path, 0).unwrap_err();
    assert!(error.message().starts_with(kept.path.to_str().unwrap()), "{error}");
    error
}

fn compressed(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// Values after scaling, as rows; of colours, red, green and blue.
fn rows(image: &ImageFile) -> Vec<Vec<f64>> {
    let view = image.view();
    let windowing = view.windowing();
    let rescaled = |stored: f64| stored * windowing.slope + windowing.intercept;
    let row = |row: &[u8]| -> Vec<f64> {
        match view.format() {
            PixelFormat::Gray16 => {
                row.as_chunks().0.iter().map(|word| rescaled(u16::from_ne_bytes(*word).into())).collect()
            }
            PixelFormat::GrayS16 => {
                row.as_chunks().0.iter().map(|word| rescaled(i16::from_ne_bytes(*word).into())).collect()
            }
            PixelFormat::GrayF32 => {
                row.as_chunks().0.iter().map(|float| rescaled(f32::from_ne_bytes(*float).into())).collect()
            }
            _ => row.iter().map(|byte| rescaled((*byte).into())).collect(),
        }
    };
    view.rows().map(row).collect()
}

fn numbers(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(values) => values.iter().flat_map(numbers).collect(),
        value => vec![value.as_f64().unwrap()],
    }
}

/// A 3 x 2 x 2 volume of NIfTI-1 whose values are 0 to 11; little-endian.
fn volume(datatype: i16, bits: i16, values: impl Fn(u8) -> Vec<u8>) -> Vec<u8> {
    let mut file = vec![0; 352];
    put(&mut file, 0, &348i32.to_le_bytes());
    for (axis, size) in [3i16, 3, 2, 2, 1, 1, 1, 1].into_iter().enumerate() {
        put(&mut file, 40 + 2 * axis, &size.to_le_bytes());
    }
    put(&mut file, 70, &datatype.to_le_bytes());
    put(&mut file, 72, &bits.to_le_bytes());
    put(&mut file, 108, &352f32.to_le_bytes());
    put(&mut file, 344, b"n+1\0");
    file.extend((0..12).flat_map(values));
    file
}

fn bytes() -> Vec<u8> {
    volume(2, 8, |value| vec![value])
}

fn words(factor: i16) -> Vec<u8> {
    volume(4, 16, |value| (i16::from(value) * factor).to_le_bytes().to_vec())
}

fn floats(value: impl Fn(u8) -> f32) -> Vec<u8> {
    volume(16, 32, |index| value(index).to_le_bytes().to_vec())
}

fn put(file: &mut [u8], at: usize, value: &[u8]) {
    file[at..at + value.len()].copy_from_slice(value);
}

fn with(mut file: Vec<u8>, at: usize, value: &[u8]) -> Vec<u8> {
    put(&mut file, at, value);
    file
}

#[test]
fn every_type_and_every_lie_as_nibabel_has_them() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/nifti.json");
    let golden: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let cases = golden.as_object().unwrap();
    assert_eq!(cases.len(), 96 + 32 + 1);
    for (name, case) in cases {
        let packed = base64::prelude::BASE64_STANDARD.decode(case["file"].as_str().unwrap()).unwrap();
        let mut plain = Vec::new();
        GzDecoder::new(&packed[..]).read_to_end(&mut plain).unwrap();
        for file in [plain, packed] {
            let kept = keep(&file);
            for (options, key) in [(STORED, "stored"), (ReadOptions::default(), "seen")] {
                let Some(slices) = case[key].as_array() else { continue };
                for (frame, expected) in slices.iter().enumerate() {
                    let image = ImageFile::load_as(&kept.path, frame as u32, &options).unwrap();
                    assert_eq!(image.frames() as usize, slices.len(), "{name}");
                    let rows = rows(&image);
                    assert_eq!(rows.len(), expected.as_array().unwrap().len(), "{name}, {key}");
                    let expected = numbers(expected);
                    let largest = expected.iter().fold(1.0, |most: f64, value| most.max(value.abs()));
                    for (value, expected) in rows.concat().iter().zip(&expected) {
                        // Floats of 32 bits for deep values.
                        assert!(
                            (value - expected).abs() <= 1e-7 * largest,
                            "{name}, {key}: {rows:?}, not {expected:?}"
                        );
                    }
                    assert_eq!(rows.concat().len(), expected.len(), "{name}, {key}");
                    let view = image.view();
                    if key == "seen" {
                        let info = FileInfo::read(&kept.path).unwrap();
                        assert_eq!(
                            (info.width as usize, info.height as usize),
                            (view.width(), view.height()),
                            "{name}"
                        );
                        assert_eq!((info.frames as usize, info.is_dicom), (slices.len(), false), "{name}");
                    }
                    view.to_raster().unwrap();
                }
                let beyond = ImageFile::load(&kept.path, slices.len() as u32).unwrap_err();
                assert_eq!(beyond.kind(), ErrorKind::Argument, "{name}: {beyond}");
            }
        }
    }
}

fn seen(file: &[u8], options: &ReadOptions) -> Vec<f32> {
    let image = ImageFile::load_as(&keep(file).path, 1, options).unwrap();
    image.view().to_raster().unwrap().samples().to_vec()
}

#[test]
fn ranges_and_what_is_seen_without_them() {
    let full = ReadOptions { display: Display::FullRange, ..ReadOptions::default() };
    let viewer = ReadOptions::default();
    let close = |one: Vec<f32>, other: [f32; 6]| {
        assert!(one.iter().zip(other).all(|(one, other)| (one - other).abs() < 1e-6), "{one:?}, not {other:?}");
    };
    // The second slice has 6 to 11.
    let spread = [0.0, 0.2, 0.4, 0.6, 0.8, 1.0];
    close(seen(&bytes(), &viewer), [6.0, 7.0, 8.0, 9.0, 10.0, 11.0].map(|value| value / 255.0));
    close(seen(&words(-100), &viewer), [1.0, 0.8, 0.6, 0.4, 0.2, 0.0]);
    close(seen(&floats(|index| f32::from(index) * 0.125 - 7.0), &viewer), spread);
    close(seen(&words(0), &viewer), [0.0; 6]);
    close(seen(&words(-100), &full)[..1].to_vec(), [(32_768.0 - 600.0) / 65_535.0; 6]);
    for file in [bytes(), words(1), floats(f32::from)] {
        let ranged = with(with(file, 124, &10f32.to_le_bytes()), 128, &8f32.to_le_bytes());
        let presets = ImageFile::load(&keep(&ranged).path, 0).unwrap().presets().to_vec();
        assert_eq!((presets.len(), presets[0].line()), (1, Some((8.0, 10.0))));
        close(seen(&ranged, &viewer), [0.0, 0.0, 0.0, 0.5, 1.0, 1.0]);
        // After scaling: 7 to 12 times 2, less 5.
        let scaled = with(with(ranged.clone(), 112, &2f32.to_le_bytes()), 116, &(-5f32).to_le_bytes());
        close(seen(&scaled, &viewer), [0.0, 0.5, 1.0, 1.0, 1.0, 1.0]);
        let second = ReadOptions { window: 1, ..viewer };
        assert_eq!(ImageFile::load_as(&keep(&ranged).path, 0, &second).unwrap_err().kind(), ErrorKind::Argument);
        // A range that makes no sense is none.
        let turned = with(ranged, 128, &11f32.to_le_bytes());
        assert!(load(&turned, 0).unwrap().presets().is_empty());
    }
}

#[test]
fn values_that_are_not_there_are_black() {
    let file = floats(|index| if index == 9 { f32::NAN } else { f32::from(index) });
    assert_eq!(seen(&file, &ReadOptions::default()), [0.0, 0.2, 0.4, 0.0, 0.8, 1.0]);
    let falling = with(file, 112, &(-1f32).to_le_bytes());
    assert_eq!(seen(&falling, &ReadOptions::default()), [1.0, 0.8, 0.6, 0.0, 0.2, 0.0]);
    assert_eq!(seen(&floats(|_| f32::NAN), &ReadOptions::default()), [0.0; 6]);
    let infinite = refusal(&floats(|index| if index == 3 { f32::INFINITY } else { 0.0 }));
    assert!(infinite.kind() == ErrorKind::Unsupported && infinite.message().contains("infinite"), "{infinite}");
}

#[test]
fn slices_are_told_apart_in_large_numbers() {
    let far = |value: u8| (2e9 as i32 + i32::from(value)).to_le_bytes().to_vec();
    let image = load(&volume(8, 32, far), 1).unwrap();
    assert_eq!(image.view().to_raster().unwrap().samples(), [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]);
}

#[test]
fn what_is_refused_and_what_is_said() {
    let short = |value: i16| value.to_le_bytes();
    let float = |value: f32| value.to_le_bytes();
    let sform = |value: f32| {
        let file = with(bytes(), 254, &short(1));
        [280usize, 300, 320].into_iter().fold(file, |file, at| with(file, at, &float(value)))
    };
    let quaternion = with(with(with(bytes(), 252, &short(1)), 256, &float(0.9)), 260, &float(0.9));
    let huge = with(with(bytes(), 42, &short(32_000)), 44, &short(32_000));
    use ErrorKind::{Format, Unsupported};
    for (file, kind, says) in [
        (with(bytes(), 40, &short(0)), Format, "dim[0] is 0; it must be 1 to 7"),
        (with(bytes(), 40, &short(8)), Format, "dim[0] is 8"),
        (with(bytes(), 44, &short(-4)), Format, "dim[2] is -4; it must be 1 or more"),
        (with(bytes(), 46, &short(0)), Format, "dim[3] is 0"),
        (huge.clone(), Format, "its voxels end at byte 2048000352, but it has 364"),
        (with(bytes(), 46, &short(32_767)), Format, "but it has 364"),
        (with(with(bytes(), 40, &short(7)), 46, &[0xff, 0x7f].repeat(5)), Format, "at most 4294967295"),
        (with(bytes(), 70, &short(1024)), Unsupported, "int64 (1024)"),
        (with(bytes(), 70, &short(32)), Unsupported, "complex64 (32)"),
        (with(bytes(), 70, &short(3)), Unsupported, "unknown datatype 3"),
        (with(bytes(), 72, &short(16)), Format, "bitpix is 16; it must be 8"),
        (with(bytes(), 108, &float(0.0)), Format, "vox_offset is 0; it must be a whole number of 352 or more"),
        (with(bytes(), 108, &float(348.0)), Format, "vox_offset is 348"),
        (with(bytes(), 108, &float(-352.0)), Format, "vox_offset is -352"),
        (with(bytes(), 108, &float(352.5)), Format, "vox_offset is 352.5"),
        (with(bytes(), 108, &float(f32::NAN)), Format, "vox_offset is NaN"),
        (with(bytes(), 108, &float(f32::INFINITY)), Format, "vox_offset is inf"),
        (with(bytes(), 108, &float(1e12)), Format, "but it has 364"),
        (with(bytes(), 112, &float(f32::NAN)), Format, "scl_slope is NaN"),
        (with(with(bytes(), 112, &float(1.0)), 116, &float(f32::INFINITY)), Format, "scl_inter is inf"),
        (with(bytes(), 124, &float(f32::NAN)), Format, "cal_max is NaN"),
        (sform(0.0), Format, "leads [0.0, 0.0, 0.0] along axis 1"),
        (sform(f32::NAN), Format, "sform (srow_x, srow_y, srow_z)"),
        (quaternion, Format, "is no rotation"),
        (with(bytes(), 344, b"ni1\0"), Unsupported, "NIfTI pair (.hdr and .img)"),
        (with(with(bytes(), 344, &[0; 4]), 38, b"r"), Unsupported, "ANALYZE 7.5"),
        (bytes()[..360].to_vec(), Format, "its voxels end at byte 364, but it has 360"),
        (compressed(&huge), Format, "cannot have more than"),
        (compressed(&bytes()[..355]), Format, "it ends at byte 355"),
    ] {
        let error = refusal(&file);
        assert!(error.kind() == kind && error.message().contains(says), "{error}, not: {says}");
    }
    // As stored, the affine is not looked at.
    for file in [sform(0.0), sform(f32::NAN)] {
        ImageFile::load_as(&keep(&file).path, 0, &STORED).unwrap();
    }
    // Without scaling, the intercept is not looked at.
    load(&with(bytes(), 116, &float(f32::NAN)), 0).unwrap();
}

#[test]
fn broken_and_truncated_gzip() {
    let mut state = 1u32;
    let noise: Vec<u8> = (0..20_000)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        })
        .collect();
    let mut file = with(with(bytes(), 42, &100i16.to_le_bytes()), 44, &100i16.to_le_bytes());
    file.truncate(352);
    file.extend(&noise);
    let packed = compressed(&file);
    assert_eq!(load(&packed, 1).unwrap().view().bytes(), &noise[10_000..]);
    let half = &packed[..packed.len() * 3 / 4];
    // The first slice is there.
    assert_eq!(load(half, 0).unwrap().view().bytes(), &noise[..10_000]);
    let error = load(half, 1).unwrap_err();
    assert!(error.kind() == ErrorKind::Format && error.message().contains("truncated"), "{error}");
    // Reserved type of a deflate block.
    let mut broken = packed.clone();
    broken[10] |= 6;
    assert_eq!(load(&broken, 0).unwrap_err().kind(), ErrorKind::Format);
    // Streams may be joined, as block compression does it.
    let joined = [compressed(&file[..700]), compressed(&file[700..])].concat();
    assert_eq!(load(&joined, 1).unwrap().view().bytes(), &noise[10_000..]);
}

#[test]
fn cut_anywhere_and_changed_anywhere() {
    let kept = keep(&[]);
    for whole in [words(1), compressed(&words(1))] {
        for length in 0..whole.len() {
            std::fs::write(&kept.path, &whole[..length]).unwrap();
            for result in [ImageFile::load(&kept.path, 0).map(drop), FileInfo::read(&kept.path).map(drop)] {
                if let Err(error) = result {
                    assert!(matches!(error.kind(), ErrorKind::Format | ErrorKind::Unsupported), "{error}");
                    assert!(!error.message().contains("gave up"), "{error}");
                }
            }
        }
        for at in 0..whole.len() {
            for value in [0, 0x7f, 0xff, whole[at] ^ 1] {
                std::fs::write(&kept.path, with(whole.clone(), at, &[value])).unwrap();
                if let Err(error) = ImageFile::load(&kept.path, 1) {
                    assert!(!error.message().contains("gave up"), "byte {at} is {value}: {error}");
                }
            }
        }
    }
}

#[test]
fn found_by_content_and_by_name() {
    let directory = tempfile::tempdir().unwrap();
    for (name, content) in [
        ("a.nii", &b"broken"[..]),
        ("b.NII.GZ", b"broken"),
        ("c", &bytes()),
        ("d.gz", &compressed(&bytes())),
        ("e.gz", &compressed(b"notes")),
        ("f.img", b"voxels"),
    ] {
        std::fs::write(directory.path().join(name), content).unwrap();
    }
    let found = crate::find_files(directory.path()).unwrap();
    let names = |paths: &[PathBuf]| -> Vec<String> {
        paths.iter().map(|path| path.file_name().unwrap().to_str().unwrap().into()).collect()
    };
    assert_eq!(names(&found.images), ["a.nii", "b.NII.GZ", "c", "d.gz"]);
    assert_eq!(names(&found.others), ["e.gz", "f.img"]);
}
