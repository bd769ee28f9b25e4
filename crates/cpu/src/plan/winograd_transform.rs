//! Winograd's minimal filtering F(MxM, 3x3) (Lavin and Gray 2016): an M x M output tile from an (M+2) x (M+2) input
//! tile costs (M+2)^2 products of channels instead of 9 M^2. Input and output transforms, and the transform of filters
//! when they are packed.

use super::vector::{Instructions, Vector};

/// Input channels of a dense layer's 3x3 convolution: the width of its bottleneck.
pub const BOTTLENECK: usize = 128;
/// Output channels of a dense layer.
pub const GROWTH_RATE: usize = 32;

/// Interpolation points of F(4x4,3x3): 0, these two and their negatives, infinity. Rounding errors are about half of
/// those with the textbook's 1 and 2 (Barabasz et al. 2020); squares and their product are exact.
const INNER_POINT: f64 = 0.625;
const OUTER_POINT: f64 = 1.5;

/// Size of the output tiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tiling {
    /// F(2x2,3x3).
    F2x2,
    /// F(4x4,3x3).
    F4x4,
}

impl Tiling {
    /// Side M of an output tile.
    pub fn tile_side(self) -> usize {
        match self {
            Tiling::F2x2 => 2,
            Tiling::F4x4 => 4,
        }
    }

    /// Points of a transformed tile, (M+2)^2.
    pub fn points(self) -> usize {
        (self.tile_side() + 2) * (self.tile_side() + 2)
    }

    /// Floats of a layer's packed filters.
    pub fn weight_count(self) -> usize {
        self.points() * BOTTLENECK * GROWTH_RATE
    }

    /// Transforms and packs a layer's filters, output x input x 3 x 3, to `weight_count()` floats:
    /// `[point][panel][input][column]`.
    pub fn pack(self, instructions: Instructions, weight: &[f32], target: &mut [f32]) {
        let width = instructions.nr();
        match self {
            Tiling::F2x2 => {
                let rows = [[1.0, 0.0, 0.0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0.0, 0.0, 1.0]];
                pack_points(rows, width, weight, target);
            }
            Tiling::F4x4 => {
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

/// Transforms filters by the matrix G, which has a row for each point of one dimension.
fn pack_points<const ALPHA: usize>(rows: [[f64; 3]; ALPHA], width: usize, weight: &[f32], target: &mut [f32]) {
    let dot = |row: [f64; 3], values: [f64; 3]| row[0] * values[0] + row[1] * values[1] + row[2] * values[2];
    let filters = weight.as_chunks::<9>().0;
    // Outputs are adjacent, so that cache lines are written whole.
    for (input, output) in (0..BOTTLENECK).flat_map(|input| (0..GROWTH_RATE).map(move |output| (input, output))) {
        let filter = &filters[output * BOTTLENECK + input];
        let offset = (output / width * BOTTLENECK + input) * width + output % width;
        let value = |row: usize, column: usize| f64::from(filter[row * 3 + column]);
        for y in 0..ALPHA {
            let column = |x: usize| dot(rows[y], [value(0, x), value(1, x), value(2, x)]);
            let line = [column(0), column(1), column(2)];
            for x in 0..ALPHA {
                target[(y * ALPHA + x) * BOTTLENECK * GROWTH_RATE + offset] = dot(rows[x], line) as f32;
            }
        }
    }
}

/// One-dimensional transforms of output tiles of M from input tiles of ALPHA = M + 2.
pub trait WinogradTransform<const M: usize, const ALPHA: usize> {
    fn input<V: Vector>(values: [V; ALPHA]) -> [V; ALPHA];
    fn output<V: Vector>(products: [V; ALPHA]) -> [V; M];
}

/// F(2x2,3x3).
pub struct F2x2;

impl WinogradTransform<2, 4> for F2x2 {
    #[inline(always)]
    fn input<V: Vector>([a, b, c, d]: [V; 4]) -> [V; 4] {
        [a.sub(c), b.add(c), c.sub(b), b.sub(d)]
    }
    #[inline(always)]
    fn output<V: Vector>([a, b, c, d]: [V; 4]) -> [V; 2] {
        [a.add(b).add(c), b.sub(c).sub(d)]
    }
}

/// F(4x4,3x3).
pub struct F4x4;

impl WinogradTransform<4, 6> for F4x4 {
    #[inline(always)]
    fn input<V: Vector>([d0, d1, d2, d3, d4, d5]: [V; 6]) -> [V; 6] {
        let number = |value: f64| V::splat(value as f32);
        let (a, b) = (INNER_POINT, OUTER_POINT);
        let (a2, b2) = (number(-a * a), number(-b * b));
        let (all, sum) = (number(a * a * b * b), number(-(a * a + b * b)));
        let (even_a, odd_a) = (d2.mul_add(b2, d4), d1.mul_add(b2, d3));
        let (even_b, odd_b) = (d2.mul_add(a2, d4), d1.mul_add(a2, d3));
        [
            d0.mul_add(all, d2.mul_add(sum, d4)),
            odd_a.mul_add(number(a), even_a),
            odd_a.mul_add(number(-a), even_a),
            odd_b.mul_add(number(b), even_b),
            odd_b.mul_add(number(-b), even_b),
            d1.mul_add(all, d3.mul_add(sum, d5)),
        ]
    }
    #[inline(always)]
    fn output<V: Vector>([m0, m1, m2, m3, m4, m5]: [V; 6]) -> [V; 4] {
        let number = |value: f64| V::splat(value as f32);
        let (a, b) = (INNER_POINT, OUTER_POINT);
        let (sum_a, difference_a) = (m1.add(m2), m1.sub(m2));
        let (sum_b, difference_b) = (m3.add(m4), m3.sub(m4));
        [
            m0.add(sum_a).add(sum_b),
            difference_a.mul_add(number(a), difference_b.mul(number(b))),
            sum_a.mul_add(number(a * a), sum_b.mul(number(b * b))),
            difference_a.mul_add(number(a * a * a), difference_b.mul_add(number(b * b * b), m5)),
        ]
    }
}
