//! `heatmap --all-frames`: every frame of multi-frame files.

use super::Drawing;
use super::names::{Of, Paths};
use super::result::{Drawn, Row, write};
use crate::commands::load_image;
use crate::files::make_directory;
use crate::interrupt;
use crate::output::json::Said;
use crate::program::{Failure, about};
use crate::progress::{Files, Progress};
use lens_images::ImageFile;
use lens_tasks::heatmap::{Aggregate, Heatmap, aggregate, compute_heatmaps};
use serde::Serialize;
use std::path::Path;

/// Frames whose pixels are in memory at once.
const GROUP: u32 = 64;

#[derive(Serialize)]
struct Frame {
    frame: usize,
    mean: f32,
    maximum: f32,
    prediction: Said,
}

/// One file.
#[derive(Serialize)]
pub struct Cine {
    file: String,
    best_frame: usize,
    best: Drawn,
    max: Drawn,
    mean: Drawn,
    frames: Vec<Frame>,
}

/// Draws the best frame's heatmap, and the highest and the mean values over all frames of each file. The heatmaps of
/// one file's frames are in memory at once.
pub fn draw(drawing: &Drawing, progress: &mut Progress) -> Result<Vec<Cine>, Failure> {
    // The first frame of every file, before anything is written.
    let mut counts = Vec::with_capacity(drawing.files.len());
    for file in drawing.files {
        counts.push(load_image(file, 0, &drawing.reading)?.frames());
        progress.step("reading images", counts.len(), drawing.files.len());
    }
    let total = counts.iter().map(|count| *count as usize).sum();
    let (mut cines, mut before) = (Vec::with_capacity(counts.len()), 0);
    for (file, count) in drawing.files.iter().zip(counts) {
        let mut heatmaps = Vec::with_capacity(count as usize);
        for first in (0..count).step_by(GROUP as usize) {
            let frames = first..count.min(first + GROUP);
            let load = |frame| load_image(file, frame, &drawing.reading);
            let images = frames.map(load).collect::<Result<Vec<ImageFile>, _>>()?;
            let views: Vec<_> = images.iter().map(ImageFile::view).collect();
            let place = Files { before, in_call: views.len(), total };
            let drawn = compute_heatmaps(&drawing.model, &views, &drawing.options, &mut progress.control_of(place));
            heatmaps.extend(about(file, drawn)?);
            before += views.len();
        }
        cines.push(write_cine(drawing, file, &heatmaps)?);
    }
    Ok(cines)
}

/// All three over the best frame's pixels.
fn write_cine(drawing: &Drawing, file: &Path, heatmaps: &[Heatmap]) -> Result<Cine, Failure> {
    let heatmaps: Vec<&Heatmap> = heatmaps.iter().collect();
    let (highest, best_frame) = about(file, aggregate(&heatmaps, Aggregate::Max))?;
    let (mean, _) = about(file, aggregate(&heatmaps, Aggregate::Mean))?;
    interrupt::check()?;
    // Made as late as this, so that nothing is made when a frame cannot be read.
    make_directory(&drawing.out)?;
    let image = load_image(file, best_frame as u32, &drawing.reading)?;
    let written = |heatmap: &Heatmap, of| write(heatmap, &image, &drawing.overlay, &Paths::new(&drawing.out, file, of));
    Ok(Cine {
        file: file.display().to_string(),
        best_frame,
        best: written(heatmaps[best_frame], Of::Frame)?,
        max: written(&highest, Of::Highest)?,
        mean: written(&mean, Of::Mean)?,
        frames: heatmaps
            .iter()
            .enumerate()
            .map(|(frame, heatmap)| Frame {
                frame,
                mean: heatmap.mean(),
                maximum: heatmap.maximum(),
                prediction: heatmap.prediction().into(),
            })
            .collect(),
    })
}

impl Cine {
    /// A line, and the lines of the three heatmaps.
    pub fn text(&self) -> String {
        let count = self.frames.len();
        let frames = if count == 1 { "frame" } else { "frames" };
        format!("{}: {count} {frames}, best {}\n", self.file, self.best_frame)
            + &self.best.text("best frame")
            + &self.max.text("highest of all frames")
            + &self.mean.text("mean of all frames")
    }

    /// A row for each of the three heatmaps.
    pub fn rows(&self) -> [Row<'_>; 3] {
        [
            self.best.row(&self.file, "best", Some(self.best_frame)),
            self.max.row(&self.file, "max", None),
            self.mean.row(&self.file, "mean", None),
        ]
    }
}
