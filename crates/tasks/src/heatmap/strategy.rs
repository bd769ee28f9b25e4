//! How an image of some size is put through the network.

use super::cells::CellValues;
use super::grid::TileGrid;
use super::options::{HeatmapOptions, Method};
use lens_base::options::Choice;
use lens_base::{Error, Result};
use lens_images::PixelView;
use lens_model::SMALLEST_SIDE;

/// Most pixels of an image that goes through the network whole: those of the largest tile, 4096 x 4096. The network
/// needs several hundred bytes for each.
pub const MOST_WHOLE_PIXELS: usize = 4096 * 4096;

/// How an image is put through the network.
#[derive(Clone, Debug)]
pub enum Passes {
    /// Tile by tile.
    Tiles(TileGrid),
    /// Whole, once, for one probability.
    Whole,
    /// Whole, once, cell by cell of the last feature map.
    Cells(CellValues),
    /// Whole, then with one tile after the other hidden.
    Occlusion(TileGrid),
}

/// The sizes and the passes of one image.
#[derive(Clone, Debug)]
pub struct Strategy {
    /// The image's own size.
    pub image: (usize, usize),
    /// The size it is tiled at.
    pub size: (usize, usize),
    /// How it is put through the network.
    pub passes: Passes,
}

impl Strategy {
    /// Refuses images that are too large for the method.
    pub fn new(image: &PixelView, options: &HeatmapOptions) -> Result<Self> {
        let resampled = options.resampled_size(image.width(), image.height())?;
        let tile = options.tile_size as usize;
        // The network cannot take shorter sides.
        let whole = (resampled.0.max(SMALLEST_SIDE), resampled.1.max(SMALLEST_SIDE));
        let (size, passes) = match options.method {
            Method::Tiles if resampled.0 >= tile && resampled.1 >= tile => {
                (resampled, Passes::Tiles(TileGrid::new(resampled, options)))
            }
            Method::Tiles => (resampled, Passes::Whole),
            Method::Cam => (whole, Passes::Cells(CellValues::Logits)),
            Method::GradCamPlusPlus => (whole, Passes::Cells(CellValues::Evidence)),
            Method::Occlusion => (whole, Passes::Occlusion(TileGrid::new(whole, options))),
        };
        if !matches!(passes, Passes::Tiles(_)) && whole.0 * whole.1 > MOST_WHOLE_PIXELS {
            return Err(too_large(whole, options));
        }
        Ok(Strategy { image: (image.width(), image.height()), size, passes })
    }

    /// Number of tiles and of whole images that go through the network.
    pub fn steps(&self) -> usize {
        match &self.passes {
            Passes::Tiles(grid) => grid.count(),
            Passes::Whole | Passes::Cells(_) => 1,
            Passes::Occlusion(grid) => 1 + grid.count(),
        }
    }
}

fn too_large((width, height): (usize, usize), options: &HeatmapOptions) -> Error {
    let most = format!("{width} x {height} pixels, and the network takes at most {MOST_WHOLE_PIXELS} at once");
    let fitting = (MOST_WHOLE_PIXELS as f64 / (width * height) as f64).sqrt();
    Error::argument(match options.method {
        Method::Tiles => format!(
            "{most}: an image smaller than tile_size {} in one direction is classified whole; give a tile_size of at \
             most {}",
            options.tile_size,
            width.min(height)
        ),
        method => format!(
            "{most}: the method {} looks at the image whole; make it smaller with scale (by about {:.3}), or use TILES",
            method.name().to_uppercase(),
            (fitting * 1000.0).floor() / 1000.0
        ),
    })
}
