//! Localisation: heatmaps compared with boxes.

use super::boxes::{Area, BoxedImage, read_boxes};
use crate::heatmap::{Heatmap, HeatmapOptions, compute_heatmaps};
use lens_base::{Control, Error, Options, Phase, Result};
use lens_runtime::{Classifier, RunReport};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Instant;

/// How to compare heatmaps with boxes.
#[derive(Clone, Debug, Options)]
pub struct LocalizeOptions {
    /// How heatmaps are drawn.
    #[option(skip)]
    pub heatmap: HeatmapOptions,
    /// How far from a box the hottest point may be and still be a hit, in pixels of the image.
    #[option(minimum = 0, maximum = 65_536, none = -1, unset = "half a tile", flag = "--tolerance PX")]
    pub tolerance: Option<f64>,
}

/// Localisation figures of one image.
struct Located {
    name: String,
    /// The hottest point.
    point: (f64, f64),
    hit: bool,
    /// Share of the image within the boxes, dilated by the tolerance.
    chance: f64,
    /// Share of the hottest pixels, as many as the boxes have, that are in the boxes.
    intersection: f64,
    /// Share of the image within the boxes.
    area: f64,
}

/// Pointing game and intersection over all images of a directory with boxes.csv and images/.
pub fn localize(
    model: &Classifier,
    directory: &Path,
    options: &LocalizeOptions,
    control: &mut Control,
) -> Result<Value> {
    let run = RunReport::begin();
    options.heatmap.check_for_pixels()?;
    options.check_ranges()?;
    let images = read_boxes(directory)?;
    let start = Instant::now();
    let mut located = Vec::with_capacity(images.len());
    for (index, image) in images.iter().enumerate() {
        let file = image.load(&model.preprocessing().reading)?;
        let mut within = control.within(Phase::Evaluate, index, images.len(), start);
        let heatmaps = compute_heatmaps(model, &[file.view()], &options.heatmap, &mut within)
            .map_err(|error| error.prefixed(&image.name))?;
        drop(within);
        let heatmap = heatmaps.first().ok_or_else(|| Error::internal("an image without a heatmap"))?;
        let heat = Heat { width: heatmap.width(), values: heatmap.values() };
        located.push(locate(image, &heat, tolerance(options, heatmap)));
        control.report_steady(Phase::Evaluate, index + 1, images.len(), start)?;
    }
    let mut fields = run.header("lesionlens.localization", 1, model.context(), model.sha256(), model.engine());
    fields.insert("images".into(), json!(located.len()));
    fields.insert("hits".into(), json!(located.iter().filter(|image| image.hit).count()));
    let mean = |figure: fn(&Located) -> f64| located.iter().map(figure).sum::<f64>() / located.len() as f64;
    fields.insert("hit_rate".into(), json!(mean(|image| f64::from(u8::from(image.hit)))));
    fields.insert("hit_rate_by_chance".into(), json!(mean(|image| image.chance)));
    fields.insert("intersection".into(), json!(mean(|image| image.intersection)));
    fields.insert("intersection_by_chance".into(), json!(mean(|image| image.area)));
    fields.insert("results".into(), located.iter().map(Located::describe).collect());
    Ok(Value::Object(fields))
}

impl Located {
    fn describe(&self) -> Value {
        json!({
            "id": self.name,
            "hottest": { "x": self.point.0, "y": self.point.1 },
            "hit": self.hit,
            "chance": self.chance,
            "intersection": self.intersection,
            "intersection_by_chance": self.area,
        })
    }
}

/// Half a tile, in pixels of the image.
fn tolerance(options: &LocalizeOptions, heatmap: &Heatmap) -> f64 {
    let scale = options.heatmap.scale_of(heatmap.width(), heatmap.height());
    options.tolerance.unwrap_or(f64::from(options.heatmap.tile_size) / 2.0 / scale)
}

/// The values of a heatmap, row by row.
struct Heat<'a> {
    width: usize,
    values: &'a [f32],
}

impl Heat<'_> {
    fn centre(&self, index: usize) -> (f64, f64) {
        ((index % self.width) as f64 + 0.5, (index / self.width) as f64 + 0.5)
    }

    /// The pixel of the highest value; of several, such as those of a tile, the one nearest to their middle.
    fn hottest(&self) -> usize {
        let highest = self.values.iter().copied().fold(f32::MIN, f32::max);
        let tied: Vec<usize> = (0..self.values.len()).filter(|index| self.values[*index] == highest).collect();
        let centres = tied.iter().map(|index| self.centre(*index));
        let sum = centres.fold((0.0, 0.0), |sum, centre| (sum.0 + centre.0, sum.1 + centre.1));
        let middle = (sum.0 / tied.len() as f64, sum.1 / tied.len() as f64);
        let distance = |index: &usize| {
            let (x, y) = self.centre(*index);
            (x - middle.0).powi(2) + (y - middle.1).powi(2)
        };
        tied.into_iter().min_by(|one, other| distance(one).total_cmp(&distance(other))).unwrap_or(0)
    }
}

fn locate(image: &BoxedImage, heat: &Heat, tolerance: f64) -> Located {
    let dilated: Vec<Area> = image.boxes.iter().map(|area| area.dilated(tolerance)).collect();
    let within = |areas: &[Area], index: usize| {
        let (x, y) = heat.centre(index);
        areas.iter().any(|area| area.holds(x, y))
    };
    let pixels = heat.values.len();
    let inside: Vec<bool> = (0..pixels).map(|index| within(&image.boxes, index)).collect();
    let near = (0..pixels).filter(|index| within(&dilated, *index)).count();
    let hottest = heat.hottest();
    let point = heat.centre(hottest);
    Located {
        name: image.name.clone(),
        point,
        hit: within(&dilated, hottest),
        chance: near as f64 / pixels as f64,
        intersection: overlap(heat.values, &inside),
        area: inside.iter().filter(|inside| **inside).count() as f64 / pixels as f64,
    }
}

/// Of the hottest pixels, as many as are inside, the share that is inside; pixels that tie at the limit count in part.
fn overlap(values: &[f32], inside: &[bool]) -> f64 {
    let box_pixels = inside.iter().filter(|inside| **inside).count();
    if box_pixels == 0 {
        return 0.0;
    }
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(|one, other| other.total_cmp(one));
    let limit = sorted[box_pixels - 1];
    let count = |chosen: &dyn Fn(f32, bool) -> bool| {
        values.iter().zip(inside).filter(|(value, inside)| chosen(**value, **inside)).count() as f64
    };
    let above = count(&|value, _| value > limit);
    let tied = count(&|value, _| value == limit);
    let tied_share = (box_pixels as f64 - above) / tied;
    let hits =
        count(&|value, inside| inside && value > limit) + tied_share * count(&|value, inside| inside && value == limit);
    hits / box_pixels as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(width: usize, height: usize, hot: impl Fn(usize, usize) -> f32) -> Vec<f32> {
        (0..width * height).map(|index| hot(index % width, index / width)).collect()
    }

    fn image(x: f64, y: f64, width: f64, height: f64) -> BoxedImage {
        let boxes = vec![Area { x, y, width, height }];
        BoxedImage { name: "a".into(), path: "a".into(), frame: 0, boxes }
    }

    #[test]
    fn hottest_plateau_centre() {
        let values = values(20, 10, |x, y| if (10..15).contains(&x) && (4..7).contains(&y) { 0.9 } else { 0.1 });
        let heatmap = Heat { width: 20, values: &values };
        assert_eq!(heatmap.centre(heatmap.hottest()), (12.5, 5.5));
        let located = locate(&image(8.0, 1.0, 3.0, 3.0), &heatmap, 2.0);
        assert!(located.hit);
        assert!(!locate(&image(8.0, 1.0, 3.0, 3.0), &heatmap, 1.0).hit);
        // 3 x 3 pixels dilated by 2: 7 x 6, for the image ends above.
        assert_eq!(located.chance, 42.0 / 200.0);
        assert_eq!(located.area, 9.0 / 200.0);
    }

    #[test]
    fn intersection_of_hottest_pixels() {
        // The box has 4 pixels; 2 of the 4 hottest are in it.
        let values = values(4, 2, |x, y| (x as f32 + 4.0 * y as f32) / 8.0);
        let heatmap = Heat { width: 4, values: &values };
        assert_eq!(locate(&image(2.0, 0.0, 2.0, 2.0), &heatmap, 0.0).intersection, 0.5);
    }

    #[test]
    fn constant_map_intersection() {
        let heatmap = Heat { width: 10, values: &[0.3; 100] };
        let located = locate(&image(0.0, 0.0, 5.0, 4.0), &heatmap, 0.0);
        assert!((located.intersection - 0.2).abs() < 1e-12);
        assert_eq!(located.area, 0.2);
    }
}
