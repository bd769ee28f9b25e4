//! Tiles on the way into the network: views of bands, not copies.

use super::bands::Band;
use lens_images::{ImageView, Images};
use std::sync::Arc;

/// Tiles of any number of bands and images, which go through the network together.
pub struct TileBatch {
    tile: usize,
    bands: Vec<Band>,
    /// The number of the band, and where the tile begins in it.
    tiles: Vec<(usize, usize)>,
}

impl TileBatch {
    /// An empty batch of tiles of this width and height.
    pub fn new(tile: usize) -> Self {
        TileBatch { tile, bands: Vec::new(), tiles: Vec::new() }
    }

    /// How many tiles it holds.
    pub fn len(&self) -> usize {
        self.tiles.len()
    }

    /// Adds the tile of a band whose upper left pixel is `x`, `y` of the image.
    pub fn push(&mut self, band: &Band, x: usize, y: usize) {
        if !self.bands.last().is_some_and(|last| Arc::ptr_eq(&last.samples, &band.samples)) {
            self.bands.push(band.clone());
        }
        self.tiles.push((self.bands.len() - 1, ((y - band.first) * band.width + x) * band.channels));
    }

    /// All of them.
    pub fn images(&self) -> Images<'_> {
        let view = |(band, offset): &(usize, usize)| {
            let band = &self.bands[*band];
            let row_step = band.width * band.channels;
            ImageView { memory: &band.samples[..], offset: *offset, row_step, channels: band.channels }
        };
        Images { width: self.tile, height: self.tile, views: self.tiles.iter().map(view).collect() }
    }

    /// Forgets its tiles, and lets go of their bands.
    pub fn clear(&mut self) {
        self.bands.clear();
        self.tiles.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn band(first: usize, seed: usize) -> Band {
        let samples = (0..40 * 50 * 3).map(|index| (index + seed * 10_000) as f32).collect();
        Band { samples: Arc::new(samples), channels: 3, width: 50, first }
    }

    #[test]
    fn tile_views_of_bands() {
        let bands = [band(0, 0), band(30, 1)];
        let corners = [(0, 0, 0), (0, 9, 0), (0, 18, 0), (0, 20, 0), (0, 0, 9), (1, 0, 30), (1, 4, 33), (0, 4, 3)];
        let mut batch = TileBatch::new(8);
        for (which, x, y) in corners {
            batch.push(&bands[which], x, y);
        }
        let images = batch.images();
        assert_eq!((batch.len(), images.len()), (8, 8));
        for (view, (which, x, y)) in images.views.iter().zip(corners) {
            let band = &bands[which];
            assert_eq!(view.memory.as_ptr(), band.samples.as_ptr());
            for row in 0..8 {
                let start = ((y - band.first + row) * 50 + x) * 3;
                assert_eq!(view.row(row, 8), &band.samples[start..start + 24]);
            }
        }
        batch.clear();
        assert_eq!(batch.len(), 0);
        assert_eq!(Arc::strong_count(&bands[0].samples), 1);
    }
}
