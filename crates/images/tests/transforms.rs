//! Resizing, rotation, mirroring and the whole way from a file to the network's input against Pillow and torchvision
//! (tests/golden/transforms.py): on a drawn image, and on real ones where they are, in `../shared/data` beside the
//! checkout.

use lens_base::{Options, left_out};
use lens_images::{
    Augmentation, ImageFile, PixelFormat, PixelView, Preprocessing, Raster, Windowing, flipped, rotated,
};
use safetensors::SafeTensors;
use safetensors::tensor::TensorView;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Every how many-th sample is stored.
const STEP: usize = 101;

/// How far, in 255ths, unrounded values may be from Pillow's 8-bit ones: it rounds after each direction, by half at
/// most; the rest is the fixed point of its weights.
const TWO_ROUNDINGS: f64 = 1.0 + 1e-3;

/// How far they may be from Pillow's 32-bit floats, which are summed in another order: 2e-5 were measured.
const F32_SUMS: f64 = 1e-4;

/// Past the capture of passing tests' output.
fn say(message: &str) {
    let _ = writeln!(std::io::stderr(), "transforms: {message}");
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// Gray pixels and their size.
struct Gray {
    bytes: Vec<u8>,
    width: u32,
    height: u32,
}

impl Gray {
    fn load(path: &Path) -> Self {
        let image = ImageFile::load(path, 0).unwrap();
        let view = image.view();
        assert_eq!(view.format(), PixelFormat::Gray8, "{}", path.display());
        Gray { bytes: view.bytes().to_vec(), width: view.width() as u32, height: view.height() as u32 }
    }
}

/// The image that a golden tensor was made of.
fn source(name: &str, load: &impl Fn(&str) -> Gray) -> Raster {
    let (names, part) = name.split_once('@').unwrap_or((name, ""));
    let channels: Vec<Gray> = names.split('+').map(load).collect();
    let (width, height) = if part.is_empty() { (channels[0].width, channels[0].height) } else { size(part) };
    // A part is a view of the whole image's rows.
    let (bytes, format) = match &channels[..] {
        [gray] => (gray.bytes.clone(), PixelFormat::Gray8),
        [red, green, blue] => {
            let pixels = red.bytes.iter().zip(&green.bytes).zip(&blue.bytes);
            (pixels.flat_map(|((red, green), blue)| [*red, *green, *blue]).collect(), PixelFormat::Rgb8)
        }
        _ => panic!("{name}"),
    };
    let stride = channels[0].width as usize * format.bytes();
    PixelView::new(&bytes, width, height, stride, format, Windowing::default()).unwrap().to_raster().unwrap()
}

fn size(text: &str) -> (u32, u32) {
    let (width, height) = text.split_once('x').unwrap();
    (width.parse().unwrap(), height.parse().unwrap())
}

/// A generator whose every number between 0 and 1 is 0.25 or 0.75.
struct Constant(u64);

impl rand::TryRng for Constant {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok((self.0 >> 32) as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.0)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        bytes.fill((self.0 >> 56) as u8);
        Ok(())
    }
}

/// What training makes of an image when chance decides for these flips and this angle.
fn augmented(image: &Raster, flips: &str, degrees: f64) -> Raster {
    let resized = Preprocessing::default().resize(image).unwrap();
    let chance = |flip: char| f64::from(u8::from(flips.contains(flip)));
    let augmentation = Augmentation {
        flip_horizontal: chance('h'),
        flip_vertical: chance('v'),
        // The drawn angle is the half, to one side or the other.
        rotation_degrees: 2.0 * degrees.abs(),
    };
    augmentation.check_ranges().unwrap();
    augmentation.apply(&resized, &mut Constant(if degrees < 0.0 { 1 << 62 } else { 3 << 62 }))
}

/// The largest difference of the sampled values, in 255ths.
fn difference(found: &Raster, channels: usize, expected: &TensorView) -> f64 {
    let expected: Vec<f64> = match expected.dtype() {
        safetensors::Dtype::U8 => expected.data().iter().map(|value| f64::from(*value)).collect(),
        _ => expected.data().as_chunks().0.iter().map(|value| f64::from(f32::from_le_bytes(*value))).collect(),
    };
    let columns = found.width();
    let count = columns * found.height() * channels;
    assert_eq!(expected.len(), count.div_ceil(STEP), "{columns} x {}", found.height());
    let sampled = (0..count).step_by(STEP).map(|index| {
        let pixel = index / channels;
        f64::from(found.rgb(pixel % columns, pixel / columns)[index % channels]) * 255.0
    });
    sampled.zip(expected).map(|(found, expected)| (found - expected).abs()).fold(0.0, f64::max)
}

/// 0 when the pixels are the very bytes that were digested, otherwise as bad as it gets.
fn digested(found: &Raster, expected: &TensorView) -> f64 {
    let bytes = found.samples().iter().map(|value| {
        let byte = (value * 255.0).round() as u8;
        assert_eq!(f32::from(byte) / 255.0, *value);
        byte
    });
    if Sha256::digest(bytes.collect::<Vec<u8>>())[..] == *expected.data() { 0.0 } else { 255.0 }
}

/// Compares the library's results on the sources that `selected` names with the stored ones; returns the largest
/// difference of each kind of operation, and how many results were compared.
fn compare(selected: impl Fn(&str) -> bool, load: impl Fn(&str) -> Gray) -> BTreeMap<&'static str, (f64, usize)> {
    let file = std::fs::read(root().join("tests/golden/transforms.safetensors")).unwrap();
    let golden = SafeTensors::deserialize(&file).unwrap();
    let mut largest = BTreeMap::new();
    let mut images = BTreeMap::new();
    for (name, expected) in golden.iter() {
        let Some((from, operation)) = name.split_once(' ').filter(|(from, _)| selected(from)) else { continue };
        let image = images.entry(from).or_insert_with(|| source(from, &load));
        let resized = |text| {
            let (width, height) = size(text);
            image.resized(width as usize, height as usize).unwrap()
        };
        let (kind, rest) = operation.split_once('.').unwrap();
        let (kind, found, bound) = match (kind, rest.split_once('.')) {
            ("resize", Some(("u8", size))) => {
                let resized = resized(size);
                ("resize", difference(&resized, image.channels(), &expected), TWO_ROUNDINGS)
            }
            ("resize", Some(("f32", size))) => {
                ("resize without rounding", difference(&resized(size), 1, &expected), F32_SUMS)
            }
            ("rotate", _) => ("rotate", digested(&rotated(image, rest.parse().unwrap()), &expected), 0.0),
            ("flip", _) => {
                let flipped = flipped(image, rest == "horizontal", rest == "vertical");
                ("flip", digested(&flipped, &expected), 0.0)
            }
            ("reference", Some((flips, degrees))) => {
                let augmented = augmented(image, flips, degrees.parse().unwrap());
                ("reference", difference(&augmented, 3, &expected), TWO_ROUNDINGS)
            }
            _ => panic!("{name}"),
        };
        assert!(found <= bound, "{name} is off by {found}/255");
        let (difference, count) = largest.entry(kind).or_insert((0.0, 0));
        *difference = found.max(*difference);
        *count += 1;
    }
    largest
}

fn report(title: &str, largest: &BTreeMap<&str, (f64, usize)>) {
    let figures = largest.iter().map(|(kind, (difference, count))| format!("{kind} {difference:.5} in {count}"));
    say(&format!("{title}, largest differences in 255ths: {}", figures.collect::<Vec<_>>().join(", ")));
}

#[test]
fn drawn_image_against_torchvision() {
    let file = std::fs::read(root().join("tests/golden/transforms.safetensors")).unwrap();
    let golden = SafeTensors::deserialize(&file).unwrap();
    let drawn = golden.tensor("drawn").unwrap();
    let (width, height) = (drawn.shape()[1] as u32, drawn.shape()[0] as u32);
    let largest = compare(|name| name.starts_with("drawn"), |_| Gray { bytes: drawn.data().to_vec(), width, height });
    assert_eq!(largest.len(), 5, "{largest:?}");
    report("drawn", &largest);
}

#[test]
fn real_images_against_torchvision() {
    let data: PathBuf = root().join("../shared/data");
    let mut compared = 0;
    for folder in ["arcade-tiles", "stenosis-patches", "arcade-frames"] {
        if !data.join(folder).is_dir() {
            left_out(&format!("transforms of real images (no ../shared/data/{folder})"));
            continue;
        }
        let largest = compare(|name| name.starts_with(folder), |path| Gray::load(&data.join(path)));
        assert_eq!(largest.len(), 5, "{folder}: {largest:?}");
        report(folder, &largest);
        compared += largest.values().map(|(_, count)| count).sum::<usize>();
    }
    say(&format!("{compared} results on real images compared"));
}
