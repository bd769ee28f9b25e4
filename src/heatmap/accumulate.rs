//! From tiles' probabilities to a value for every pixel.

/// How overlapping tiles are weighted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Blend {
    /// All the same.
    #[default]
    Mean,
    /// A tile counts most in its middle.
    Gaussian,
}

/// Standard deviation of the Gaussian, in tiles, and its smallest weight, in peaks: those of sliding-window inference in
/// nnU-Net (Isensee et al. 2021) and MONAI.
const SIGMA: f64 = 0.125;
const FLOOR: f64 = 1e-3;

impl Blend {
    /// Weights along one side of a tile; a pixel's weight is the product of two, which `Accumulator` bounds from below.
    fn profile(self, tile: usize) -> Vec<f32> {
        match self {
            Blend::Mean => vec![1.0; tile],
            Blend::Gaussian => {
                let middle = (tile as f64 - 1.0) / 2.0;
                let sigma = SIGMA * tile as f64;
                (0..tile).map(|x| (-0.5 * ((x as f64 - middle) / sigma).powi(2)).exp() as f32).collect()
            }
        }
    }
}

/// Weighted sums per pixel, in 32-bit floats.
pub struct Accumulator {
    width: usize,
    tile: usize,
    profile: Vec<f32>,
    sums: Vec<f32>,
    weights: Vec<f32>,
}

impl Accumulator {
    /// For an image of this size.
    pub fn new(width: usize, height: usize, tile: usize, blend: Blend) -> Self {
        Accumulator {
            width,
            tile,
            profile: blend.profile(tile),
            sums: vec![0.0; width * height],
            weights: vec![0.0; width * height],
        }
    }

    /// Adds a tile whose upper left pixel is `x`, `y`.
    pub fn add(&mut self, x: usize, y: usize, probability: f32) {
        for (row, down) in self.profile.iter().enumerate() {
            let start = (y + row) * self.width + x;
            let sums = &mut self.sums[start..start + self.tile];
            let weights = &mut self.weights[start..start + self.tile];
            for ((sum, total), across) in sums.iter_mut().zip(weights).zip(&self.profile) {
                let weight = (across * down).max(FLOOR as f32);
                *sum += weight * probability;
                *total += weight;
            }
        }
    }

    /// The means; 0 where there was no tile.
    pub fn finish(mut self) -> Vec<f32> {
        for (sum, weight) in self.sums.iter_mut().zip(&self.weights) {
            if *weight > 0.0 {
                *sum /= weight;
            }
        }
        self.sums
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlaps_are_averaged_and_the_rest_is_zero() {
        let mut accumulator = Accumulator::new(4, 2, 2, Blend::Mean);
        accumulator.add(0, 0, 0.2);
        accumulator.add(1, 0, 0.6);
        let map = accumulator.finish();
        assert_eq!(map[0], 0.2);
        assert!((map[1] - 0.4).abs() < 1e-7);
        assert_eq!(&map[2..4], [0.6, 0.0]);
    }

    #[test]
    fn a_gaussian_leans_to_the_nearer_tile_and_keeps_constants() {
        let mut accumulator = Accumulator::new(96, 64, 64, Blend::Gaussian);
        accumulator.add(0, 0, 0.0);
        accumulator.add(32, 0, 1.0);
        let map = accumulator.finish();
        assert!(map[32 * 96 + 36] < 0.2 && map[32 * 96 + 60] > 0.8);
        let mut constant = Accumulator::new(96, 64, 64, Blend::Gaussian);
        constant.add(0, 0, 0.3);
        constant.add(32, 0, 0.3);
        assert!(constant.finish().iter().all(|value| (value - 0.3).abs() < 1e-6));
    }
}
