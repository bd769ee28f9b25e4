//! Class activation maps (Zhou et al. 2016), exact for this network: its logit is the mean over the feature map of what
//! each place adds.

use super::map::{HeatMap, Tile};
use crate::data::{Batch, Raster};
use crate::error::Result;
use crate::infer::{Prediction, activation_maps};
use crate::model::Model;

/// The map of one prepared image, for an image of `size`.
pub fn class_activation_map(model: &Model, raster: &Raster, threshold: f32, size: (usize, usize)) -> Result<HeatMap> {
    let mut batch = Batch::new(raster.width(), raster.height(), 1, model.context().device());
    batch.push(raster, 0, 0, model.preprocessing());
    let (maps, columns, rows) = activation_maps(model, &batch)?;
    let logits = &maps[0];
    let mean = logits.iter().map(|logit| f64::from(*logit)).sum::<f64>() / logits.len() as f64;
    let (cell_width, cell_height) = (raster.width() as f32 / columns as f32, raster.height() as f32 / rows as f32);
    let tiles = logits
        .iter()
        .enumerate()
        .map(|(index, logit)| Tile {
            x: (index % columns) as f32 * cell_width,
            y: (index / columns) as f32 * cell_height,
            width: cell_width,
            height: cell_height,
            probability: Prediction::from_logit(*logit, threshold).probability,
            logit: *logit,
        })
        .collect();
    // Logits are interpolated, not probabilities: they are what adds up.
    let grid = Raster::new(columns, rows, 1, logits.clone())?.resized(raster.width(), raster.height())?;
    let values = grid.samples().iter().map(|logit| Prediction::from_logit(*logit, threshold).probability).collect();
    let values = Raster::new(raster.width(), raster.height(), 1, values)?;
    HeatMap::new(values, tiles, columns, Prediction::from_logit(mean as f32, threshold), size)
}
