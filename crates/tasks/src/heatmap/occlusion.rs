//! Occlusion sensitivity (Zeiler and Fergus 2014): how the probability of the whole image falls when a part is hidden.

use super::accumulate::Blend;
use super::finished::{Heatmap, Tile};
use super::grid::{GridHeatmap, TileGrid};
use super::writer::HeatmapWriter;
use crate::classify::{Prediction, logits, logits_of};
use lens_base::{Result, reserve};
use lens_images::{Batch, ImageView, Images, Raster};
use lens_runtime::Classifier;

/// How an image is occluded.
pub struct Occlusion<'a> {
    /// The model.
    pub model: &'a Classifier,
    /// Threshold of the predictions.
    pub threshold: f32,
    /// How the falls of overlapping tiles are weighted.
    pub blend: Blend,
    /// Most pixels of the images that go through the network at once; one image goes through whatever its size.
    pub most_pixels: usize,
}

impl Occlusion<'_> {
    /// The heatmap of an image. `step` gets the number of images that went through the network since its last call.
    pub fn heatmap(
        &self,
        raster: &Raster,
        grid: TileGrid,
        writer: HeatmapWriter,
        mut step: impl FnMut(usize) -> Result<()>,
    ) -> Result<Heatmap> {
        let (width, height) = (raster.width(), raster.height());
        let mut batch = Batch::new(width, height);
        batch.push(raster, 0, 0, self.model.preprocessing());
        let images = batch.all();
        let channels = images.channels();
        let mut image = Vec::new();
        images.gather(channels, &mut image);
        let mean = means(&image, channels);
        let whole = Prediction::from_logit(logits(self.model, &batch)?[0], self.threshold);
        step(1)?;
        let at_once = (self.most_pixels / (width * height)).max(1);
        let corners: Vec<(usize, usize)> = (0..grid.count()).map(|index| grid.corner(index)).collect();
        let tile = grid.tile;
        let mut heatmap = GridHeatmap::new(grid, (width, height), self.blend, writer);
        for corners in corners.chunks(at_once) {
            let hidden = occluded(&image, (width, channels), &mean, corners, tile)?;
            let view = |index: usize| ImageView {
                memory: &hidden,
                offset: index * image.len(),
                row_step: width * channels,
                channels,
            };
            let images = Images { width, height, views: (0..corners.len()).map(view).collect() };
            for logit in logits_of(self.model, &images)? {
                let Prediction { probability, .. } = Prediction::from_logit(logit, self.threshold);
                let fall = whole.probability - probability;
                let (value, rank_score) = (fall.max(0.0), whole.logit - logit);
                heatmap.add(Tile { probability, logit, value, rank_score, ..Tile::default() }, fall)?;
            }
            step(corners.len())?;
        }
        heatmap.finish(whole)
    }
}

/// The mean of each channel.
fn means(image: &[f32], channels: usize) -> Vec<f32> {
    let mut sums = vec![0f64; channels];
    for pixel in image.chunks_exact(channels) {
        sums.iter_mut().zip(pixel).for_each(|(sum, value)| *sum += f64::from(*value));
    }
    let count = (image.len() / channels) as f64;
    sums.into_iter().map(|sum| (sum / count) as f32).collect()
}

/// Copies of the image, each with the tile at one of the corners filled with the mean.
fn occluded(
    image: &[f32],
    (width, channels): (usize, usize),
    mean: &[f32],
    corners: &[(usize, usize)],
    tile: (usize, usize),
) -> Result<Vec<f32>> {
    let count = image.len() * corners.len();
    let mut copies = Vec::new();
    reserve(&mut copies, count, &format!("{} occluded images", corners.len()))?;
    for (x, y) in corners {
        let start = copies.len();
        copies.extend_from_slice(image);
        for row in copies[start..].chunks_exact_mut(width * channels).skip(*y).take(tile.1) {
            row[x * channels..][..tile.0 * channels]
                .chunks_exact_mut(channels)
                .for_each(|pixel| pixel.copy_from_slice(mean));
        }
    }
    Ok(copies)
}
