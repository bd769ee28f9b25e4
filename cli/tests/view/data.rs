//! Models and images for the tests, made once.

use crate::maker::{EXPLICIT, JPEG, Maker};
use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, GrayImage, ImageEncoder, Luma, Rgb, RgbImage};
use lens_model::{Metadata, Model, Parameters};
use lens_runtime::{Classifier, Context, ContextOptions, FileFormat};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};
use tempfile::TempDir;

/// Where they are; removed by the system.
static PLACE: LazyLock<TempDir> = LazyLock::new(|| tempfile::tempdir().unwrap());

pub static CONTEXT: LazyLock<Arc<Context>> = LazyLock::new(|| {
    Context::new(ContextOptions { device: lens_engine::policy::DeviceRequest::Cpu, ..ContextOptions::default() })
        .unwrap()
});

/// A model with random weights and small images, so that it is fast.
pub static MODEL: LazyLock<PathBuf> = LazyLock::new(|| model("model.safetensors", 2));
pub static OTHER_MODEL: LazyLock<PathBuf> = LazyLock::new(|| model("other.safetensors", 3));

fn model(name: &str, seed: u64) -> PathBuf {
    let mut metadata = Metadata::default();
    metadata.preprocessing.image_size = 32;
    let path = PLACE.path().join(name);
    let model = Model::new(Parameters::initial(seed).unwrap(), metadata);
    Classifier::new(&CONTEXT, model).unwrap().save(&path, FileFormat::Safetensors).unwrap();
    path
}

pub fn classifier() -> Classifier {
    Classifier::load(&CONTEXT, &MODEL).unwrap()
}

/// Gray, no part like another.
pub fn gray(path: &Path, width: u32, height: u32, seed: u32) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    GrayImage::from_fn(width, height, |x, y| Luma([((x * 3 + seed * 31) ^ (y * 5) ^ (x * y / 7)) as u8]))
        .save(path)
        .unwrap();
}

pub fn colour(path: &Path, width: u32, height: u32) {
    RgbImage::from_fn(width, height, |x, y| Rgb([x as u8, y as u8, (x * y) as u8])).save(path).unwrap();
}

/// What a DICOM file says of itself.
pub struct Said<'a> {
    pub series: &'a str,
    pub number: &'a str,
    pub description: &'a str,
}

fn head(syntax: &'static str, said: &Said, frames: usize, bits: [u16; 3], [width, height]: [u16; 2]) -> Maker {
    Maker::new(syntax)
        .text(0x0008_0060, "CS", "XA")
        .text(0x0008_103e, "LO", said.description)
        .text(0x0018_0040, "IS", "15")
        .text(0x0020_000e, "UI", said.series)
        .text(0x0020_0013, "IS", said.number)
        .number(0x0028_0002, 1)
        .text(0x0028_0004, "CS", "MONOCHROME2")
        .text(0x0028_0008, "IS", &frames.to_string())
        .number(0x0028_0010, height)
        .number(0x0028_0011, width)
        .number(0x0028_0100, bits[0])
        .number(0x0028_0101, bits[1])
        .number(0x0028_0102, bits[2])
        .number(0x0028_0103, 0)
}

/// One frame of 10 bits, 40 x 36.
pub fn ten_bits(path: &Path, said: &Said, seed: u16) {
    let words: Vec<u16> = (0..40 * 36).map(|index| (index * 7 + seed * 97) % 1024).collect();
    let windowed = head(EXPLICIT, said, 1, [16, 10, 9], [40, 36])
        .text(0x0028_1050, "DS", "500.5\\300.5")
        .text(0x0028_1051, "DS", "801\\101")
        .text(0x0028_1055, "LO", "WIDE\\NARROW");
    fs::write(path, windowed.words(&words)).unwrap();
}

/// Frames of 96 x 80, each a JPEG of 8 bits.
pub fn cine(path: &Path, frames: usize) -> Vec<Vec<u8>> {
    let coded: Vec<Vec<u8>> = (0..frames)
        .map(|frame| {
            let picture = GrayImage::from_fn(96, 80, |x, y| Luma([(x + y + 9 * frame as u32) as u8]));
            let mut bytes = Vec::new();
            let encoder = JpegEncoder::new_with_quality(&mut bytes, 90);
            encoder.write_image(&picture, 96, 80, ExtendedColorType::L8).unwrap();
            if bytes.len() % 2 == 1 {
                bytes.push(0);
            }
            bytes
        })
        .collect();
    let fragments: Vec<&[u8]> = coded.iter().map(Vec::as_slice).collect();
    let said = Said { series: "1.2.3.9", number: "1", description: "cine" };
    fs::write(path, head(JPEG, &said, frames, [8, 8, 7], [96, 80]).fragments(&[], &fragments)).unwrap();
    coded
}

/// Real images, where they are.
pub fn real(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data").join(name);
    if !path.exists() {
        lens_base::left_out(&format!("the page's server with real images: {} is not there", path.display()));
        return None;
    }
    Some(path)
}
