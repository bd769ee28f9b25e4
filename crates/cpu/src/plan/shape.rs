//! The sizes of everything for one size of image, and the choice of algorithms that depends on them.

use super::filtering::Tiling;
use super::stem::pooled;
use lens_model::LAYOUT;
use std::ops::Range;

/// Floats between two pixels that nothing uses: without them, pixels would lie at multiples of 4 KiB, and all fall on
/// the same few sets of the caches.
const PIXEL_PADDING: usize = 16;

/// One dense block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    /// Of its feature maps.
    pub height: usize,
    /// Of its feature maps.
    pub width: usize,
    /// Channels that each layer reads, and in the end the block's.
    pub channels: Vec<usize>,
    /// How its 3x3 convolutions are computed.
    pub tiling: Tiling,
}

impl Stage {
    /// Floats from one pixel to the next.
    pub fn step(&self) -> usize {
        self.channels.last().expect("a block has layers") + PIXEL_PADDING
    }

    /// Of one image.
    pub fn pixels(&self) -> usize {
        self.height * self.width
    }

    /// Of one image.
    pub fn floats(&self) -> usize {
        self.pixels() * self.step()
    }

    /// Rows of pixels that tiles lie in, both counted through all images.
    pub fn lines(&self, tiles: Range<usize>) -> Range<usize> {
        let line = |tile: usize, more: usize| {
            let row = tile / self.tiles_across();
            let (image, row) = (row / self.tile_rows(), row % self.tile_rows());
            image * self.height + (row * self.tiling.side() + more).min(self.height)
        };
        if tiles.is_empty() { 0..0 } else { line(tiles.start, 0)..line(tiles.end - 1, self.tiling.side()) }
    }

    /// Rows of tiles of one image.
    pub fn tile_rows(&self) -> usize {
        self.height.div_ceil(self.tiling.side())
    }

    /// Tiles of one row.
    pub fn tiles_across(&self) -> usize {
        self.width.div_ceil(self.tiling.side())
    }
}

/// The network for one size of image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Of the images.
    pub height: usize,
    /// Of the images.
    pub width: usize,
    /// The dense blocks.
    pub stages: Vec<Stage>,
}

impl Shape {
    /// For images of at least `SMALLEST_SIDE` each way, with the best tilings.
    pub fn new(height: usize, width: usize) -> Self {
        Self::with_tilings(height, width, best_tiling)
    }

    /// With tilings by block, height and width.
    pub fn with_tilings(height: usize, width: usize, tiling: impl Fn(usize, usize, usize) -> Tiling) -> Self {
        let (mut high, mut wide) = (pooled(height), pooled(width));
        let stages = (0..LAYOUT.blocks.len())
            .map(|block| {
                let stage = Stage {
                    height: high,
                    width: wide,
                    channels: LAYOUT.block_channels(block),
                    tiling: tiling(block, high, wide),
                };
                (high, wide) = (high / 2, wide / 2);
                stage
            })
            .collect();
        Shape { height, width, stages }
    }

    /// The tiling of each block.
    pub fn tilings(&self) -> Vec<Tiling> {
        self.stages.iter().map(|stage| stage.tiling).collect()
    }

    /// The last block.
    pub fn last(&self) -> &Stage {
        self.stages.last().expect("there are blocks")
    }
}

/// Large tiles need fewer products, but more than twice the weights. It must not depend on the batch: the same image
/// gives the same bits in any company.
fn best_tiling(block: usize, height: usize, width: usize) -> Tiling {
    let products = |tiling: Tiling| height.div_ceil(tiling.side()) * width.div_ceil(tiling.side()) * tiling.points();
    match block {
        0 | 1 => Tiling::Four,
        // Where images are small they come in batches, which share the weights.
        2 if height * width <= 64 || height * width > 400 => Tiling::Four,
        _ if products(Tiling::Four) * 2 < products(Tiling::Two) => Tiling::Four,
        _ => Tiling::Two,
    }
}
