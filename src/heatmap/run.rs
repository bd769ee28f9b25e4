//! Drawing the heatmaps of many images, whose tiles share batches.

use super::accumulate::{Accumulator, Blend};
use super::cam::class_activation_map;
use super::map::{HeatMap, Tile};
use super::tiles::{Edge, positions};
use crate::data::{Batch, LONGEST_SIDE, MOST_PIXELS, PixelView, Raster, check_all_values};
use crate::error::{Error, Result};
use crate::infer::{Prediction, check_batch_limit, logits};
use crate::model::{Model, SMALLEST_SIDE, check_threshold};
use crate::runtime::{Control, Phase};
use std::collections::VecDeque;
use std::time::Instant;

/// How a heatmap is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Method {
    /// Overlapping tiles, each classified by itself.
    #[default]
    Tiles,
    /// Class activation map of the whole image.
    Cam,
}

/// What is done to the image's size before tiling.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Resample {
    /// Width and height times this.
    Scale(f64),
    /// To this width and height.
    Size(u32, u32),
}

/// How to draw heatmaps.
#[derive(Clone, Debug)]
pub struct HeatmapOptions {
    /// Method.
    pub method: Method,
    /// Width and height of a tile.
    pub tile_size: u32,
    /// Distance of tiles; 0: three quarters of a tile.
    pub stride: u32,
    /// Where the last tiles go.
    pub edge: Edge,
    /// How overlapping tiles are weighted.
    pub blend: Blend,
    /// What is done to the image's size before tiling.
    pub resample: Resample,
    /// Tiles that go through the network at once.
    pub batch_limit: u32,
    /// Instead of the model's own threshold.
    pub threshold: Option<f32>,
}

impl Default for HeatmapOptions {
    /// The reference pipeline's tiles, on the image as it is, with every pixel covered.
    fn default() -> Self {
        HeatmapOptions {
            method: Method::Tiles,
            tile_size: 64,
            stride: 0,
            edge: Edge::Cover,
            blend: Blend::Mean,
            resample: Resample::Scale(1.0),
            batch_limit: 64,
            threshold: None,
        }
    }
}

impl HeatmapOptions {
    pub(crate) fn check(&self) -> Result<()> {
        let smallest = SMALLEST_SIDE as u32;
        if !(smallest..=4096).contains(&self.tile_size) {
            return Err(Error::argument(format!("tile_size {} is not in {smallest}..4096", self.tile_size)));
        }
        if self.stride > self.tile_size {
            return Err(Error::argument(format!(
                "stride {} is more than tile_size {}, which leaves gaps",
                self.stride, self.tile_size
            )));
        }
        match self.resample {
            Resample::Scale(scale) if !(scale > 0.0 && scale <= 16.0) => {
                Err(Error::argument(format!("scale {scale} must be above 0 and at most 16")))
            }
            Resample::Size(width, height)
                if !(1..=LONGEST_SIDE).contains(&width) || !(1..=LONGEST_SIDE).contains(&height) =>
            {
                Err(Error::argument(format!(
                    "resize_width {width} and resize_height {height} must be in 1..{LONGEST_SIDE}"
                )))
            }
            _ => Ok(()),
        }
    }

    /// Distance of tiles; the reference pipeline's 48 for its tiles of 64.
    fn stride(&self) -> usize {
        match self.stride {
            0 => self.tile_size as usize * 3 / 4,
            stride => stride as usize,
        }
    }

    /// How much larger than an image it is tiled, taking width and height together.
    pub(crate) fn scale_of(&self, width: usize, height: usize) -> f64 {
        match self.resample {
            Resample::Scale(scale) => scale,
            Resample::Size(to_width, to_height) => {
                (f64::from(to_width) / width as f64 * f64::from(to_height) / height as f64).sqrt()
            }
        }
    }

    /// The size an image is tiled at.
    fn resampled_size(&self, width: usize, height: usize) -> Result<(usize, usize)> {
        let (new_width, new_height) = match self.resample {
            Resample::Scale(scale) => {
                ((width as f64 * scale).round().max(1.0), (height as f64 * scale).round().max(1.0))
            }
            Resample::Size(width, height) => (f64::from(width), f64::from(height)),
        };
        let longest = f64::from(LONGEST_SIDE);
        if new_width > longest || new_height > longest || new_width * new_height > MOST_PIXELS as f64 {
            return Err(Error::argument(format!(
                "{width} x {height} pixels would be resampled to {new_width} x {new_height}; the most is {LONGEST_SIDE} \
                 a side and {MOST_PIXELS} in all"
            )));
        }
        Ok((new_width as usize, new_height as usize))
    }
}

/// Stretches the sides that are too short for the network.
fn enlarged(raster: &Raster) -> Result<Raster> {
    raster.resized(raster.width().max(SMALLEST_SIDE), raster.height().max(SMALLEST_SIDE))
}

/// Heatmaps of images, in order.
pub fn heatmap(
    model: &Model,
    images: &[PixelView],
    options: &HeatmapOptions,
    control: &mut Control,
) -> Result<Vec<HeatMap>> {
    options.check()?;
    let batch_limit = check_batch_limit(options.batch_limit)?;
    let threshold = options.threshold.unwrap_or(model.threshold());
    check_threshold(threshold)?;
    let plans = images
        .iter()
        .enumerate()
        .map(|(index, image)| Plan::new(image, options).map_err(|error| error.prefixed(&format!("image {index}"))))
        .collect::<Result<Vec<_>>>()?;
    let images = check_all_values(images)?;
    let mut run = Run {
        model,
        options,
        threshold,
        batch_limit,
        batch: Batch::new(options.tile_size as usize, options.tile_size as usize, 1, model.context().device()),
        waiting: VecDeque::new(),
        finished: Vec::with_capacity(images.len()),
        done: 0,
        total: plans.iter().map(Plan::tile_count).sum(),
        start: Instant::now(),
    };
    control.check()?;
    for (image, plan) in images.iter().zip(plans) {
        let raster = image.to_raster()?.resized(plan.width, plan.height)?;
        run.add(&raster, plan, control)?;
    }
    run.flush(control)?;
    Ok(run.finished)
}

/// What is to be done with one image.
struct Plan {
    image: (usize, usize),
    width: usize,
    height: usize,
    /// Beginnings of columns and rows of tiles; `None`: the image is taken whole.
    grid: Option<(Vec<usize>, Vec<usize>)>,
}

impl Plan {
    fn new(image: &PixelView, options: &HeatmapOptions) -> Result<Self> {
        let (width, height) = options.resampled_size(image.width(), image.height())?;
        let (tile, stride) = (options.tile_size as usize, options.stride());
        let tiled = options.method == Method::Tiles && width >= tile && height >= tile;
        Ok(Plan {
            image: (image.width(), image.height()),
            width,
            height,
            grid: tiled
                .then(|| (positions(width, tile, stride, options.edge), positions(height, tile, stride, options.edge))),
        })
    }

    fn tile_count(&self) -> usize {
        self.grid.as_ref().map_or(1, |(columns, rows)| columns.len() * rows.len())
    }
}

/// An image whose tiles are not all computed.
struct Waiting {
    plan: Plan,
    logits: Vec<f32>,
    /// A map that is finished already, waiting for those before it.
    map: Option<HeatMap>,
}

struct Run<'a> {
    model: &'a Model,
    options: &'a HeatmapOptions,
    threshold: f32,
    batch_limit: usize,
    batch: Batch,
    waiting: VecDeque<Waiting>,
    finished: Vec<HeatMap>,
    done: usize,
    total: usize,
    start: Instant,
}

impl Run<'_> {
    fn add(&mut self, raster: &Raster, plan: Plan, control: &mut Control) -> Result<()> {
        let Some((columns, rows)) = plan.grid.clone() else {
            let map = self.whole(raster, &plan)?;
            self.waiting.push_back(Waiting { plan, logits: Vec::new(), map: Some(map) });
            self.hand_over()?;
            self.done += 1;
            return control.report_steady(Phase::Heatmap, self.done, self.total, self.start);
        };
        self.waiting.push_back(Waiting { plan, logits: Vec::with_capacity(columns.len() * rows.len()), map: None });
        for y in &rows {
            for x in &columns {
                self.batch.push(raster, *x, *y, self.model.preprocessing());
                if self.batch.len() == self.batch_limit {
                    self.flush(control)?;
                }
            }
        }
        Ok(())
    }

    /// Computes the tiles that are collected, of however many images.
    fn flush(&mut self, control: &mut Control) -> Result<()> {
        if self.batch.is_empty() {
            return Ok(());
        }
        let mut computed = logits(self.model, &self.batch)?.into_iter();
        self.done += self.batch.len();
        self.batch.clear();
        for waiting in &mut self.waiting {
            let missing = waiting.plan.tile_count() - waiting.logits.len();
            if waiting.map.is_none() {
                waiting.logits.extend(computed.by_ref().take(missing));
            }
        }
        self.hand_over()?;
        control.report_steady(Phase::Heatmap, self.done, self.total, self.start)
    }

    /// Finishes the images at the front whose tiles are all there.
    fn hand_over(&mut self) -> Result<()> {
        while let Some(first) = self.waiting.front() {
            if first.map.is_none() && first.logits.len() < first.plan.tile_count() {
                break;
            }
            if let Some(Waiting { plan, logits, map }) = self.waiting.pop_front() {
                let map = match map {
                    Some(map) => map,
                    None => self.blend(&plan, &logits)?,
                };
                self.finished.push(map);
            }
        }
        Ok(())
    }

    fn blend(&self, plan: &Plan, logits: &[f32]) -> Result<HeatMap> {
        let (columns, rows) =
            plan.grid.as_ref().ok_or_else(|| Error::internal("an image without a grid has no tiles"))?;
        let tile = self.options.tile_size as usize;
        let mut accumulator = Accumulator::new(plan.width, plan.height, tile, self.options.blend);
        let mut tiles = Vec::with_capacity(logits.len());
        let mut sum = 0.0;
        for (index, logit) in logits.iter().enumerate() {
            let (x, y) = (columns[index % columns.len()], rows[index / columns.len()]);
            let probability = Prediction::from_logit(*logit, self.threshold).probability;
            accumulator.add(x, y, probability);
            sum += f64::from(probability);
            let side = tile as f32;
            tiles.push(Tile { x: x as f32, y: y as f32, width: side, height: side, probability, logit: *logit });
        }
        let prediction = Prediction::from_probability((sum / logits.len() as f64) as f32, self.threshold);
        let values = Raster::new(plan.width, plan.height, 1, accumulator.finish())?;
        HeatMap::new(values, tiles, columns.len(), prediction, plan.image)
    }

    /// An image that is not tiled: all of it at once.
    fn whole(&self, raster: &Raster, plan: &Plan) -> Result<HeatMap> {
        let raster = enlarged(raster)?;
        if self.options.method == Method::Cam {
            return class_activation_map(self.model, &raster, self.threshold, plan.image);
        }
        let mut batch = Batch::new(raster.width(), raster.height(), 1, self.model.context().device());
        batch.push(&raster, 0, 0, self.model.preprocessing());
        let prediction = Prediction::from_logit(logits(self.model, &batch)?[0], self.threshold);
        let (width, height) = (plan.width as f32, plan.height as f32);
        let Prediction { probability, logit, .. } = prediction;
        let tile = Tile { x: 0.0, y: 0.0, width, height, probability, logit };
        let values = Raster::new(plan.width, plan.height, 1, vec![probability; plan.width * plan.height])?;
        HeatMap::new(values, vec![tile], 1, prediction, plan.image)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{PixelFormat, Windowing};
    use crate::model::{DenseNet, Metadata};
    use crate::runtime::{Context, ContextOptions};

    fn model() -> Model {
        let context = Context::new(ContextOptions::default()).unwrap();
        Model::new(&context, DenseNet::initial(2, tch::Device::Cpu).frozen(), Metadata::default()).unwrap()
    }

    fn pixels(width: usize, height: usize, seed: usize) -> Vec<u8> {
        (0..width * height).map(|index| ((index * 31 + index / width * 17 + seed * 7) % 251) as u8).collect()
    }

    fn view(bytes: &[u8], width: usize, height: usize) -> PixelView<'_> {
        let (width, height) = (width as u32, height as u32);
        PixelView::new(bytes, width, height, width as usize, PixelFormat::Gray8, Windowing::default()).unwrap()
    }

    /// Steps 1 to 4 of the reference, one tile at a time, by naive loops.
    fn reference(model: &Model, bytes: &[u8], width: usize, height: usize) -> (Vec<f32>, f32) {
        let (mut sums, mut counts) = (vec![0f32; width * height], vec![0f32; width * height]);
        let mut probabilities = Vec::new();
        let mut y = 0;
        while y + 64 <= height {
            let mut x = 0;
            while x + 64 <= width {
                let tile: Vec<f32> = (0..64 * 64)
                    .map(|index| f32::from(bytes[(y + index / 64) * width + x + index % 64]) / 255.0)
                    .collect();
                let input = tch::Tensor::from_slice(&tile).view([1, 1, 64, 64]).repeat([1, 3, 1, 1]);
                let _guard = tch::no_grad_guard();
                let probability = model.network().logits(&input).sigmoid().double_value(&[0]) as f32;
                for row in y..y + 64 {
                    for column in x..x + 64 {
                        sums[row * width + column] += probability;
                        counts[row * width + column] += 1.0;
                    }
                }
                probabilities.push(probability);
                x += 48;
            }
            y += 48;
        }
        let map = sums.iter().zip(&counts).map(|(sum, count)| if *count > 0.0 { sum / count } else { 0.0 }).collect();
        (map, probabilities.iter().sum::<f32>() / probabilities.len() as f32)
    }

    #[test]
    fn the_reference_edge_rule_gives_the_references_map() {
        let model = model();
        let options = HeatmapOptions { edge: Edge::Reference, ..HeatmapOptions::default() };
        for (width, height) in [(128, 128), (64, 64), (150, 97)] {
            let bytes = pixels(width, height, 1);
            let maps = heatmap(&model, &[view(&bytes, width, height)], &options, &mut Control::default()).unwrap();
            let (expected, mean) = reference(&model, &bytes, width, height);
            for (index, (value, expected)) in maps[0].values().iter().zip(&expected).enumerate() {
                assert!((value - expected).abs() < 1e-5, "{width} x {height}, pixel {index}: {value} {expected}");
                assert_eq!(*value == 0.0, *expected == 0.0);
            }
            assert!((maps[0].prediction().probability - mean).abs() < 1e-5);
        }
    }

    #[test]
    fn images_that_share_batches_get_the_maps_they_get_alone() {
        let model = model();
        let sizes = [(100, 70), (40, 90), (64, 64), (130, 65), (20, 20)];
        let bytes: Vec<Vec<u8>> = sizes.iter().map(|(width, height)| pixels(*width, *height, *width)).collect();
        let views: Vec<PixelView> =
            sizes.iter().zip(&bytes).map(|((width, height), bytes)| view(bytes, *width, *height)).collect();
        let options = HeatmapOptions { batch_limit: 3, ..HeatmapOptions::default() };
        let together = heatmap(&model, &views, &options, &mut Control::default()).unwrap();
        for (index, (map, view)) in together.iter().zip(&views).enumerate() {
            let alone = heatmap(&model, &[*view], &HeatmapOptions::default(), &mut Control::default()).unwrap();
            assert_eq!((map.width(), map.height()), sizes[index]);
            let difference =
                map.values().iter().zip(alone[0].values()).map(|(one, other)| (one - other).abs()).fold(0.0, f32::max);
            assert!(difference < 1e-5, "image {index}: {difference}");
        }
    }

    #[test]
    fn a_scaled_image_keeps_its_maps_size_and_its_tiles_their_place() {
        let model = model();
        let bytes = pixels(80, 60, 5);
        let options = HeatmapOptions { resample: Resample::Size(128, 128), ..HeatmapOptions::default() };
        let map = &heatmap(&model, &[view(&bytes, 80, 60)], &options, &mut Control::default()).unwrap()[0];
        assert_eq!((map.width(), map.height(), map.columns(), map.rows()), (80, 60, 3, 3));
        let last = map.tiles()[8];
        assert_eq!((last.x + last.width, last.y + last.height), (80.0, 60.0));
    }

    #[test]
    fn the_cams_prediction_is_that_of_the_whole_image() {
        let model = model();
        let bytes = pixels(96, 128, 9);
        let options = HeatmapOptions { method: Method::Cam, ..HeatmapOptions::default() };
        let map = &heatmap(&model, &[view(&bytes, 96, 128)], &options, &mut Control::default()).unwrap()[0];
        let mut batch = Batch::new(96, 128, 1, model.context().device());
        batch.push(&view(&bytes, 96, 128).to_raster().unwrap(), 0, 0, model.preprocessing());
        let logit = logits(&model, &batch).unwrap()[0];
        assert!((map.prediction().logit - logit).abs() < 1e-4);
        assert_eq!((map.columns(), map.rows(), map.values().len()), (3, 4, 96 * 128));
    }

    #[test]
    fn options_out_of_range_name_their_value() {
        let model = model();
        let bytes = pixels(64, 64, 0);
        for (options, sign) in [
            (HeatmapOptions { tile_size: 31, ..HeatmapOptions::default() }, "31"),
            (HeatmapOptions { stride: 65, ..HeatmapOptions::default() }, "65"),
            (HeatmapOptions { resample: Resample::Scale(f64::NAN), ..HeatmapOptions::default() }, "NaN"),
            (HeatmapOptions { resample: Resample::Size(70_000, 9), ..HeatmapOptions::default() }, "70000"),
            (HeatmapOptions { batch_limit: 0, ..HeatmapOptions::default() }, "batch_limit 0"),
            (HeatmapOptions { threshold: Some(1.5), ..HeatmapOptions::default() }, "1.5"),
        ] {
            let error = heatmap(&model, &[view(&bytes, 64, 64)], &options, &mut Control::default()).unwrap_err();
            assert!(error.message().contains(sign), "{error}");
        }
    }
}
