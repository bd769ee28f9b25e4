//! Occlusion sensitivity (Zeiler and Fergus 2014): how the probability of the whole image falls when a part is hidden.

use super::accumulate::Blend;
use super::grid::{Grid, GridMap};
use super::map::{HeatMap, Tile};
use super::writer::MapWriter;
use crate::data::{Batch, Raster};
use crate::error::Result;
use crate::infer::{Prediction, logits, logits_of};
use crate::model::Model;
use tch::{Kind, Tensor};

/// How an image is occluded.
pub struct Occlusion<'a> {
    /// The model.
    pub model: &'a Model,
    /// Of the predictions.
    pub threshold: f32,
    /// How the falls of overlapping tiles are weighted.
    pub blend: Blend,
    /// Most pixels of the images that go through the network at once; one image goes through whatever its size.
    pub most_pixels: usize,
}

impl Occlusion<'_> {
    /// The map of an image. `step` is told how many images the network has looked at since it was last told.
    pub fn map(
        &self,
        raster: &Raster,
        grid: Grid,
        writer: MapWriter,
        mut step: impl FnMut(usize) -> Result<()>,
    ) -> Result<HeatMap> {
        let (width, height) = (raster.width(), raster.height());
        let mut batch = Batch::new(width, height, 1, self.model.context().device());
        batch.push(raster, 0, 0, self.model.preprocessing());
        let image = batch.tensor(0, 1).permute([0, 2, 3, 1]);
        let mean = image.mean_dim(&[1i64, 2][..], true, Kind::Float);
        let whole = Prediction::from_logit(logits(self.model, &batch)?[0], self.threshold);
        step(1)?;
        let at_once = (self.most_pixels / (width * height)).max(1);
        let places: Vec<(usize, usize)> = (0..grid.count()).map(|index| grid.place(index)).collect();
        let tile = grid.tile;
        let mut map = GridMap::new(grid, (width, height), self.blend, writer);
        for places in places.chunks(at_once) {
            let hidden = |first, count| vec![occluded(&image, &mean, &places[first..first + count], tile)];
            for logit in logits_of(self.model, places.len(), (width, height), hidden)? {
                let Prediction { probability, .. } = Prediction::from_logit(logit, self.threshold);
                let fall = whole.probability - probability;
                let (value, heat) = (fall.max(0.0), whole.logit - logit);
                map.add(Tile { probability, logit, value, heat, ..Tile::default() }, fall)?;
            }
            step(places.len())?;
        }
        map.finish(whole)
    }
}

/// Copies of the image (1 x H x W x 3), each with the tile at one of the places filled with the mean, as N x 3 x H x W.
fn occluded(image: &Tensor, mean: &Tensor, places: &[(usize, usize)], (width, height): (usize, usize)) -> Tensor {
    let mut size = image.size();
    size[0] = places.len() as i64;
    let mut copies = Tensor::empty(&size, (image.kind(), image.device()));
    copies.copy_(image);
    for (index, (x, y)) in places.iter().enumerate() {
        copies
            .narrow(0, index as i64, 1)
            .narrow(1, *y as i64, height as i64)
            .narrow(2, *x as i64, width as i64)
            .copy_(mean);
    }
    copies.permute([0, 3, 1, 2])
}
