//! One heatmap: the pictures that are written of it, and the figures that are printed.

use super::names::Paths;
use crate::output::json::Said;
use crate::output::text::short;
use crate::program::Failure;
use lens_images::{ImageFile, PixelFormat, PixelView, Windowing, write_png};
use lens_tasks::heatmap::{Heatmap, OverlayOptions, Resolution};
use serde::Serialize;
use std::fmt::Write;
use std::path::Path;

#[derive(Clone, Serialize)]
pub struct Hottest {
    pub x: f32,
    pub y: f32,
    pub width: f32,
    pub height: f32,
    pub probability: f32,
}

/// What is said of a heatmap.
#[derive(Clone, Serialize)]
pub struct Drawn {
    /// `None`: the heatmap has no value for each pixel.
    pub overlay: Option<String>,
    pub heatmap: String,
    pub width: usize,
    pub height: usize,
    pub mean: f32,
    pub maximum: f32,
    pub columns: usize,
    pub rows: usize,
    pub hottest_tile: Hottest,
    pub prediction: Said,
}

/// A row of a table.
#[derive(Serialize)]
pub struct Row<'a> {
    file: String,
    kind: &'static str,
    frame: Option<usize>,
    probability: f32,
    logit: f32,
    label: u8,
    threshold: f32,
    mean: f32,
    maximum: f32,
    hottest_x: f32,
    hottest_y: f32,
    hottest_width: f32,
    hottest_height: f32,
    hottest_probability: f32,
    overlay: Option<&'a str>,
    heatmap: &'a str,
}

/// Writes the pictures, and takes over the figures.
pub fn write(heatmap: &Heatmap, image: &ImageFile, options: &OverlayOptions, paths: &Paths) -> Result<Drawn, Failure> {
    let (width, height) = (heatmap.width(), heatmap.height());
    let picture = |pixels: &[u8], format: PixelFormat, path: &Path| {
        let stride = width * format.bytes();
        let view = PixelView::new(pixels, width as u32, height as u32, stride, format, Windowing::default())?;
        write_png(path, &view)
    };
    let has_pixels = heatmap.resolution() == Resolution::Image;
    if has_pixels {
        picture(&heatmap.overlay(&image.view(), options)?, PixelFormat::Rgba8, &paths.overlay)?;
    }
    let values: Vec<u8> = heatmap.values().iter().flat_map(|value| value.to_ne_bytes()).collect();
    picture(&values, PixelFormat::GrayF32, &paths.values)?;
    let tile = heatmap.tiles().get(heatmap.hottest_tile()).copied().unwrap_or_default();
    Ok(Drawn {
        overlay: has_pixels.then(|| paths.overlay.display().to_string()),
        heatmap: paths.values.display().to_string(),
        width,
        height,
        mean: heatmap.mean(),
        maximum: heatmap.maximum(),
        columns: heatmap.columns(),
        rows: heatmap.rows(),
        hottest_tile: Hottest {
            x: tile.x,
            y: tile.y,
            width: tile.width,
            height: tile.height,
            probability: tile.probability,
        },
        prediction: heatmap.prediction().into(),
    })
}

impl Drawn {
    /// A line of figures that begins with a title, and a line for each picture.
    pub fn text(&self, title: &str) -> String {
        let Drawn { prediction, hottest_tile: Hottest { x, y, width, height, probability }, .. } = self;
        let [x, y, width, height] = [x, y, width, height].map(|number| short(f64::from(*number), 6));
        let mut text = format!(
            "{title}: {} (probability {:.4}), mean {:.4}, maximum {:.4}\n  hottest at x {x}, y {y}, {width} x {height} \
             pixels: probability {probability:.4}\n",
            prediction.word(),
            prediction.probability,
            self.mean,
            self.maximum
        );
        for path in self.overlay.iter().chain([&self.heatmap]) {
            // Writing to a string does not fail.
            let _ = writeln!(text, "  {path}");
        }
        text
    }

    /// `kind`: which of a file's heatmaps it is, "frame", "best", "max" or "mean"; `frame`: of which frame, where it is
    /// of one.
    pub fn row(&self, file: &str, kind: &'static str, frame: Option<usize>) -> Row<'_> {
        let (said, hottest) = (&self.prediction, &self.hottest_tile);
        Row {
            file: file.to_string(),
            kind,
            frame,
            probability: said.probability,
            logit: said.logit,
            label: said.label,
            threshold: said.threshold,
            mean: self.mean,
            maximum: self.maximum,
            hottest_x: hottest.x,
            hottest_y: hottest.y,
            hottest_width: hottest.width,
            hottest_height: hottest.height,
            hottest_probability: hottest.probability,
            overlay: self.overlay.as_deref(),
            heatmap: &self.heatmap,
        }
    }
}
