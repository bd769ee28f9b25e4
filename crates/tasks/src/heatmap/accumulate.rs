//! From tiles' values to a value for every pixel, a row of tiles at a time.

use lens_base::options::Choice;

/// How overlapping tiles are weighted where they meet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Choice)]
pub enum Blend {
    /// Each tile counts the same in all its pixels, as in the reference pipeline.
    #[default]
    Mean,
    /// A tile counts most in its middle: a Gaussian with a standard deviation of 1/8 of the tile, at least 1/1000 of its
    /// peak, as in sliding-window inference of segmentation networks. Smoother heatmaps.
    Gaussian,
}

/// Standard deviation of the Gaussian, in tiles, and its smallest weight, in peaks: those of sliding-window inference in
/// nnU-Net (Isensee et al. 2021) and MONAI.
const SIGMA: f64 = 0.125;
const FLOOR: f64 = 1e-3;

impl Blend {
    /// Weights along one side of a tile; a pixel's weight is the product of two, which `Accumulator` bounds from below.
    fn profile(self, side: usize) -> Vec<f32> {
        match self {
            Blend::Mean => vec![1.0; side],
            Blend::Gaussian => {
                let middle = (side as f64 - 1.0) / 2.0;
                let sigma = SIGMA * side as f64;
                (0..side).map(|x| (-0.5 * ((x as f64 - middle) / sigma).powi(2)).exp() as f32).collect()
            }
        }
    }
}

/// Weighted sums, in 32-bit floats, for the pixel rows that tiles may still be added to: as many as a tile is high.
pub struct Accumulator {
    width: usize,
    across: Vec<f32>,
    down: Vec<f32>,
    sums: Vec<f32>,
    weights: Vec<f32>,
}

impl Accumulator {
    /// For an image of this width and tiles of this width and height.
    pub fn new(width: usize, (tile_width, tile_height): (usize, usize), blend: Blend) -> Self {
        Accumulator {
            width,
            across: blend.profile(tile_width),
            down: blend.profile(tile_height),
            sums: vec![0.0; width * tile_height],
            weights: vec![0.0; width * tile_height],
        }
    }

    /// Adds a tile that covers the rows held, from column `x` on.
    pub fn add(&mut self, x: usize, value: f32) {
        let rows = self.sums.chunks_exact_mut(self.width).zip(self.weights.chunks_exact_mut(self.width));
        for ((sums, weights), down) in rows.zip(&self.down) {
            let sums = &mut sums[x..x + self.across.len()];
            let weights = &mut weights[x..x + self.across.len()];
            for ((sum, total), across) in sums.iter_mut().zip(weights).zip(&self.across) {
                let weight = (across * down).max(FLOOR as f32);
                *sum += weight * value;
                *total += weight;
            }
        }
    }

    /// Finishes the first `rows` of the rows held, at most a tile's height, and goes on as many rows further down.
    /// Gives the means of the finished ones; 0 where there was no tile.
    pub fn finish_rows(&mut self, rows: usize) -> Vec<f32> {
        let count = rows * self.width;
        let means = self.sums[..count]
            .iter()
            .zip(&self.weights)
            .map(|(sum, weight)| if *weight > 0.0 { sum / weight } else { 0.0 })
            .collect();
        for held in [&mut self.sums, &mut self.weights] {
            held.copy_within(count.., 0);
            let left = held.len() - count;
            held[left..].fill(0.0);
        }
        means
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mean_of_overlaps() {
        let mut accumulator = Accumulator::new(4, (2, 2), Blend::Mean);
        accumulator.add(0, 0.2);
        accumulator.add(1, 0.6);
        let heatmap = accumulator.finish_rows(2);
        assert_eq!(heatmap[0], 0.2);
        assert!((heatmap[1] - 0.4).abs() < 1e-7);
        assert_eq!(&heatmap[2..4], [0.6, 0.0]);
        assert_eq!(accumulator.finish_rows(2), [0.0; 8]);
    }

    #[test]
    fn rows_are_finished_once() {
        let mut accumulator = Accumulator::new(1, (1, 3), Blend::Mean);
        accumulator.add(0, 0.25);
        assert_eq!(accumulator.finish_rows(2), [0.25, 0.25]);
        accumulator.add(0, 0.75);
        assert_eq!(accumulator.finish_rows(3), [0.5, 0.75, 0.75]);
    }

    #[test]
    fn gaussian_blend() {
        let mut accumulator = Accumulator::new(96, (64, 64), Blend::Gaussian);
        accumulator.add(0, 0.0);
        accumulator.add(32, 1.0);
        let heatmap = accumulator.finish_rows(64);
        assert!(heatmap[32 * 96 + 36] < 0.2 && heatmap[32 * 96 + 60] > 0.8);
        accumulator.add(0, 0.3);
        accumulator.add(32, 0.3);
        assert!(accumulator.finish_rows(64).iter().all(|value| (value - 0.3).abs() < 1e-6));
    }
}
