//! How far a beam travels through vessels: the exact length of the union of balls, in parallel projection.

use crate::vessel::Sample;

/// Rays per pixel along each axis; thin vessels would look beaded with one.
const RAYS: usize = 2;

/// As many separate vessels one ray can meet; what is beyond joins the last.
const LAYERS: usize = 5;

/// What one ray has met so far: disjoint intervals of depth.
#[derive(Clone, Copy, Default)]
struct Ray {
    count: usize,
    layers: [[f32; 2]; LAYERS],
}

/// Rays by their position in the image; most meet nothing and take no memory.
struct Rays {
    side: usize,
    /// Index into `met` plus one; 0 where nothing was met.
    index: Vec<u32>,
    met: Vec<Ray>,
}

/// Lengths through the union of all paths, row by row, for `size` x `size` pixels.
///
/// Depth decides: where a branch leaves its parent the two are one body, where two vessels cross they add up.
pub fn path_lengths<'a>(paths: impl Iterator<Item = &'a [Sample]>, size: usize) -> Vec<f32> {
    let side = size * RAYS;
    let mut rays = Rays { side, index: vec![0; side * side], met: Vec::new() };
    for path in paths {
        let mut walked = f32::MAX;
        for (at, sample) in path.iter().enumerate() {
            if at > 0 {
                let before = path[at - 1].position;
                let step: f32 = (0..3).map(|axis| (sample.position[axis] - before[axis]).powi(2)).sum();
                walked += step.sqrt();
            }
            // Balls a third of a radius apart differ from the smooth tube by little more than a hundredth of the radius.
            if walked >= sample.radius / 3.0 {
                walked = 0.0;
                rays.meet(sample);
            }
        }
    }
    let mut lengths = vec![0.0; size * size];
    for (position, &index) in rays.index.iter().enumerate() {
        if index > 0 {
            let ray = &rays.met[index as usize - 1];
            let sum: f32 = ray.layers[..ray.count].iter().map(|[near, far]| far - near).sum();
            lengths[position / side / RAYS * size + position % side / RAYS] += sum / (RAYS * RAYS) as f32;
        }
    }
    lengths
}

impl Rays {
    fn meet(&mut self, Sample { position: [x, y, z], radius }: &Sample) {
        let scale = RAYS as f32;
        let first = |center: f32| ((center - radius) * scale - 0.5).ceil().max(0.0) as usize;
        let end = |center: f32| (((center + radius) * scale + 0.5).floor().max(0.0) as usize).min(self.side);
        for row in first(*y)..end(*y) {
            let down = (row as f32 + 0.5) / scale - y;
            for column in first(*x)..end(*x) {
                let across = (column as f32 + 0.5) / scale - x;
                let square = radius * radius - down * down - across * across;
                if square > 0.0 {
                    let half = square.sqrt();
                    let index = &mut self.index[row * self.side + column];
                    if *index == 0 {
                        self.met.push(Ray::default());
                        *index = self.met.len() as u32;
                    }
                    self.met[*index as usize - 1].insert([z - half, z + half]);
                }
            }
        }
    }
}

impl Ray {
    fn insert(&mut self, mut new: [f32; 2]) {
        let mut kept = 0;
        for at in 0..self.count {
            let old = self.layers[at];
            if old[0] <= new[1] && new[0] <= old[1] {
                new = [old[0].min(new[0]), old[1].max(new[1])];
            } else {
                self.layers[kept] = old;
                kept += 1;
            }
        }
        if kept == LAYERS {
            self.layers[LAYERS - 1][1] += new[1] - new[0];
        } else {
            self.layers[kept] = new;
            kept += 1;
        }
        self.count = kept;
    }
}
