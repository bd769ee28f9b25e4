//! Heatmaps of what the cells of the network's last feature map contribute, from one pass over the whole image.

use super::finished::{Heatmap, Tile};
use super::writer::HeatmapWriter;
use crate::classify::{Prediction, cell_maps};
use lens_base::Result;
use lens_images::{Batch, Raster, RowResampler};
use lens_runtime::Classifier;

/// Rows of the heatmap that are interpolated at once.
const ROWS_AT_ONCE: usize = 64;

/// What a heatmap of cells shows.
#[derive(Clone, Copy, Debug)]
pub enum CellValues {
    /// What each cell adds to the logit, through the logistic function (CAM).
    Logits,
    /// Evidence for the positive class, relative to its highest (Grad-CAM++).
    Evidence,
}

/// Class activation map (Zhou et al. 2016), exact for this network: its logit is the mean of the cells'
/// contributions. Or Grad-CAM++ (Chattopadhay et al. 2018), relative to its own highest value.
pub fn cells_heatmap(
    model: &Classifier,
    raster: &Raster,
    threshold: f32,
    values: CellValues,
    mut writer: HeatmapWriter,
) -> Result<Heatmap> {
    let size = (raster.width(), raster.height());
    let mut batch = Batch::new(size.0, size.1);
    batch.push(raster, 0, 0, model.preprocessing());
    let maps = cell_maps(model, &batch.all())?;
    let mean = maps.logits.iter().map(|logit| f64::from(*logit)).sum::<f64>() / maps.logits.len() as f64;
    let highest = maps.evidence.iter().copied().fold(0.0, f32::max);
    let probability = |logit: f32| Prediction::from_logit(logit, threshold).probability;
    // Without any evidence for the positive class there is nothing to be relative to.
    let relative = |evidence: f32| if highest > 0.0 { evidence / highest } else { 0.0 };

    let (width, height) = (size.0 as f32 / maps.columns as f32, size.1 as f32 / maps.rows as f32);
    let tiles = maps.logits.iter().zip(&maps.evidence).enumerate().map(|(index, (logit, evidence))| {
        let (x, y) = ((index % maps.columns) as f32 * width, (index / maps.columns) as f32 * height);
        let (value, rank_score) = match values {
            CellValues::Evidence => (relative(*evidence), relative(*evidence)),
            CellValues::Logits => (probability(*logit), *logit),
        };
        Tile { x, y, width, height, probability: probability(*logit), logit: *logit, value, rank_score }
    });
    let tiles = tiles.collect();

    // Logits are interpolated, not probabilities: they are what adds up.
    let cells = match values {
        CellValues::Evidence => maps.evidence,
        CellValues::Logits => maps.logits,
    };
    let grid = Raster::new(maps.columns, maps.rows, 1, cells)?;
    let resampler = RowResampler::new((maps.columns, maps.rows), size);
    for first in (0..size.1).step_by(ROWS_AT_ONCE) {
        let rows = first..(first + ROWS_AT_ONCE).min(size.1);
        let interpolated = resampler.resample(&grid, 0, &rows)?;
        let interpolated_values = interpolated.samples().iter().map(|value| match values {
            CellValues::Evidence => relative(*value).clamp(0.0, 1.0),
            CellValues::Logits => probability(*value),
        });
        writer.push(&interpolated_values.collect::<Vec<f32>>())?;
    }
    writer.finish(tiles, maps.columns, Prediction::from_logit(mean as f32, threshold))
}
