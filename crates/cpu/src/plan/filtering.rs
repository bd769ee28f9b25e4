//! Winograd's minimal filtering (Lavin and Gray 2016): an M x M tile of the output from an (M+2) x (M+2) patch of the
//! input costs (M+2)^2 products of channels instead of 9 M^2. Its transforms, and the filters' when they are packed.

use super::vector::{Instructions, Vector};

/// Channels that the convolution reads.
pub const INNER: usize = 128;
/// Channels that it adds.
pub const GROWTH: usize = 32;

/// Points of F(4x4,3x3): 0, the two numbers, their negatives, infinity. Rounding errors are about half of those with
/// the textbook's 1 and 2 (Barabasz et al. 2020); squares and their product are exact.
const INNER_POINT: f64 = 0.625;
const OUTER_POINT: f64 = 1.5;

/// Size of the tiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tiling {
    /// F(2x2,3x3).
    Two,
    /// F(4x4,3x3).
    Four,
}

impl Tiling {
    /// Side of a tile of the output.
    pub fn side(self) -> usize {
        match self {
            Tiling::Two => 2,
            Tiling::Four => 4,
        }
    }

    /// Products of each pair of channels.
    pub fn points(self) -> usize {
        (self.side() + 2) * (self.side() + 2)
    }

    /// Floats of a layer's packed weights.
    pub fn weight_count(self) -> usize {
        self.points() * INNER * GROWTH
    }

    /// Packs a layer's weights, output x input x 3 x 3, to `weight_count()` floats: `[point][panel][input][column]`.
    pub fn pack(self, instructions: Instructions, weight: &[f32], target: &mut [f32]) {
        let width = 2 * instructions.lanes();
        match self {
            Tiling::Two => {
                let rows = [[1.0, 0.0, 0.0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0.0, 0.0, 1.0]];
                pack_points(rows, width, weight, target);
            }
            Tiling::Four => {
                let (a, b) = (INNER_POINT, OUTER_POINT);
                let row = |point: f64, other: f64| {
                    let share = 1.0 / (2.0 * point * point * (point * point - other * other));
                    [share, share * point, share * point * point]
                };
                let zero = [1.0 / (a * a * b * b), 0.0, 0.0];
                pack_points(
                    [zero, row(a, b), row(-a, b), row(b, a), row(-b, a), [0.0, 0.0, 1.0]],
                    width,
                    weight,
                    target,
                );
            }
        }
    }
}

/// Transforms filters, with a row of the transform for each of the points of one direction.
fn pack_points<const S: usize>(rows: [[f64; 3]; S], width: usize, weight: &[f32], target: &mut [f32]) {
    let dot = |row: [f64; 3], values: [f64; 3]| row[0] * values[0] + row[1] * values[1] + row[2] * values[2];
    let filters = weight.as_chunks::<9>().0;
    // Outputs lie beside each other: lines of the caches are written whole.
    for (input, output) in (0..INNER).flat_map(|input| (0..GROWTH).map(move |output| (input, output))) {
        let filter = &filters[output * INNER + input];
        let place = (output / width * INNER + input) * width + output % width;
        let value = |row: usize, column: usize| f64::from(filter[row * 3 + column]);
        for y in 0..S {
            let column = |x: usize| dot(rows[y], [value(0, x), value(1, x), value(2, x)]);
            let line = [column(0), column(1), column(2)];
            for x in 0..S {
                target[(y * S + x) * INNER * GROWTH + place] = dot(rows[x], line) as f32;
            }
        }
    }
}

/// One-dimensional transforms of tiles of M outputs from S = M + 2 inputs.
pub trait Filtering<const M: usize, const S: usize> {
    fn input<V: Vector>(values: [V; S]) -> [V; S];
    fn output<V: Vector>(products: [V; S]) -> [V; M];
}

/// F(2x2,3x3).
pub struct Two;

impl Filtering<2, 4> for Two {
    #[inline(always)]
    fn input<V: Vector>([a, b, c, d]: [V; 4]) -> [V; 4] {
        [a.minus(c), b.plus(c), c.minus(b), b.minus(d)]
    }
    #[inline(always)]
    fn output<V: Vector>([a, b, c, d]: [V; 4]) -> [V; 2] {
        [a.plus(b).plus(c), b.minus(c).minus(d)]
    }
}

/// F(4x4,3x3).
pub struct Four;

impl Filtering<4, 6> for Four {
    #[inline(always)]
    fn input<V: Vector>([d0, d1, d2, d3, d4, d5]: [V; 6]) -> [V; 6] {
        let number = |value: f64| V::splat(value as f32);
        let (a, b) = (INNER_POINT, OUTER_POINT);
        let (a2, b2) = (number(-a * a), number(-b * b));
        let (all, sum) = (number(a * a * b * b), number(-(a * a + b * b)));
        let (even_a, odd_a) = (d2.times_plus(b2, d4), d1.times_plus(b2, d3));
        let (even_b, odd_b) = (d2.times_plus(a2, d4), d1.times_plus(a2, d3));
        [
            d0.times_plus(all, d2.times_plus(sum, d4)),
            odd_a.times_plus(number(a), even_a),
            odd_a.times_plus(number(-a), even_a),
            odd_b.times_plus(number(b), even_b),
            odd_b.times_plus(number(-b), even_b),
            d1.times_plus(all, d3.times_plus(sum, d5)),
        ]
    }
    #[inline(always)]
    fn output<V: Vector>([m0, m1, m2, m3, m4, m5]: [V; 6]) -> [V; 4] {
        let number = |value: f64| V::splat(value as f32);
        let (a, b) = (INNER_POINT, OUTER_POINT);
        let (sum_a, difference_a) = (m1.plus(m2), m1.minus(m2));
        let (sum_b, difference_b) = (m3.plus(m4), m3.minus(m4));
        [
            m0.plus(sum_a).plus(sum_b),
            difference_a.times_plus(number(a), difference_b.times(number(b))),
            sum_a.times_plus(number(a * a), sum_b.times(number(b * b))),
            difference_a.times_plus(number(a * a * a), difference_b.times_plus(number(b * b * b), m5)),
        ]
    }
}
