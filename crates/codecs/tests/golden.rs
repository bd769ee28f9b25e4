//! Code streams of other encoders against the samples of other decoders; whole, cut short and damaged.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lens_base::{Error, ErrorKind, Result};
use lens_codecs::{Decoded, Samples, Size, jpeg, jpeg_ls, jpeg_xl, jpeg2000};
use serde::Deserialize;
use std::path::Path;
use std::time::{Duration, Instant};

#[derive(Deserialize)]
struct Entry {
    name: String,
    codec: String,
    stream: String,
    width: u32,
    height: u32,
    components: u32,
    precision: u32,
    signed: bool,
    tolerance: i32,
    samples: String,
}

impl Entry {
    fn stream(&self) -> Vec<u8> {
        STANDARD.decode(&self.stream).unwrap()
    }

    fn samples(&self) -> Vec<i32> {
        let bytes = STANDARD.decode(&self.samples).unwrap();
        let words = bytes.as_chunks::<2>().0.iter();
        words.map(|word| value(u16::from_le_bytes(*word), self.signed)).collect()
    }

    fn decode(&self, stream: &[u8], accept: &dyn Fn(Size) -> Result<()>) -> Result<Decoded> {
        match self.codec.as_str() {
            "jpeg" => jpeg::decode(stream, jpeg::Colours::Converted, accept),
            "jpeg-ls" => jpeg_ls::decode(stream, accept),
            "jpeg-2000" => jpeg2000::decode(stream, accept),
            "jpeg-xl" => jpeg_xl::decode(stream, accept),
            other => unreachable!("{other}"),
        }
    }
}

fn value(sample: u16, signed: bool) -> i32 {
    if signed { i32::from(sample as i16) } else { sample.into() }
}

fn values(decoded: &Decoded) -> Vec<i32> {
    match &decoded.samples {
        Samples::Bytes(samples) => samples.iter().map(|sample| i32::from(*sample)).collect(),
        Samples::Words(samples) => samples.iter().map(|sample| value(*sample, decoded.signed)).collect(),
    }
}

fn golden() -> Vec<Entry> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/codecs.json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn entry(name: &str) -> Entry {
    golden().into_iter().find(|entry| entry.name == name).unwrap()
}

/// Of pictures no larger than those here, so that damage cannot make large ones.
fn small(size: Size) -> Result<()> {
    if size.width <= 64 && size.height <= 64 { Ok(()) } else { Err(Error::argument("too large")) }
}

fn decode_jpeg(stream: &[u8]) -> Result<Decoded> {
    jpeg::decode(stream, jpeg::Colours::Converted, &small)
}

#[test]
fn samples_are_those_of_other_decoders() {
    for entry in golden() {
        let name = format!("{} {}", entry.codec, entry.name);
        let decoded = entry.decode(&entry.stream(), &|_| Ok(())).unwrap_or_else(|error| panic!("{name}: {error}"));
        let size = Size { width: entry.width, height: entry.height, components: entry.components };
        assert_eq!((decoded.size, decoded.precision, decoded.signed), (size, entry.precision, entry.signed), "{name}");
        let (values, expected) = (values(&decoded), entry.samples());
        assert_eq!(values.len(), expected.len(), "{name}");
        let worst = values.iter().zip(&expected).map(|(value, expected)| (value - expected).abs()).max();
        assert!(worst.unwrap() <= entry.tolerance, "{name}: {worst:?}");
    }
}

#[test]
fn a_size_that_is_refused_is_the_error() {
    for entry in golden() {
        let error = entry.decode(&entry.stream(), &|size| Err(Error::argument(format!("{}", size.width)))).unwrap_err();
        assert_eq!(error.message(), "20", "{} {}", entry.codec, entry.name);
    }
}

#[test]
fn what_is_cut_short_is_refused() {
    for entry in golden() {
        let stream = entry.stream();
        // The end of image, and up to three bytes of padding before it, can be missed without a loss of pixels.
        for end in 0..stream.len() - 5 {
            let Ok(decoded) = entry.decode(&stream[..end], &small) else { continue };
            let name = format!("{} {} up to {end} of {}", entry.codec, entry.name, stream.len());
            assert_eq!(values(&decoded), values(&entry.decode(&stream, &small).unwrap()), "{name}");
            assert!(end + 16 > stream.len(), "{name}");
        }
    }
}

/// Seconds of damage, for longer runs.
fn seconds() -> Option<u64> {
    std::env::var("CODEC_DAMAGE_SECONDS").ok()?.parse().ok()
}

#[test]
fn damaged_streams_end_in_time() {
    let mut state = std::env::var("CODEC_DAMAGE_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1u64);
    let mut random = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    let entries: Vec<(Entry, Vec<u8>)> =
        golden().into_iter().map(|entry| (entry.stream(), entry)).map(|(s, e)| (e, s)).collect();
    let codec = std::env::var("CODEC_DAMAGE_CODEC").ok();
    let end = Instant::now() + Duration::from_secs(seconds().unwrap_or(0));
    let mut rounds = 0;
    while rounds < 100 || Instant::now() < end {
        rounds += 1;
        for (entry, stream) in &entries {
            if codec.as_ref().is_some_and(|codec| *codec != entry.codec) {
                continue;
            }
            let mut broken = stream.clone();
            for _ in 0..1 + random(4) {
                if broken.is_empty() {
                    break;
                }
                let index = random(broken.len());
                match random(8) {
                    0 => drop(broken.remove(index)),
                    1 => broken.insert(index, random(256) as u8),
                    2 => broken.truncate(index.max(1)),
                    3 => {
                        let other = &entries[random(entries.len())].1;
                        let tail = &other[random(other.len())..];
                        broken.truncate(index.max(1));
                        broken.extend(tail);
                    }
                    _ => broken[index] = [0, 0xff, 0x7f, random(256) as u8][random(4)],
                }
            }
            let start = Instant::now();
            // A panic in a decoder is caught where files are opened.
            let decoded = std::panic::catch_unwind(|| entry.decode(&broken, &small));
            if let Ok(Ok(decoded)) = decoded {
                let Size { width, height, components } = decoded.size;
                assert_eq!(decoded.samples.len(), (width * height * components) as usize);
            }
            let taken = start.elapsed();
            assert!(taken < Duration::from_secs(10), "{} {}: {taken:?}: {broken:02x?}", entry.codec, entry.name);
        }
    }
    println!("{rounds} rounds");
}

#[test]
fn a_missing_end_of_image_and_bytes_before_it() {
    let whole = entry("baseline gray").stream();
    let expected = decode_jpeg(&whole).unwrap();
    let without = &whole[..whole.len() - 2];
    assert_eq!(decode_jpeg(without).unwrap(), expected);
    assert_eq!(decode_jpeg(&[without, &[0, 1, 2, 0xff, 0xd9]].concat()).unwrap(), expected);
    assert_eq!(decode_jpeg(&[&whole[..], b"more"].concat()).unwrap(), expected);
    // What comes after may be a scan.
    let progressive = entry("progressive 4:2:0").stream();
    let error = decode_jpeg(&progressive[..progressive.len() - 2]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Format);
    assert!(error.message().contains("Premature end of JPEG file"), "{error}");
}

#[test]
fn colours_as_they_are_coded() {
    let converted = entry("baseline 4:2:2");
    let coded = jpeg::decode(&converted.stream(), jpeg::Colours::AsCoded, &small).unwrap();
    let (coded, rgb) = (values(&coded), converted.samples());
    for (coded, rgb) in coded.chunks(3).zip(rgb.chunks(3)) {
        let luminance = 0.299 * f64::from(rgb[0]) + 0.587 * f64::from(rgb[1]) + 0.114 * f64::from(rgb[2]);
        // Colours that red, green and blue cannot be are clipped.
        assert!((f64::from(coded[0]) - luminance).abs() < 30.0, "{coded:?} {rgb:?}");
    }
    let rgb = entry("baseline RGB");
    let coded = jpeg::decode(&rgb.stream(), jpeg::Colours::AsCoded, &small).unwrap();
    assert_eq!(values(&coded), rgb.samples());
}

#[test]
fn what_markers_say_of_components() {
    let components = |stream: &[u8]| jpeg::Header::read(stream).unwrap().unwrap().components;
    // With JFIF; with Adobe and names; gray.
    assert_eq!(components(&entry("baseline 4:2:2").stream()), Some(jpeg::Components::Ybr));
    assert_eq!(components(&entry("baseline RGB").stream()), Some(jpeg::Components::Rgb));
    assert_eq!(components(&entry("baseline gray").stream()), None);
    assert_eq!(jpeg::Header::read(&entry("baseline gray").stream()[..30]).unwrap(), None);
}

#[test]
fn codings_that_cannot_be_decoded_are_named() {
    let gray = entry("baseline gray").stream();
    let frame = gray.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap();
    for (offset, value, kind, said) in [
        (1, 0xc5, ErrorKind::Unsupported, "hierarchical"),
        (1, 0xcb, ErrorKind::Unsupported, "lossless and arithmetic-coded"),
        (4, 9, ErrorKind::Format, "9 bits"),
        (6, 0, ErrorKind::Unsupported, "20 x 0 pixels"),
        (9, 2, ErrorKind::Unsupported, "2 components"),
    ] {
        let mut other = gray.clone();
        other[frame + offset] = value;
        let error = decode_jpeg(&other).unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.message().contains(said), "{error}");
    }
}

#[test]
fn scans_without_end() {
    let progressive = entry("arithmetic and progressive").stream();
    let scan = progressive.windows(2).rposition(|pair| pair == [0xff, 0xda]).unwrap();
    let (start, last) = progressive.split_at(scan);
    let many = [start, &last[..last.len() - 2].repeat(500), &[0xff, 0xd9]].concat();
    let error = decode_jpeg(&many).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Format);
}
