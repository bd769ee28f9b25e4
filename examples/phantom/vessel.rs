//! Coronary trees: curves on a heart-shaped ellipsoid, drawn at random and projected like an angiogram's view.

use std::f32::consts::{PI, TAU};
use std::ops::Range;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

pub type Point = [f32; 3];

/// Distance of neighbouring samples of a vessel, in pixels along the vessel.
const STEP: f32 = 0.5;

/// Narrowings are drawn, and controls are taken, where a vessel is at least this wide.
const SITE_RADIUS: f32 = 2.5;

/// Narrowings leave at least this much open: what a detector cannot show would be an occlusion.
const THREAD_RADIUS: f32 = 0.7;

/// One ball of the string of balls that a vessel is; z points along the beam.
#[derive(Clone, Copy)]
pub struct Sample {
    pub position: Point,
    pub radius: f32,
}

pub struct Vessel {
    pub samples: Vec<Sample>,
    /// Where the vessel would run without wall irregularities and wiggles, on the ellipsoid: (longitude, latitude, depth).
    nominal: Vec<Point>,
    /// What the wiggles added, so that branches start on the vessel as it is drawn.
    offset: Vec<Point>,
}

pub struct Tree {
    pub vessels: Vec<Vessel>,
    pub narrowings: Vec<Narrowing>,
}

/// A point on a vessel that can be seen well enough to be judged: side-on, and not covered by another vessel.
#[derive(Clone, Copy)]
pub struct Site {
    vessel: usize,
    sample: usize,
    half_length: f32,
    pub x: f32,
    pub y: f32,
}

/// A rectangle in pixels: left, top, right, bottom.
#[derive(Clone, Copy)]
pub struct Bounds {
    pub left: f32,
    pub top: f32,
    pub right: f32,
    pub bottom: f32,
}

impl Bounds {
    pub fn overlaps(&self, other: &Bounds) -> bool {
        self.left < other.right && other.left < self.right && self.top < other.bottom && other.top < self.bottom
    }
}

pub struct Narrowing {
    /// Around the narrowed stretch as wide as the vessel was before.
    pub bounds: Bounds,
}

/// The ellipsoid and the direction of the view.
struct Heart {
    long: f32,
    wide: f32,
    /// Image directions of the ellipsoid's axes; the last is the long axis, base to apex.
    axes: [Point; 3],
}

impl Heart {
    fn draw(rng: &mut ChaCha8Rng) -> Heart {
        let azimuth = rng.random_range(0.3..2.3_f32);
        let elevation = rng.random_range(-0.6..0.6_f32);
        let spin = rng.random_range(0.0..TAU);
        let axis = [azimuth.cos() * elevation.cos(), azimuth.sin() * elevation.cos(), elevation.sin()];
        let across = normalized([-azimuth.sin(), azimuth.cos(), 0.0]);
        let third = cross(axis, across);
        let turned = add(scaled(across, spin.cos()), scaled(third, spin.sin()));
        let size = rng.random_range(0.9..1.15);
        Heart { long: 225.0 * size, wide: 152.0 * size, axes: [turned, cross(axis, turned), axis] }
    }

    /// Longitude and latitude in radians (latitude 0 is the base, a quarter turn the apex), depth 1 on the surface.
    fn project(&self, [longitude, latitude, depth]: Point) -> Point {
        let around = self.wide * latitude.cos() * depth;
        let along = self.long * latitude.sin() * depth;
        let [first, second, axis] = self.axes;
        add(add(scaled(first, around * longitude.cos()), scaled(second, around * longitude.sin())), scaled(axis, along))
    }
}

impl Tree {
    /// Draws a left (mostly) or right coronary tree, centred in an image of `size` pixels.
    pub fn draw(rng: &mut ChaCha8Rng, size: f32) -> Tree {
        let heart = Heart::draw(rng);
        let mut tree = Tree { vessels: Vec::new(), narrowings: Vec::new() };
        if rng.random_bool(0.62) {
            tree.grow_left(rng, &heart);
        } else {
            tree.grow_right(rng, &heart);
        }
        tree.grow_twigs(rng, &heart);
        tree.center(rng, size);
        tree
    }

    fn grow_left(&mut self, rng: &mut ChaCha8Rng, heart: &Heart) {
        let main_radius = rng.random_range(4.9..5.9_f32);
        let main = self.trunk(
            heart,
            &[[0.35, -0.14, 0.72], [0.15, -0.05, 0.87], [0.0, 0.06, 1.0]],
            [main_radius, main_radius * 0.95],
            rng,
        );
        let anterior = self.branch(
            heart,
            (main, 1.0),
            &[
                [0.08, 0.35, 1.0],
                [rng.random_range(0.0..0.3), 0.75, 1.0],
                [rng.random_range(-0.1..0.3), 1.15, 1.0],
                [rng.random_range(-0.2..0.4), rng.random_range(1.4..1.65), 1.0],
            ],
            [main_radius * rng.random_range(0.78..0.88), rng.random_range(1.0..1.4)],
            rng,
        );
        let circumflex = self.branch(
            heart,
            (main, 1.0),
            &[
                [-0.5, rng.random_range(0.04..0.16), 1.0],
                [-1.2, rng.random_range(0.06..0.2), 1.0],
                [-1.9, rng.random_range(0.1..0.3), 1.0],
                [rng.random_range(-2.7..-2.3), rng.random_range(0.2..0.6), 1.0],
            ],
            [main_radius * rng.random_range(0.72..0.86), rng.random_range(1.0..1.4)],
            rng,
        );
        if rng.random_bool(0.3) {
            let share = rng.random_range(0.5..0.62);
            let end = [rng.random_range(-0.9..-0.6), rng.random_range(0.8..1.0), 1.0];
            self.side_branch(heart, (main, 1.0), end, share, rng);
        }
        for at in [0.16, 0.34, 0.52] {
            let at = at + rng.random_range(-0.05..0.05);
            let [longitude, latitude, _] = self.nominal(anterior, at);
            let end = [longitude - rng.random_range(0.5..0.9), (latitude + rng.random_range(0.4..0.65)).min(1.4), 1.0];
            let share = rng.random_range(0.5..0.78);
            self.side_branch(heart, (anterior, at), end, share, rng);
        }
        for _ in 0..rng.random_range(2..5) {
            let at = rng.random_range(0.1..0.6);
            let [longitude, latitude, _] = self.nominal(anterior, at);
            let end = [longitude + rng.random_range(0.15..0.4), latitude + 0.3, rng.random_range(0.6..0.8)];
            let share = rng.random_range(0.25..0.38);
            self.side_branch(heart, (anterior, at), end, share, rng);
        }
        for at in [0.27, 0.55, 0.8] {
            let at = at + rng.random_range(-0.07..0.07);
            let [longitude, latitude, _] = self.nominal(circumflex, at);
            let end = [longitude - rng.random_range(0.0..0.4), (latitude + rng.random_range(0.6..0.9)).min(1.35), 1.0];
            let share = rng.random_range(0.6..0.85);
            self.side_branch(heart, (circumflex, at), end, share, rng);
        }
    }

    fn grow_right(&mut self, rng: &mut ChaCha8Rng, heart: &Heart) {
        let radius = rng.random_range(4.8..5.8_f32);
        let far_radius = radius * rng.random_range(0.55..0.68);
        let right = self.trunk(
            heart,
            &[
                [1.1, -0.22, 0.55],
                [1.35, -0.08, 0.9],
                [1.75, rng.random_range(0.0..0.15), 1.0],
                [2.4, rng.random_range(0.05..0.2), 1.0],
                [2.95, rng.random_range(0.1..0.25), 1.0],
                [3.3, 0.15, 1.0],
            ],
            [radius, far_radius],
            rng,
        );
        self.branch(
            heart,
            (right, 1.0),
            &[
                [3.42, 0.4, 1.0],
                [rng.random_range(3.2..3.6), 0.75, 1.0],
                [rng.random_range(3.1..3.6), rng.random_range(1.0..1.3), 1.0],
            ],
            [far_radius * 0.85, rng.random_range(0.9..1.2)],
            rng,
        );
        let lateral = self.branch(
            heart,
            (right, 1.0),
            &[[3.6, 0.12, 0.97], [4.0, 0.25, 1.0], [rng.random_range(4.2..4.5), rng.random_range(0.5..0.8), 1.0]],
            [far_radius * 0.85, rng.random_range(0.9..1.2)],
            rng,
        );
        for at in [0.35, 0.6] {
            let [longitude, latitude, _] = self.nominal(lateral, at);
            let end = [longitude + rng.random_range(-0.1..0.3), latitude + rng.random_range(0.4..0.6), 1.0];
            let share = rng.random_range(0.5..0.7);
            self.side_branch(heart, (lateral, at), end, share, rng);
        }
        for (at, share) in [(0.16, 0.35), (0.4, 0.5), (0.6, 0.55)] {
            let at = at + rng.random_range(-0.06..0.06);
            let [longitude, latitude, _] = self.nominal(right, at);
            let end = [longitude - rng.random_range(0.2..0.6), latitude + rng.random_range(0.5..0.85), 1.0];
            self.side_branch(heart, (right, at), end, share * rng.random_range(0.85..1.15), rng);
        }
    }

    /// The many small branches without names.
    fn grow_twigs(&mut self, rng: &mut ChaCha8Rng, heart: &Heart) {
        let named = self.vessels.len();
        for _ in 0..rng.random_range(9..18) {
            let parent = rng.random_range(0..named);
            let at = rng.random_range(0.2..0.92);
            let [longitude, latitude, depth] = self.nominal(parent, at);
            let side = if rng.random_bool(0.5) { 1.0 } else { -1.0 };
            let end = [
                longitude + side * rng.random_range(0.12..0.4),
                latitude + rng.random_range(0.1..0.4),
                depth * rng.random_range(0.9..1.02),
            ];
            let radius = self.vessels[parent].sample_at(at).radius;
            let share = (rng.random_range(0.8..1.3) / radius).min(0.7);
            self.side_branch(heart, (parent, at), end, share, rng);
        }
    }

    fn nominal(&self, vessel: usize, at: f32) -> Point {
        let nominal = &self.vessels[vessel].nominal;
        nominal[index_at(nominal.len(), at)]
    }

    fn trunk(&mut self, heart: &Heart, course: &[Point], radii: [f32; 2], rng: &mut ChaCha8Rng) -> usize {
        self.vessels.push(Vessel::draw(heart, course, [0.0; 3], radii, rng));
        self.vessels.len() - 1
    }

    /// A vessel that leaves `parent` at a share of its length and follows `course`.
    fn branch(
        &mut self,
        heart: &Heart,
        (parent, at): (usize, f32),
        course: &[Point],
        radii: [f32; 2],
        rng: &mut ChaCha8Rng,
    ) -> usize {
        let from = &self.vessels[parent];
        let mut whole = vec![from.nominal[index_at(from.nominal.len(), at)]];
        whole.extend_from_slice(course);
        let offset = from.offset[index_at(from.offset.len(), at)];
        self.vessels.push(Vessel::draw(heart, &whole, offset, radii, rng));
        self.vessels.len() - 1
    }

    fn side_branch(&mut self, heart: &Heart, from: (usize, f32), end: Point, share: f32, rng: &mut ChaCha8Rng) {
        let start = self.nominal(from.0, from.1);
        let bend = rng.random_range(0.25..0.75);
        let middle = [
            start[0] + (end[0] - start[0]) * bend,
            start[1] + (end[1] - start[1]) * (1.0 - bend),
            (start[2] + end[2]) / 2.0,
        ];
        let radius = self.vessels[from.0].sample_at(from.1).radius * share;
        let thin = rng.random_range(0.6..0.9_f32).min(radius);
        self.branch(heart, from, &[middle, end], [radius, thin], rng);
    }

    fn center(&mut self, rng: &mut ChaCha8Rng, size: f32) {
        let (mut low, mut high) = ([f32::MAX; 2], [f32::MIN; 2]);
        for sample in self.vessels.iter().flat_map(|vessel| &vessel.samples) {
            for axis in 0..2 {
                low[axis] = low[axis].min(sample.position[axis]);
                high[axis] = high[axis].max(sample.position[axis]);
            }
        }
        for axis in 0..2 {
            let shift = size / 2.0 - (low[axis] + high[axis]) / 2.0 + rng.random_range(-18.0..18.0);
            for sample in self.vessels.iter_mut().flat_map(|vessel| &mut vessel.samples) {
                sample.position[axis] += shift;
            }
        }
    }

    /// A random point where a narrowing could be judged, at least `margin` pixels inside an image of `size` pixels.
    pub fn find_site(&self, rng: &mut ChaCha8Rng, size: f32, margin: f32) -> Option<Site> {
        let wide: Vec<(usize, usize)> = self
            .vessels
            .iter()
            .enumerate()
            .flat_map(|(index, vessel)| {
                let eligible = |sample: &Sample| {
                    let [x, y, _] = sample.position;
                    let inside = |value: f32| (margin..size - margin).contains(&value);
                    sample.radius >= SITE_RADIUS && inside(x) && inside(y)
                };
                (0..vessel.samples.len()).filter(move |&at| eligible(&vessel.samples[at])).map(move |at| (index, at))
            })
            .collect();
        if wide.is_empty() {
            return None;
        }
        (0..200).find_map(|_| {
            let (vessel, sample) = wide[rng.random_range(0..wide.len())];
            let diameter = 2.0 * self.vessels[vessel].samples[sample].radius;
            let half_length = diameter * rng.random_range(1.1..2.0);
            self.clear_site(vessel, sample, half_length)
        })
    }

    fn clear_site(&self, vessel: usize, sample: usize, half_length: f32) -> Option<Site> {
        let samples = &self.vessels[vessel].samples;
        let reach = (half_length / STEP) as usize;
        let clearance = reach + (samples[sample].radius / STEP) as usize;
        if sample < clearance || sample + clearance >= samples.len() {
            return None;
        }
        let [first, last] = [samples[sample - reach], samples[sample + reach]];
        let seen = (last.position[0] - first.position[0]).hypot(last.position[1] - first.position[1]);
        if seen < 0.8 * 2.0 * half_length {
            return None;
        }
        let middle = samples[sample].position;
        let near: Vec<Sample> = self
            .vessels
            .iter()
            .enumerate()
            .flat_map(|(index, other)| {
                let own = index == vessel;
                let elsewhere = move |at: &usize| !own || at.abs_diff(sample) > 2 * clearance;
                (0..other.samples.len()).step_by(4).filter(elsewhere).map(|at| other.samples[at])
            })
            // Thin branches neither hide nor resemble a narrowing.
            .filter(|ball| ball.radius > 1.3 && closer_in_picture(middle, ball.position, 2.0 * half_length + 20.0))
            .collect();
        let covered = |own: &Sample| {
            near.iter().any(|ball| closer_in_picture(own.position, ball.position, own.radius + ball.radius + 2.0))
        };
        if samples[sample - reach..=sample + reach].iter().step_by(4).any(covered) {
            return None;
        }
        let [x, y, _] = samples[sample].position;
        Some(Site { vessel, sample, half_length, x, y })
    }

    /// Narrows the vessel by a share of its diameter out of `severities` at most, smoothly to nothing at the site's ends.
    pub fn narrow(&mut self, rng: &mut ChaCha8Rng, site: Site, severities: Range<f32>) {
        let samples = &mut self.vessels[site.vessel].samples;
        let severity = rng.random_range(severities).min(1.0 - THREAD_RADIUS / samples[site.sample].radius);
        let reach = (site.half_length / STEP) as usize;
        let range = site.sample - reach..=site.sample + reach;
        let mut bounds = Bounds { left: f32::MAX, top: f32::MAX, right: f32::MIN, bottom: f32::MIN };
        for Sample { position: [x, y, _], radius } in &samples[range.clone()] {
            bounds.left = bounds.left.min(x - radius);
            bounds.top = bounds.top.min(y - radius);
            bounds.right = bounds.right.max(x + radius);
            bounds.bottom = bounds.bottom.max(y + radius);
        }
        let along = normalized(sub(samples[site.sample + reach].position, samples[site.sample - reach].position));
        let sideways = normalized([-along[1], along[0], 0.0]);
        let eccentricity = if rng.random_bool(0.6) { rng.random_range(-0.9..0.9) } else { 0.0 };
        let plateau = rng.random_range(0.1..0.4);
        let skew = rng.random_range(-0.3..0.3_f32);
        for at in range {
            let from_middle = (at as f32 - site.sample as f32) / reach as f32;
            // The narrowest point is off the middle, as plaques' shoulders differ.
            let skewed = if from_middle < skew {
                (skew - from_middle) / (1.0 + skew)
            } else {
                (from_middle - skew) / (1.0 - skew)
            };
            let fall = ((skewed - plateau) / (1.0 - plateau)).clamp(0.0, 1.0);
            let loss = severity * 0.5 * (1.0 + (PI * fall).cos()) * samples[at].radius;
            samples[at].radius -= loss;
            samples[at].position = add(samples[at].position, scaled(sideways, eccentricity * loss));
        }
        self.narrowings.push(Narrowing { bounds });
    }

    /// Points where two vessels of visible size cross or part.
    pub fn junctions(&self) -> Vec<(f32, f32)> {
        let seen: Vec<(usize, Sample)> = self
            .vessels
            .iter()
            .enumerate()
            .flat_map(|(index, vessel)| vessel.samples.iter().step_by(6).map(move |sample| (index, *sample)))
            .filter(|(_, sample)| sample.radius > 1.6)
            .collect();
        let mut points = Vec::new();
        for (index, sample) in &seen {
            let crossed = seen.iter().any(|(other, ball)| {
                other > index && closer_in_picture(sample.position, ball.position, sample.radius.max(2.0))
            });
            if crossed {
                points.push((sample.position[0], sample.position[1]));
            }
        }
        points
    }
}

impl Vessel {
    fn draw(heart: &Heart, course: &[Point], start: Point, radii: [f32; 2], rng: &mut ChaCha8Rng) -> Vessel {
        let nominal = resampled(&curve(course), |point| heart.project(point));
        let length = nominal.len() as f32 * STEP;
        let sway = [(); 3].map(|()| Wave::draw(60.0..150.0, (0.03 * length).clamp(1.0, 5.5), rng));
        let curl = [(); 3].map(|()| Wave::draw(26.0..48.0, rng.random_range(0.2..1.0), rng));
        let wall = Wave::draw(8.0..30.0, rng.random_range(0.01..0.05), rng);
        let bend = rng.random_range(0.7..1.1);
        let mut offset = Vec::with_capacity(nominal.len());
        let mut samples = Vec::with_capacity(nominal.len());
        for (at, point) in nominal.iter().enumerate() {
            let along = at as f32 * STEP;
            // Wiggles start at nothing, so that branches stay on their parents.
            let onset = (along / 30.0).min(1.0);
            let mut moved = start;
            for axis in 0..3 {
                moved[axis] += onset * (sway[axis].at(along) + curl[axis].at(along));
            }
            let rest = (1.0 - along / length).max(0.0).powf(bend);
            let radius = (radii[1] + (radii[0] - radii[1]) * rest) * (1.0 + wall.at(along));
            offset.push(moved);
            samples.push(Sample { position: add(heart.project(*point), moved), radius });
        }
        Vessel { samples, nominal, offset }
    }

    fn sample_at(&self, at: f32) -> Sample {
        self.samples[index_at(self.samples.len(), at)]
    }
}

/// A smooth random function of the distance along a vessel.
struct Wave {
    parts: [[f32; 3]; 3],
}

impl Wave {
    fn draw(lengths: Range<f32>, amplitude: f32, rng: &mut ChaCha8Rng) -> Wave {
        let parts = [(); 3].map(|()| {
            let frequency = TAU / rng.random_range(lengths.clone());
            [frequency, rng.random_range(0.0..TAU), amplitude * rng.random_range(0.3..0.8)]
        });
        Wave { parts }
    }

    fn at(&self, along: f32) -> f32 {
        self.parts.iter().map(|[frequency, phase, amplitude]| amplitude * (frequency * along + phase).sin()).sum()
    }
}

/// A smooth curve through all points (Catmull-Rom), finely sampled.
pub fn curve(points: &[Point]) -> Vec<Point> {
    const PARTS: usize = 120;
    let last = points.len() - 1;
    let mut fine = Vec::with_capacity(last * PARTS + 1);
    for segment in 0..last {
        let [before, from, to, after] =
            [segment.saturating_sub(1), segment, segment + 1, (segment + 2).min(last)].map(|index| points[index]);
        for part in 0..PARTS {
            let t = part as f32 / PARTS as f32;
            fine.push(std::array::from_fn(|axis| {
                let [a, b, c, d] = [before[axis], from[axis], to[axis], after[axis]];
                let quadratic = 2.0 * a - 5.0 * b + 4.0 * c - d;
                let cubic = 3.0 * b - a - 3.0 * c + d;
                b + 0.5 * t * (c - a + t * (quadratic + t * cubic))
            }));
        }
    }
    fine.push(points[last]);
    fine
}

/// Points of the curve at equal distances, measured after projection.
pub fn resampled(fine: &[Point], project: impl Fn(Point) -> Point) -> Vec<Point> {
    let mut even = vec![fine[0]];
    let mut walked = 0.0;
    for pair in fine.windows(2) {
        let [from, to] = [project(pair[0]), project(pair[1])];
        let part = length(sub(to, from));
        while part > 0.0 && walked + part >= STEP * even.len() as f32 {
            let share = (STEP * even.len() as f32 - walked) / part;
            even.push(std::array::from_fn(|axis| pair[0][axis] + (pair[1][axis] - pair[0][axis]) * share));
        }
        walked += part;
    }
    even
}

fn index_at(count: usize, share: f32) -> usize {
    ((count - 1) as f32 * share.clamp(0.0, 1.0)) as usize
}

fn closer_in_picture(a: Point, b: Point, distance: f32) -> bool {
    (a[0] - b[0]).powi(2) + (a[1] - b[1]).powi(2) < distance * distance
}

pub fn add(a: Point, b: Point) -> Point {
    [a[0] + b[0], a[1] + b[1], a[2] + b[2]]
}

pub fn sub(a: Point, b: Point) -> Point {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

pub fn scaled(a: Point, factor: f32) -> Point {
    [a[0] * factor, a[1] * factor, a[2] * factor]
}

fn length(a: Point) -> f32 {
    (a[0] * a[0] + a[1] * a[1] + a[2] * a[2]).sqrt()
}

pub fn normalized(a: Point) -> Point {
    scaled(a, 1.0 / length(a).max(1e-6))
}

fn cross(a: Point, b: Point) -> Point {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}
