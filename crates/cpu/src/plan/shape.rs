//! Sizes of all feature maps for one image size, and the tilings chosen for them.

use super::stem::pooled_side;
use super::winograd_transform::Tiling;
use lens_model::LAYOUT;
use std::ops::Range;

/// Unused floats between two pixels: without them, pixels would be multiples of 4 KiB apart and map to the same few
/// cache sets.
const PIXEL_PADDING: usize = 16;

/// A dense block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    /// Height of its feature maps.
    pub height: usize,
    /// Width of its feature maps.
    pub width: usize,
    /// Input channels of each layer, then the block's output channels.
    pub channels: Vec<usize>,
    /// The tiling of its 3x3 convolutions.
    pub tiling: Tiling,
}

impl Stage {
    /// Floats from one pixel to the next.
    pub fn pixel_stride(&self) -> usize {
        self.channels.last().expect("a block has layers") + PIXEL_PADDING
    }

    /// Pixels of one image.
    pub fn pixels(&self) -> usize {
        self.height * self.width
    }

    /// Floats of one image.
    pub fn floats(&self) -> usize {
        self.pixels() * self.pixel_stride()
    }

    /// Rows of pixels covered by tiles; both are flat indices over the batch.
    pub fn lines(&self, tiles: Range<usize>) -> Range<usize> {
        let line = |tile: usize, more: usize| {
            let row = tile / self.tile_columns();
            let (image, row) = (row / self.tile_rows(), row % self.tile_rows());
            image * self.height + (row * self.tiling.tile_side() + more).min(self.height)
        };
        if tiles.is_empty() { 0..0 } else { line(tiles.start, 0)..line(tiles.end - 1, self.tiling.tile_side()) }
    }

    /// Rows of tiles of one image.
    pub fn tile_rows(&self) -> usize {
        self.height.div_ceil(self.tiling.tile_side())
    }

    /// Tiles of one row.
    pub fn tile_columns(&self) -> usize {
        self.width.div_ceil(self.tiling.tile_side())
    }
}

/// The network's sizes for one image size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkShape {
    /// Height of the images in pixels.
    pub height: usize,
    /// Width of the images in pixels.
    pub width: usize,
    /// The dense blocks.
    pub stages: Vec<Stage>,
}

impl NetworkShape {
    /// For images of at least `SMALLEST_SIDE` each way, with the fastest tilings.
    pub fn new(height: usize, width: usize) -> Self {
        Self::with_tilings(height, width, best_tiling)
    }

    /// With the tiling that `tiling` returns for a block, its height and its width.
    pub fn with_tilings(height: usize, width: usize, tiling: impl Fn(usize, usize, usize) -> Tiling) -> Self {
        let (mut block_height, mut block_width) = (pooled_side(height), pooled_side(width));
        let stages = (0..LAYOUT.blocks.len())
            .map(|block| {
                let stage = Stage {
                    height: block_height,
                    width: block_width,
                    channels: LAYOUT.block_channels(block),
                    tiling: tiling(block, block_height, block_width),
                };
                (block_height, block_width) = (block_height / 2, block_width / 2);
                stage
            })
            .collect();
        NetworkShape { height, width, stages }
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

/// Large tiles need fewer products but more than twice the weights. The choice must not depend on the batch, so that an
/// image's result has the same bits in every batch.
fn best_tiling(block: usize, height: usize, width: usize) -> Tiling {
    let products =
        |tiling: Tiling| height.div_ceil(tiling.tile_side()) * width.div_ceil(tiling.tile_side()) * tiling.points();
    match block {
        0 | 1 => Tiling::F4x4,
        // Small images come in batches, which share the weights.
        2 if height * width <= 64 || height * width > 400 => Tiling::F4x4,
        _ if products(Tiling::F4x4) * 2 < products(Tiling::F2x2) => Tiling::F4x4,
        _ => Tiling::F2x2,
    }
}
