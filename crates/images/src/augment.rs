//! Random mirroring and rotation of training images.

use super::raster::Raster;
use lens_base::Options;
use rand::RngExt;
use serde::Serialize;

/// How training images are varied. The defaults are the reference pipeline's.
#[derive(Clone, Debug, PartialEq, Serialize, Options)]
pub struct Augmentation {
    /// Probability of mirroring left-right.
    #[option(default = 0.5, minimum = 0, maximum = 1, flag = "--flip-horizontal X")]
    pub flip_horizontal: f64,
    /// Probability of mirroring up-down.
    #[option(default = 0.5, minimum = 0, maximum = 1, flag = "--flip-vertical X")]
    pub flip_vertical: f64,
    /// Rotation by a random angle of up to this many degrees either way; nearest neighbour, corners filled with 0.
    #[option(default = 10.0, minimum = 0, maximum = 180, flag = "--rotation DEGREES")]
    pub rotation_degrees: f64,
}

impl Augmentation {
    /// A random variation of the image. Draws the same number of random values whatever the options.
    pub fn apply(&self, raster: &Raster, random: &mut impl rand::Rng) -> Raster {
        let horizontal = random.random::<f64>() < self.flip_horizontal;
        let vertical = random.random::<f64>() < self.flip_vertical;
        let angle = (random.random::<f64>() * 2.0 - 1.0) * self.rotation_degrees;
        rotated(&flipped(raster, horizontal, vertical), angle)
    }
}

/// An image of the same size whose pixel (x, y) is the one that `source` names, or 0.
fn moved(raster: &Raster, source: impl Fn(usize, usize) -> Option<(usize, usize)>) -> Raster {
    let channels = raster.channels();
    let mut samples = vec![0.0; raster.samples().len()];
    for y in 0..raster.height() {
        for x in 0..raster.width() {
            if let Some((from_x, from_y)) = source(x, y) {
                let from = (from_y * raster.width() + from_x) * channels;
                let to = (y * raster.width() + x) * channels;
                samples[to..to + channels].copy_from_slice(&raster.samples()[from..from + channels]);
            }
        }
    }
    Raster::new(raster.width(), raster.height(), channels, samples).expect("the size is the old one")
}

/// Mirrored left-right, up-down, both or neither.
pub fn flipped(raster: &Raster, horizontal: bool, vertical: bool) -> Raster {
    let (right, bottom) = (raster.width() - 1, raster.height() - 1);
    moved(raster, |x, y| Some((if horizontal { right - x } else { x }, if vertical { bottom - y } else { y })))
}

/// Turned counter-clockwise about the middle, nearest neighbour, corners 0: to the pixel as Pillow does it, which steps
/// through the source in 16.16 fixed point.
pub fn rotated(raster: &Raster, degrees: f64) -> Raster {
    if degrees == 0.0 {
        return raster.clone();
    }
    let (width, height) = (raster.width() as i64, raster.height() as i64);
    let (middle_x, middle_y) = (width as f64 / 2.0, height as f64 / 2.0);
    let rounded = |value: f64| (value * 1e15).round() / 1e15;
    let (sin, cos) = (-degrees.rem_euclid(360.0).to_radians()).sin_cos();
    let (sin, cos) = (rounded(sin), rounded(cos));
    // The source of pixel (0, 0)'s middle, and the steps to the next column and row.
    let fixed = |value: f64| (value * 65_536.0 + 0.5).floor() as i64;
    let first_x = fixed(-cos * middle_x - sin * middle_y + middle_x + cos / 2.0 + sin / 2.0);
    let first_y = fixed(sin * middle_x - cos * middle_y + middle_y - sin / 2.0 + cos / 2.0);
    let (cos, sin, minus_sin) = (fixed(cos), fixed(sin), fixed(-sin));
    moved(raster, |x, y| {
        let (x, y) = (x as i64, y as i64);
        let from_x = (first_x + x * cos + y * sin) >> 16;
        let from_y = (first_y + x * minus_sin + y * cos) >> 16;
        let inside = (0..width).contains(&from_x) && (0..height).contains(&from_y);
        inside.then_some((from_x as usize, from_y as usize))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use lens_base::generator;

    fn image() -> Raster {
        Raster::new(3, 2, 1, vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).unwrap()
    }

    #[test]
    fn mirroring() {
        assert_eq!(flipped(&image(), true, false).samples(), [3.0, 2.0, 1.0, 6.0, 5.0, 4.0]);
        assert_eq!(flipped(&image(), false, true).samples(), [4.0, 5.0, 6.0, 1.0, 2.0, 3.0]);
    }

    #[test]
    fn quarter_turn_direction() {
        let square = Raster::new(2, 2, 1, vec![1.0, 2.0, 3.0, 4.0]).unwrap();
        assert_eq!(rotated(&square, 90.0).samples(), [2.0, 4.0, 1.0, 3.0]);
    }

    #[test]
    fn mirroring_probability() {
        let augmentation = Augmentation { rotation_degrees: 0.0, ..Augmentation::default() };
        let mut random = generator(1, 0);
        let mut corners = [0; 7];
        for _ in 0..4000 {
            corners[augmentation.apply(&image(), &mut random).samples()[0] as usize] += 1;
        }
        for corner in [1, 3, 4, 6] {
            // Binomial(4000, 1/4): six standard deviations are 164.
            assert!((836..1164).contains(&corners[corner]), "{corners:?}");
        }
    }
}
