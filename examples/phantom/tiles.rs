//! Labelled tiles and whole frames, cut from scenes.

use image::GrayImage;
use image::imageops::crop_imm;
use rand::RngExt;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::scene::{SIZE, Scene};
use crate::vessel::{Bounds, Site, Tree};

/// Width and height of a tile in pixels.
const TILE: f32 = 64.0;

/// Greatest distance of a tile's middle from what it was cut for: a heatmap's tiles do not meet narrowings head-on.
const JITTER: f32 = 14.0;

/// Shares of the diameter that narrowings take.
const SEVERITY: std::ops::Range<f32> = 0.55..0.82;

/// Most points of a scene: half become narrowings, half controls.
const SITES: usize = 6;

pub struct Tile {
    pub image: GrayImage,
    pub positive: bool,
}

pub struct Frame {
    pub image: GrayImage,
    pub narrowing: Option<Bounds>,
}

/// Scenes of one part of the data set; parts share none. The same seed and part give the same scenes.
pub struct Scenes {
    seed: u64,
    part: u32,
    drawn: u32,
}

impl Scenes {
    pub fn new(seed: u64, part: u32) -> Scenes {
        Scenes { seed, part, drawn: 0 }
    }

    /// Half of the tiles show a narrowing; the order is random.
    pub fn tiles(&mut self, count: usize) -> Vec<Tile> {
        let mut missing = [count - count / 2, count / 2];
        let mut tiles = Vec::with_capacity(count);
        while missing != [0, 0] {
            let mut rng = self.next_rng();
            let mut tree = Tree::draw(&mut rng, SIZE as f32);
            let sites = find_sites(&mut rng, &tree, SITES);
            // Narrowings and controls are drawn from the same points, so that only the narrowing tells them apart.
            let (narrowed, controls) = sites.split_at(sites.len().div_ceil(2));
            for site in narrowed {
                tree.narrow(&mut rng, *site, SEVERITY);
            }
            let mut points: Vec<(f32, f32)> = narrowed.iter().map(|site| (site.x, site.y)).collect();
            points.extend(controls.iter().filter(|_| rng.random_bool(0.7)).map(|site| (site.x, site.y)));
            add_other_points(&mut rng, &tree, &mut points);
            let scene = Scene::render(&mut rng, tree);
            for (index, (x, y)) in points.into_iter().enumerate() {
                let bounds = tile_around(&mut rng, x, y);
                let positive = index < narrowed.len();
                let shows = scene.tree.narrowings.iter().any(|narrowing| narrowing.bounds.overlaps(&bounds));
                if shows == positive && missing[usize::from(positive)] > 0 {
                    missing[usize::from(positive)] -= 1;
                    let (left, top) = (bounds.left as u32, bounds.top as u32);
                    let image = crop_imm(&scene.image, left, top, TILE as u32, TILE as u32).to_image();
                    tiles.push(Tile { image, positive });
                }
            }
        }
        tiles.shuffle(&mut self.next_rng());
        tiles
    }

    /// Every third frame shows no narrowing, the others one.
    pub fn frames(&mut self, count: usize) -> Vec<Frame> {
        (0..count)
            .map(|index| {
                loop {
                    let mut rng = self.next_rng();
                    let mut tree = Tree::draw(&mut rng, SIZE as f32);
                    let Some(site) = find_sites(&mut rng, &tree, 1).pop() else { continue };
                    if index % 3 != 2 {
                        tree.narrow(&mut rng, site, SEVERITY);
                    }
                    let scene = Scene::render(&mut rng, tree);
                    let narrowing = scene.tree.narrowings.first().map(|narrowing| narrowing.bounds);
                    break Frame { image: scene.image, narrowing };
                }
            })
            .collect()
    }

    fn next_rng(&mut self) -> ChaCha8Rng {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream((u64::from(self.part) << 32) | u64::from(self.drawn));
        self.drawn += 1;
        rng
    }
}

/// Up to `count` points where a narrowing could be judged, so far apart that a tile seldom shows two.
fn find_sites(rng: &mut ChaCha8Rng, tree: &Tree, count: usize) -> Vec<Site> {
    let mut sites: Vec<Site> = Vec::new();
    for _ in 0..8 * count {
        let Some(site) = tree.find_site(rng, SIZE as f32, TILE / 2.0) else { break };
        let apart = |other: &Site| (other.x - site.x).hypot(other.y - site.y) > TILE - 4.0;
        if sites.iter().all(apart) {
            sites.push(site);
        }
        if sites.len() == count {
            break;
        }
    }
    sites
}

/// Points that are no narrowings and that a heatmap's tiles show, too: branchings, crossings, the catheter's tip, any.
fn add_other_points(rng: &mut ChaCha8Rng, tree: &Tree, points: &mut Vec<(f32, f32)>) {
    let junctions = tree.junctions();
    for chance in [0.9, 0.3] {
        if rng.random_bool(chance) && !junctions.is_empty() {
            points.push(junctions[rng.random_range(0..junctions.len())]);
        }
    }
    if rng.random_bool(0.2) {
        let [x, y, _] = tree.vessels[0].samples[0].position;
        points.push((x, y));
    }
    if rng.random_bool(0.5) {
        let size = SIZE as f32;
        points.push((rng.random_range(0.0..size), rng.random_range(0.0..size)));
    }
}

fn tile_around(rng: &mut ChaCha8Rng, x: f32, y: f32) -> Bounds {
    let mut start = |middle: f32| {
        let moved = middle + rng.random_range(-JITTER..JITTER) - TILE / 2.0;
        moved.clamp(0.0, SIZE as f32 - TILE).round()
    };
    let (left, top) = (start(x), start(y));
    Bounds { left, top, right: left + TILE, bottom: top + TILE }
}
