//! `classify`: what a model says of image files.

use super::{load_image, reading_for};
use crate::arguments::{self, file_operands, files, given_path, is_given, model, switch};
use crate::files::Inputs;
use crate::output::json::{self, Said};
use crate::output::{csv, text};
use crate::program::Failure;
use crate::progress::{Files, Progress};
use crate::series;
use crate::setting::Setting;
use clap::{ArgMatches, Command};
use lens_base::Options;
use lens_images::{ImageFile, ReadOptions, image_id};
use lens_tasks::classify::{ClassifyOptions, classify};
use serde::Serialize;
use std::fmt::Write;
use std::path::PathBuf;

/// Files whose pixels are in memory at once.
const GROUP: usize = 64;

pub fn describe(command: Command) -> Command {
    let command = command
        .about("Classifies image files: DICOM, NIfTI, PNG, JPEG, BMP, WebP, TIFF")
        .arg(file_operands())
        .arg(model())
        .arg(switch("all-frames", "All frames of every file, a row for each"))
        .arg(switch(series::SWITCH, series::HELP))
        .arg(csv::option());
    let command = arguments::add(command, &FrameOptions::default(), &[]);
    let command = arguments::add_of_model(command, &ReadOptions::default());
    arguments::add(command, &ClassifyOptions::default(), &[])
}

/// What is taken of a file.
#[derive(Options)]
pub struct FrameOptions {
    /// Frame of every file, from 0; for multi-frame files.
    #[option(flag = "--frame N")]
    pub frame: u32,
}

/// One image.
#[derive(Serialize)]
struct Row {
    file: String,
    /// Where all frames are asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    frame: Option<u32>,
    probability: f32,
    logit: f32,
    label: u8,
    threshold: f32,
}

impl Row {
    fn of((file, frame): &(PathBuf, u32), all_frames: bool, said: Said) -> Self {
        let Said { probability, logit, label, threshold } = said;
        let (file, frame) = (file.display().to_string(), all_frames.then_some(*frame));
        Row { file, frame, probability, logit, label, threshold }
    }
}

#[derive(Serialize)]
struct Document {
    model: String,
    predictions: Vec<Row>,
}

pub fn run(matches: &ArgMatches) -> Result<String, Failure> {
    let mut setting = Setting::read(matches)?;
    let (mut options, mut of_file) = (ClassifyOptions::default(), FrameOptions::default());
    arguments::read(matches, &mut options)?;
    arguments::read(matches, &mut of_file)?;
    let (frame, all_frames) = (of_file.frame, is_given(matches, "all-frames"));
    if all_frames && frame > 0 {
        return Err(Failure::usage(format!("--frame {frame} and --all-frames exclude each other; give one")));
    }
    let table = csv::file(matches)?;
    let files = files(matches)?;
    let model_path = given_path(matches, "model");
    if let Some(table) = &table {
        Inputs::new(files.iter().chain([&model_path])).check("--csv", table)?;
    }
    let mut frames = Vec::with_capacity(files.len());
    for file in files {
        let chosen = if all_frames { 0..=series::frames(&file)? - 1 } else { frame..=frame };
        frames.extend(chosen.map(|frame| (file.clone(), frame)));
    }
    let model = setting.model(&model_path)?;
    let reading = reading_for(&model, matches)?;
    // Nothing is printed before the last file is classified, so an unreadable one leaves no partial result behind.
    let mut predictions = Vec::with_capacity(frames.len());
    let mut progress = Progress::new(setting.quiet);
    for group in frames.chunks(GROUP) {
        let load = |(file, frame): &(PathBuf, u32)| load_image(file, *frame, &reading);
        let images = group.iter().map(load).collect::<Result<Vec<ImageFile>, _>>()?;
        let views: Vec<_> = images.iter().map(ImageFile::view).collect();
        let place = Files { before: predictions.len(), in_call: group.len(), total: frames.len() };
        let said = classify(&model, &views, &options, &mut progress.control_of(place))?;
        predictions.extend(said.into_iter().map(Said::from));
    }
    drop(progress);
    let rows = frames.iter().zip(&predictions).map(|(image, said)| Row::of(image, all_frames, *said));
    if let Some(table) = table {
        csv::write_rows(&table, rows.clone())?;
    }
    if setting.json {
        return json::document(&Document { model: model_path.display().to_string(), predictions: rows.collect() });
    }
    Ok(table_of(&frames, all_frames, &predictions))
}

fn table_of(frames: &[(PathBuf, u32)], all_frames: bool, predictions: &[Said]) -> String {
    let name = |(file, frame): &(PathBuf, u32)| image_id(&file.to_string_lossy(), all_frames.then_some(*frame));
    let names: Vec<String> = frames.iter().map(name).collect();
    let widest = names.iter().map(|name| name.chars().count()).fold("file".len(), usize::max);
    let mut table = format!("{:widest$}  probability    logit  label\n", "file");
    for (name, said) in names.iter().zip(predictions) {
        // Writing to a string does not fail.
        let _ = writeln!(table, "{name:widest$}  {:11.4} {:8.3}  {}", said.probability, said.logit, said.word());
    }
    if let Some(first) = predictions.first() {
        let _ = writeln!(table, "\npositive: probability above {}", text::short(first.threshold.into(), 6));
    }
    table
}
