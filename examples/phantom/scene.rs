//! One angiogram: a coronary tree before a chest, seen through a noisy detector.

use std::f32::consts::TAU;

use image::GrayImage;
use rand::{Rng, RngExt};
use rand_chacha::ChaCha8Rng;

use crate::projection::path_lengths;
use crate::vessel::{Point, Sample, Tree, add, curve, normalized, resampled, scaled, sub};

/// Width and height of a scene in pixels.
pub const SIZE: usize = 384;

pub struct Scene {
    pub tree: Tree,
    pub image: GrayImage,
}

/// Attenuation values, row by row: what a beam has lost is exp(-value).
type Field = Vec<f32>;

impl Scene {
    /// Renders a tree with its narrowings.
    pub fn render(rng: &mut ChaCha8Rng, tree: Tree) -> Scene {
        let mut attenuation = chest(rng);
        let opacity = rng.random_range(0.085..0.115);
        let vessels = path_lengths(tree.vessels.iter().map(|vessel| vessel.samples.as_slice()), SIZE);
        let mut mixing = vec![1.0; SIZE * SIZE];
        add_clouds(rng, 5, 0.1, &mut mixing);
        for at in 0..attenuation.len() {
            attenuation[at] += vessels[at] * opacity * mixing[at];
        }
        add_blush(rng, &vessels, &mut attenuation);
        add_catheter(rng, &tree, opacity, &mut attenuation);
        let image = detect(rng, attenuation);
        Scene { tree, image }
    }
}

fn chest(rng: &mut ChaCha8Rng) -> Field {
    let size = SIZE as f32;
    let mut field = vec![0.0; SIZE * SIZE];
    for (cells, amplitude) in [(4, 0.16), (9, 0.06), (26, 0.025)] {
        add_clouds(rng, cells, amplitude, &mut field);
    }
    let slope = [rng.random_range(-0.2..0.2), rng.random_range(-0.2..0.2)];
    let heart = [rng.random_range(0.35..0.65) * size, rng.random_range(0.4..0.6) * size];
    let heart_radius = rng.random_range(0.4..0.65) * size;
    let heart_softness = rng.random_range(14.0..45.0);
    let heart_depth = rng.random_range(0.05..0.25);
    for_each_pixel(&mut field, |x, y, value| {
        let from_heart = ((x - heart[0]).powi(2) + ((y - heart[1]) * 1.15).powi(2)).sqrt();
        *value += slope[0] * (x / size - 0.5)
            + slope[1] * (y / size - 0.5)
            + heart_depth * soft_step((heart_radius - from_heart) / heart_softness);
    });
    if rng.random_bool(0.5) {
        let spine = Spine::draw(rng);
        for_each_pixel(&mut field, |x, y, value| *value += spine.at(x, y));
    }
    for rib in Rib::draw_cage(rng) {
        rib.add_to(&mut field);
    }
    if rng.random_bool(0.45) {
        let diaphragm = Diaphragm::draw(rng);
        for_each_pixel(&mut field, |x, y, value| *value += diaphragm.at(x, y));
    }
    field
}

fn for_each_pixel(field: &mut Field, mut visit: impl FnMut(f32, f32, &mut f32)) {
    for (y, row) in field.chunks_exact_mut(SIZE).enumerate() {
        for (x, value) in row.iter_mut().enumerate() {
            visit(x as f32, y as f32, value);
        }
    }
}

/// A vertical band with a lighter stripe at every disc.
struct Spine {
    middle: f32,
    lean: f32,
    half_width: f32,
    period: f32,
    phase: f32,
    depth: f32,
}

impl Spine {
    fn draw(rng: &mut ChaCha8Rng) -> Spine {
        let size = SIZE as f32;
        Spine {
            middle: size * rng.random_range(-0.05..1.05),
            lean: rng.random_range(-0.12..0.12),
            half_width: rng.random_range(36.0..54.0),
            period: rng.random_range(72.0..100.0),
            phase: rng.random_range(0.0..TAU),
            depth: rng.random_range(0.08..0.2),
        }
    }

    fn at(&self, x: f32, y: f32) -> f32 {
        let from_middle = (x - self.middle - self.lean * y).abs();
        let turn = (TAU * y / self.period + self.phase).cos();
        let waist = self.half_width + 2.5 * turn;
        let inside = soft_step((waist - from_middle) / 3.5);
        let disc = soft_step((turn - 0.96) * 30.0);
        self.depth * inside * (1.0 - 0.25 * disc)
    }
}

/// A curved band with denser borders.
struct Rib {
    height: f32,
    slope: f32,
    bend: f32,
    /// From vertical distance to distance.
    shortening: f32,
    half_width: f32,
    depth: f32,
}

impl Rib {
    fn draw_cage(rng: &mut ChaCha8Rng) -> Vec<Rib> {
        let slope = rng.random_range(-0.5..0.5_f32);
        let bend = rng.random_range(-0.0012..0.0012);
        let spacing = rng.random_range(68.0..105.0);
        let first = rng.random_range(-120.0..0.0);
        let depth = rng.random_range(0.0..0.045);
        let half_width = rng.random_range(9.0..14.0);
        (0..7)
            .map(|index| Rib {
                height: first + spacing * index as f32,
                slope: slope + rng.random_range(-0.05..0.05),
                bend,
                shortening: 1.0 / (1.0_f32 + slope * slope).sqrt(),
                half_width,
                depth,
            })
            .collect()
    }

    fn add_to(&self, field: &mut Field) {
        let reach = (self.half_width + 5.0) / self.shortening;
        for x in 0..SIZE {
            let across = x as f32 - SIZE as f32 / 2.0;
            let center = self.height + self.slope * across + self.bend * across * across;
            let end = ((center + reach).max(0.0) as usize).min(SIZE);
            for y in (center - reach).max(0.0) as usize..end {
                let distance = (y as f32 - center).abs() * self.shortening;
                let border = (distance - self.half_width + 1.5) / 1.8;
                let density = soft_step((self.half_width - distance) / 1.5) + 0.7 * (-border * border).exp();
                field[y * SIZE + x] += self.depth * density;
            }
        }
    }
}

/// The liver's dome at the lower border.
struct Diaphragm {
    top: f32,
    middle: f32,
    bend: f32,
    depth: f32,
    softness: f32,
}

impl Diaphragm {
    fn draw(rng: &mut ChaCha8Rng) -> Diaphragm {
        let size = SIZE as f32;
        Diaphragm {
            top: size * rng.random_range(0.62..0.95),
            middle: size * rng.random_range(-0.1..1.1),
            bend: rng.random_range(0.0006..0.002),
            depth: rng.random_range(0.2..0.5),
            softness: rng.random_range(2.0..7.0),
        }
    }

    fn at(&self, x: f32, y: f32) -> f32 {
        let edge = self.top + self.bend * (x - self.middle).powi(2);
        self.depth * soft_step((y - edge) / self.softness)
    }
}

/// The guiding catheter, from the image's upper border to the first vessel's mouth, and the puff that flows back.
fn add_catheter(rng: &mut ChaCha8Rng, tree: &Tree, opacity: f32, attenuation: &mut Field) {
    const WALL: f32 = 0.9;
    let mouth = &tree.vessels[0].samples;
    let tip = mouth[0].position;
    let away = normalized(sub(tip, mouth[20].position));
    let lean = rng.random_range(-60.0..60.0);
    let elbow = add(tip, scaled([away[0], away[1], 0.0], rng.random_range(18.0..40.0)));
    let course = [
        tip,
        elbow,
        [elbow[0] + 0.25 * lean, (elbow[1] - 70.0).min(tip[1] - 40.0), tip[2]],
        [elbow[0] + lean, -30.0, tip[2]],
    ];
    let radius = rng.random_range(2.9..3.5);
    let tube: Vec<Sample> = resampled(&curve(&course), |point: Point| point)
        .into_iter()
        .map(|position| Sample { position, radius })
        .collect();
    let through = path_lengths([tube.as_slice()].into_iter(), SIZE);
    let shell = 4.0 * (radius * radius - (radius - WALL).powi(2));
    let wall = rng.random_range(0.05..0.09);
    let filling = opacity * rng.random_range(0.3..0.8);
    let puff = rng.random_range(0.0..0.3);
    let puff_radius = rng.random_range(10.0..24.0_f32);
    for (value, outer) in attenuation.iter_mut().zip(through) {
        let inner = (outer * outer - shell).max(0.0).sqrt();
        *value += wall * (outer - inner) + filling * inner;
    }
    for_each_pixel(attenuation, |x, y, value| {
        let square = ((x - elbow[0]).powi(2) + (y - elbow[1]).powi(2)) / (puff_radius * puff_radius);
        if square < 9.0 {
            *value += puff * (-square).exp();
        }
    });
}

/// Beam, scatter, blur, quantum noise, and the window that the image is stored with.
fn detect(rng: &mut ChaCha8Rng, attenuation: Field) -> GrayImage {
    let mut signal: Field = attenuation.iter().map(|value| (-value).exp()).collect();
    let scatter = rng.random_range(0.05..0.15) * signal.iter().sum::<f32>() / signal.len() as f32;
    signal.iter_mut().for_each(|value| *value += scatter);
    gaussian_blur(&mut signal, rng.random_range(0.6..0.85));
    // A Poisson count of this size is nearly normally distributed.
    let quanta = rng.random_range(350.0..900.0_f32);
    for value in &mut signal {
        let count = *value * quanta;
        *value = (count + count.sqrt() * normal(rng)).max(0.0) / quanta;
    }
    gaussian_blur(&mut signal, rng.random_range(0.4..0.55));
    // The spread is estimated from a part of the pixels.
    let mut sorted: Vec<f32> = signal.iter().step_by(7).copied().collect();
    let mut quantile = |share: f32| {
        let at = (share * (sorted.len() - 1) as f32) as usize;
        *sorted.select_nth_unstable_by(at, f32::total_cmp).1
    };
    let (low, high) = (quantile(0.002), quantile(0.998));
    let [dark, bright] = [rng.random_range(8.0..30.0), rng.random_range(205.0..245.0)];
    let pixels = signal.iter().map(|value| {
        let share = (value - low) / (high - low);
        (dark + (bright - dark) * share + 0.5).clamp(0.0, 255.0) as u8
    });
    GrayImage::from_raw(SIZE as u32, SIZE as u32, pixels.collect()).expect("one byte per pixel")
}

/// Adds smooth random values that change over a `cells`-th of the image's width.
fn add_clouds(rng: &mut ChaCha8Rng, cells: usize, amplitude: f32, field: &mut Field) {
    let nodes = cells + 3;
    let heights: Vec<f32> = (0..nodes * nodes).map(|_| amplitude * rng.random_range(-1.0..1.0)).collect();
    add_splines(&heights, cells, field);
}

/// Adds the cubic spline surface over `cells` x `cells` cells with these heights, one row and column of nodes outside
/// the image on either side.
fn add_splines(heights: &[f32], cells: usize, field: &mut Field) {
    let nodes = cells + 3;
    let spline = |pixel: usize| {
        let position = pixel as f32 / SIZE as f32 * cells as f32;
        let t = position.fract();
        let u = 1.0 - t;
        let middle = |a: f32| (3.0 * a * a * a - 6.0 * a * a + 4.0) / 6.0;
        (position as usize, [u * u * u / 6.0, middle(t), middle(u), t * t * t / 6.0])
    };
    let splines: Vec<(usize, [f32; 4])> = (0..SIZE).map(spline).collect();
    for (row, (node, down)) in field.chunks_exact_mut(SIZE).zip(&splines) {
        let line: Vec<f32> =
            (0..nodes).map(|column| (0..4).map(|k| down[k] * heights[(node + k) * nodes + column]).sum()).collect();
        for (value, (node, across)) in row.iter_mut().zip(&splines) {
            *value += line[*node..node + 4].iter().zip(across).map(|(height, share)| height * share).sum::<f32>();
        }
    }
}

/// The muscle takes up some contrast medium around the vessels.
fn add_blush(rng: &mut ChaCha8Rng, vessels: &Field, attenuation: &mut Field) {
    const CELLS: usize = 14;
    const NODES: usize = CELLS + 3;
    let cell = SIZE as f32 / CELLS as f32;
    let uptake = rng.random_range(0.01..0.06) / (cell * cell);
    let node = |pixel: usize| (pixel as f32 / cell + 1.5) as usize;
    let mut heights = [0.0; NODES * NODES];
    for (at, length) in vessels.iter().enumerate() {
        heights[node(at / SIZE) * NODES + node(at % SIZE)] += uptake * length;
    }
    add_splines(&heights, CELLS, attenuation);
}

/// From 0 at -2 to 1 at 2.
fn soft_step(value: f32) -> f32 {
    let share = ((value + 2.0) / 4.0).clamp(0.0, 1.0);
    share * share * (3.0 - 2.0 * share)
}

/// A standard normal number, near enough: four uniform ones from one draw.
fn normal(rng: &mut ChaCha8Rng) -> f32 {
    let bits = rng.next_u64();
    let sum: u32 = (0..4).map(|part| (bits >> (16 * part)) as u32 & 0xffff).sum();
    (sum as f32 / 65536.0 - 2.0) * 3.0_f32.sqrt()
}

fn gaussian_blur(field: &mut Field, sigma: f32) {
    const REACH: usize = 3;
    let mut kernel: [f32; 2 * REACH + 1] =
        std::array::from_fn(|at| (-(at as f32 - REACH as f32).powi(2) / (2.0 * sigma * sigma)).exp());
    let sum: f32 = kernel.iter().sum();
    kernel.iter_mut().for_each(|weight| *weight /= sum);
    let mut line = [0.0; SIZE + 2 * REACH];
    for row in field.chunks_exact_mut(SIZE) {
        line[..REACH].fill(row[0]);
        line[REACH..REACH + SIZE].copy_from_slice(row);
        line[REACH + SIZE..].fill(row[SIZE - 1]);
        for (value, window) in row.iter_mut().zip(line.windows(kernel.len())) {
            *value = window.iter().zip(&kernel).map(|(value, weight)| value * weight).sum();
        }
    }
    let rows = field.clone();
    for (y, row) in field.chunks_exact_mut(SIZE).enumerate() {
        row.fill(0.0);
        for (at, weight) in kernel.iter().enumerate() {
            let from = (y + at).saturating_sub(REACH).min(SIZE - 1) * SIZE;
            for (value, neighbour) in row.iter_mut().zip(&rows[from..from + SIZE]) {
                *value += weight * neighbour;
            }
        }
    }
}
