//! Resizing, rotation and mirroring against Pillow and torchvision (tests/golden/pillow.py).

mod golden;

use golden::Golden;
use lesionlens::data::{Raster, flipped, rotated};
use tch::{Kind, Tensor};

/// A picture of 0..1 from one of 0..255.
fn raster(tensor: &Tensor) -> Raster {
    let values: Vec<f32> = Vec::try_from(tensor.to_kind(Kind::Float).view([-1])).unwrap();
    let (height, width) = (tensor.size()[0] as usize, tensor.size()[1] as usize);
    Raster::new(width, height, 1, values.iter().map(|value| value / 255.0).collect()).unwrap()
}

/// The largest difference, in 255ths.
fn difference(found: &Raster, expected: &Tensor) -> f32 {
    let expected = raster(expected);
    assert_eq!((found.width(), found.height()), (expected.width(), expected.height()));
    let pairs = found.samples().iter().zip(expected.samples());
    pairs.map(|(found, expected)| (found - expected).abs() * 255.0).fold(0.0, f32::max)
}

#[test]
fn resizing_is_pillows() {
    let golden = Golden::read("pillow.safetensors");
    let source = raster(&golden.tensor("source"));
    for (width, height) in [(128, 128), (64, 64), (37, 50)] {
        let resized = source.resized(width, height).unwrap();
        // Pillow's 8-bit images round twice, after each direction.
        let bytes = difference(&resized, &golden.tensor(&format!("resize.u8.{width}x{height}")));
        assert!(bytes <= 1.0, "{width} x {height}: {bytes}");
        let floats = difference(&resized, &golden.tensor(&format!("resize.f32.{width}x{height}")));
        assert!(floats < 1e-3, "{width} x {height}: {floats}");
    }
}

#[test]
fn rotation_is_pillows_to_the_pixel() {
    let golden = Golden::read("pillow.safetensors");
    let source = raster(&golden.tensor("source"));
    for angle in ["-10", "-3.7", "0", "4.25", "10"] {
        let turned = rotated(&source, angle.parse().unwrap());
        assert_eq!(difference(&turned, &golden.tensor(&format!("rotate.{angle}"))), 0.0, "{angle}");
    }
}

#[test]
fn mirroring_is_torchvisions() {
    let golden = Golden::read("pillow.safetensors");
    let source = raster(&golden.tensor("source"));
    assert_eq!(difference(&flipped(&source, true, false), &golden.tensor("flip.horizontal")), 0.0);
    assert_eq!(difference(&flipped(&source, false, true), &golden.tensor("flip.vertical")), 0.0);
}
