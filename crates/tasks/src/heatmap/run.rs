//! Drawing the heatmaps of many images, whose tiles share batches.

use super::bands::Bands;
use super::batch::TileBatch;
use super::cells::cells_heatmap;
use super::finished::{Heatmap, Tile};
use super::grid::{GridHeatmap, TileGrid};
use super::occlusion::Occlusion;
use super::options::HeatmapOptions;
use super::strategy::{Passes, Strategy};
use super::writer::HeatmapWriter;
use crate::classify::{Prediction, batch_limit, logits, logits_of};
use lens_base::{Control, Phase, Result};
use lens_images::{Batch, CheckedView, PixelView, Raster, ResampledView, check_all_values};
use lens_model::SMALLEST_SIDE;
use lens_runtime::Classifier;
use std::collections::VecDeque;
use std::time::Instant;

/// Tiles that go through the network at once on the CPU, unless `batch_limit` is given.
const TILES_ON_CPU: usize = 64;

/// Heatmaps of images, in order.
///
/// Beside the heatmaps that are finished, it holds the bands of the images whose tiles wait for the network, no more of
/// them than fill a batch, and for each of those images the unfinished rows of its heatmap.
pub fn compute_heatmaps(
    model: &Classifier,
    images: &[PixelView],
    options: &HeatmapOptions,
    control: &mut Control,
) -> Result<Vec<Heatmap>> {
    options.check()?;
    let tile = options.tile_size as usize;
    let batch_limit = batch_limit(model.context(), options.batch_limit, TILES_ON_CPU, (tile, tile));
    let threshold = options.threshold.unwrap_or(model.threshold());
    let strategies = images
        .iter()
        .enumerate()
        .map(|(index, image)| Strategy::new(image, options).map_err(|error| error.prefixed(&format!("image {index}"))))
        .collect::<Result<Vec<_>>>()?;
    let images = check_all_values(images)?;
    let total: usize = strategies.iter().map(Strategy::steps).sum();
    let mut run = Run {
        model,
        options,
        threshold,
        batch_limit,
        together: total.div_ceil(total.div_ceil(batch_limit).max(1)),
        batch: TileBatch::new(tile),
        waiting: VecDeque::new(),
        finished: Vec::with_capacity(images.len()),
        done: 0,
        total,
        start: Instant::now(),
    };
    control.check()?;
    for (image, strategy) in images.iter().zip(strategies) {
        run.add(image, strategy, control)?;
    }
    run.flush(control)?;
    Ok(run.finished)
}

/// An image whose heatmap waits for its tiles, or, finished, for the heatmaps before it.
enum Waiting {
    Tiles(Box<GridHeatmap>),
    Finished(Heatmap),
}

struct Run<'a> {
    model: &'a Classifier,
    options: &'a HeatmapOptions,
    threshold: f32,
    batch_limit: usize,
    /// Tiles of each batch: about equal in all, as tiles of a small last batch would cost more.
    together: usize,
    batch: TileBatch,
    waiting: VecDeque<Waiting>,
    finished: Vec<Heatmap>,
    done: usize,
    total: usize,
    start: Instant,
}

impl Run<'_> {
    fn add(&mut self, image: &CheckedView, strategy: Strategy, control: &mut Control) -> Result<()> {
        let writer = HeatmapWriter::new(strategy.size, strategy.image, self.options.resolution)?;
        let view = ResampledView::new(*image, strategy.size);
        // Tiles and occlusion report each of their batches.
        let in_one_pass = matches!(strategy.passes, Passes::Whole | Passes::Cells(_));
        let heatmap = match strategy.passes {
            Passes::Tiles(grid) => return self.add_tiles(&view, grid, writer, control),
            Passes::Whole => self.whole(&view, writer)?,
            Passes::Cells(values) => {
                cells_heatmap(self.model, &view.rows(0..view.height())?, self.threshold, values, writer)?
            }
            Passes::Occlusion(grid) => self.occlude(&view, grid, writer, control)?,
        };
        if in_one_pass {
            self.step(1, control)?;
        }
        self.waiting.push_back(Waiting::Finished(heatmap));
        self.finish_front()
    }

    fn add_tiles(
        &mut self,
        view: &ResampledView,
        grid: TileGrid,
        writer: HeatmapWriter,
        control: &mut Control,
    ) -> Result<()> {
        let heatmap = GridHeatmap::new(grid.clone(), (view.width(), view.height()), self.options.blend, writer);
        self.waiting.push_back(Waiting::Tiles(Box::new(heatmap)));
        let mut bands = Bands::new(view, self.model.preprocessing(), &grid.rows, grid.tile.1);
        while let Some((band, rows)) = bands.next()? {
            for y in &grid.rows[rows] {
                for x in &grid.columns {
                    self.batch.push(band, *x, *y);
                    if self.batch.len() == self.together {
                        self.flush(control)?;
                    }
                }
            }
            control.check()?;
        }
        Ok(())
    }

    /// Computes the tiles that are collected, of however many images.
    fn flush(&mut self, control: &mut Control) -> Result<()> {
        if self.batch.len() == 0 {
            return Ok(());
        }
        let count = self.batch.len();
        let computed = logits_of(self.model, &self.batch.images())?;
        self.batch.clear();
        let mut computed = computed.into_iter();
        for waiting in &mut self.waiting {
            let Waiting::Tiles(heatmap) = waiting else { continue };
            for logit in computed.by_ref().take(heatmap.missing()) {
                let Prediction { probability, .. } = Prediction::from_logit(logit, self.threshold);
                let figures = Tile { probability, logit, value: probability, rank_score: logit, ..Tile::default() };
                heatmap.add(figures, probability)?;
            }
        }
        self.finish_front()?;
        self.step(count, control)
    }

    /// Finishes the heatmaps at the front of the queue whose tiles are all computed.
    fn finish_front(&mut self) -> Result<()> {
        while let Some(first) = self.waiting.pop_front() {
            match first {
                Waiting::Tiles(heatmap) if heatmap.missing() > 0 => {
                    self.waiting.push_front(Waiting::Tiles(heatmap));
                    break;
                }
                Waiting::Tiles(heatmap) => {
                    let sum: f64 = heatmap.tiles().iter().map(|tile| f64::from(tile.probability)).sum();
                    let mean = (sum / heatmap.tiles().len() as f64) as f32;
                    self.finished.push(heatmap.finish(Prediction::from_probability(mean, self.threshold))?);
                }
                Waiting::Finished(heatmap) => self.finished.push(heatmap),
            }
        }
        Ok(())
    }

    fn step(&mut self, count: usize, control: &mut Control) -> Result<()> {
        self.done += count;
        control.report_steady(Phase::Heatmap, self.done, self.total, self.start)
    }

    /// An image smaller than a tile: all of it at once, and the same value everywhere.
    fn whole(&self, view: &ResampledView, mut writer: HeatmapWriter) -> Result<Heatmap> {
        let raster = enlarged(&view.rows(0..view.height())?)?;
        let mut batch = Batch::new(raster.width(), raster.height());
        batch.push(&raster, 0, 0, self.model.preprocessing());
        let prediction = Prediction::from_logit(logits(self.model, &batch)?[0], self.threshold);
        let Prediction { probability, logit, .. } = prediction;
        let row = vec![probability; view.width()];
        (0..view.height()).try_for_each(|_| writer.push(&row))?;
        let (width, height) = (view.width() as f32, view.height() as f32);
        let tile = Tile { x: 0.0, y: 0.0, width, height, probability, logit, value: probability, rank_score: logit };
        writer.finish(vec![tile], 1, prediction)
    }

    fn occlude(
        &mut self,
        view: &ResampledView,
        grid: TileGrid,
        writer: HeatmapWriter,
        control: &mut Control,
    ) -> Result<Heatmap> {
        let occlusion = Occlusion {
            model: self.model,
            threshold: self.threshold,
            blend: self.options.blend,
            most_pixels: self.batch_limit * (self.options.tile_size as usize).pow(2),
        };
        let raster = view.rows(0..view.height())?;
        occlusion.heatmap(&raster, grid, writer, |count| self.step(count, control))
    }
}

/// Stretches the sides that are too short for the network.
fn enlarged(raster: &Raster) -> Result<Raster> {
    raster.resized(raster.width().max(SMALLEST_SIDE), raster.height().max(SMALLEST_SIDE))
}
