//! `heatmap`: where in image files a model sees the positive class.

mod cine;
mod names;
pub mod options;
mod result;

use super::classify::FrameOptions;
use super::{load_image, reading_for};
use crate::arguments::{self, file_operands, files, given_path, is_given, model, path, switch};
use crate::files::{check_directory, make_directory};
use crate::interrupt;
use crate::output::{csv, json};
use crate::program::Failure;
use crate::progress::{Files, Progress};
use crate::series;
use crate::setting::Setting;
use clap::{ArgMatches, Command};
use lens_images::{ImageFile, ReadOptions};
use lens_runtime::Classifier;
use lens_tasks::heatmap::{HeatmapOptions, OverlayOptions, compute_heatmaps};
use names::{Of, Paths};
use result::{Drawn, Row, write};
use serde::Serialize;
use std::path::PathBuf;

/// Files whose pixels and heatmaps are in memory at once.
const GROUP: usize = 16;

pub fn describe(command: Command) -> Command {
    let out = "Receives STEM_overlay.png and STEM_heatmap.png of each file; made when missing";
    let all = "All frames of every file: its best frame, and STEM_max_... and STEM_mean_... over all of them";
    let command = command
        .about("Draws where in image files the model sees the positive class")
        .arg(file_operands())
        .arg(model())
        .arg(path("out", "DIR", out).required(true))
        .arg(switch("all-frames", all))
        .arg(switch(series::SWITCH, series::HELP))
        .arg(csv::option());
    let command = arguments::add(command, &FrameOptions::default(), &[]);
    let command = arguments::add_of_model(command, &ReadOptions::default());
    arguments::add(options::add(command, &[]), &OverlayOptions::default(), &[])
}

/// What is asked for.
pub struct Drawing<'a> {
    model: Classifier,
    files: &'a [PathBuf],
    frame: u32,
    reading: ReadOptions,
    out: PathBuf,
    options: HeatmapOptions,
    overlay: OverlayOptions,
}

#[derive(Serialize)]
struct FileHeatmap {
    file: String,
    #[serde(flatten)]
    drawn: Drawn,
}

#[derive(Serialize)]
struct Heatmaps {
    model: String,
    maps: Vec<FileHeatmap>,
}

#[derive(Serialize)]
struct Cines {
    model: String,
    cines: Vec<cine::Cine>,
}

pub fn run(matches: &ArgMatches) -> Result<String, Failure> {
    let mut setting = Setting::read(matches)?;
    let options = options::read(matches)?;
    let (mut overlay, mut of_file) = (OverlayOptions::default(), FrameOptions::default());
    arguments::read(matches, &mut overlay)?;
    arguments::read(matches, &mut of_file)?;
    let (frame, all_frames) = (of_file.frame, is_given(matches, "all-frames"));
    if all_frames && frame > 0 {
        return Err(Failure::usage(format!("--frame {frame} and --all-frames exclude each other; give one")));
    }
    let (out, model_path) = (given_path(matches, "out"), given_path(matches, "model"));
    let table = csv::file(matches)?;
    let files = files(matches)?;
    let kinds: &[Of] = if all_frames { &[Of::Frame, Of::Highest, Of::Mean] } else { &[Of::Frame] };
    names::check(&out, &files, &model_path, table.as_deref(), kinds)?;
    check_directory("--out", &out)?;

    let model = setting.model(&model_path)?;
    let reading = reading_for(&model, matches)?;
    if files.len() > GROUP && !all_frames {
        check_images(&files, frame, &reading, setting.quiet)?;
    }
    let mut progress = Progress::new(setting.quiet);
    let drawing = Drawing { model, files: &files, frame, reading, out, options, overlay };
    let model = model_path.display().to_string();
    if all_frames {
        let cines = cine::draw(&drawing, &mut progress)?;
        drop(progress);
        write_table(table, cines.iter().flat_map(cine::Cine::rows))?;
        return match setting.json {
            true => json::document(&Cines { model, cines }),
            false => Ok(cines.iter().map(cine::Cine::text).collect()),
        };
    }
    let heatmaps = draw(&drawing, &mut progress)?;
    drop(progress);
    write_table(table, heatmaps.iter().map(|heatmap| heatmap.drawn.row(&heatmap.file, "frame", Some(frame as usize))))?;
    match setting.json {
        true => json::document(&Heatmaps { model, maps: heatmaps }),
        false => Ok(heatmaps.iter().map(|heatmap| heatmap.drawn.text(&heatmap.file)).collect()),
    }
}

fn write_table<'a>(table: Option<PathBuf>, rows: impl Iterator<Item = Row<'a>>) -> Result<(), Failure> {
    table.map_or(Ok(()), |table| csv::write_rows(&table, rows))
}

/// Decodes every file once before anything is written, so that an unreadable one leaves no partial result behind. A single
/// group is read as a whole before anything is written anyway.
fn check_images(files: &[PathBuf], frame: u32, reading: &ReadOptions, quiet: bool) -> Result<(), Failure> {
    let mut progress = Progress::new(quiet);
    for (index, file) in files.iter().enumerate() {
        load_image(file, frame, reading)?;
        progress.step("reading images", index + 1, files.len());
    }
    Ok(())
}

/// One frame of each file.
fn draw(drawing: &Drawing, progress: &mut Progress) -> Result<Vec<FileHeatmap>, Failure> {
    let mut drawn: Vec<FileHeatmap> = Vec::with_capacity(drawing.files.len());
    for group in drawing.files.chunks(GROUP) {
        let load = |file: &PathBuf| load_image(file, drawing.frame, &drawing.reading);
        let images = group.iter().map(load).collect::<Result<Vec<ImageFile>, _>>()?;
        let views: Vec<_> = images.iter().map(ImageFile::view).collect();
        let place = Files { before: drawn.len(), in_call: group.len(), total: drawing.files.len() };
        let heatmaps = compute_heatmaps(&drawing.model, &views, &drawing.options, &mut progress.control_of(place))?;
        // Made as late as this, so that nothing is made when the first group cannot be read.
        make_directory(&drawing.out)?;
        for ((file, image), heatmap) in group.iter().zip(&images).zip(&heatmaps) {
            interrupt::check()?;
            let paths = Paths::new(&drawing.out, file, Of::Frame);
            let file = file.display().to_string();
            drawn.push(FileHeatmap { file, drawn: write(heatmap, image, &drawing.overlay, &paths)? });
        }
    }
    Ok(drawn)
}
