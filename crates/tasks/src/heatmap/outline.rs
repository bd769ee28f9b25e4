//! Frames around tiles.

use super::finished::Tile;

/// A frame inside the border of a rectangle: white outside, black inside it, which shows on any colour.
#[derive(Clone, Copy, Debug)]
pub struct Outline {
    left: usize,
    top: usize,
    right: usize,
    bottom: usize,
    /// Width of either line.
    line: usize,
}

const WHITE: [u8; 3] = [255; 3];
const BLACK: [u8; 3] = [0; 3];

impl Outline {
    /// Of a tile of an image of this size, with lines whose width goes with it.
    pub fn new(tile: &Tile, (width, height): (usize, usize)) -> Self {
        let pixel = |position: f32, most: usize| (position.round().max(0.0) as usize).min(most);
        Outline {
            left: pixel(tile.x, width),
            top: pixel(tile.y, height),
            right: pixel(tile.x + tile.width, width),
            bottom: pixel(tile.y + tile.height, height),
            line: (width.min(height) / 256).max(1),
        }
    }

    /// Draws its part in row `y` of an RGBA image.
    pub fn paint(&self, y: usize, row: &mut [u8]) {
        if !(self.top..self.bottom).contains(&y) {
            return;
        }
        let from_edge = (y - self.top).min(self.bottom - 1 - y);
        let lines = 2 * self.line;
        let mut paint = |columns: std::ops::Range<usize>| {
            for x in columns {
                let depth = from_edge.min(x - self.left).min(self.right - 1 - x);
                if depth < lines {
                    row[4 * x..4 * x + 3].copy_from_slice(if depth < self.line { &WHITE } else { &BLACK });
                }
            }
        };
        if from_edge < lines || self.right - self.left <= 2 * lines {
            paint(self.left..self.right);
        } else {
            paint(self.left..self.left + lines);
            paint(self.right - lines..self.right);
        }
    }
}
