//! `split`: a data directory as two, for training and validation, say.

use super::train::open;
use crate::arguments::{self, given_path, is_given, path, switch};
use crate::files::make_directory;
use crate::output::text::Figures;
use crate::output::{csv, json};
use crate::program::{Failure, reason};
use ::csv::WriterBuilder;
use clap::{ArgMatches, Command};
use lens_base::Options;
use lens_images::{Dataset, DatasetOptions};
use serde::Serialize;
use std::path::Path;

/// Of the directories that are written: the layout that `train` and `evaluate` read.
const TABLE: &str = "labels.csv";
const IMAGES: &str = "images";
const FRAME: &str = "frame";

/// How to split.
#[derive(Options)]
struct SplitOptions {
    /// Share of the images that goes to the first directory.
    #[option(default = 0.8, above = 0, below = 1, flag = "--share X")]
    share: f64,
    /// Seed of the choice.
    #[option(flag = "--seed N")]
    seed: u64,
}

pub fn describe(command: Command) -> Command {
    let command = command
        .about(
            "Splits a data directory class by class into two, each with labels.csv and a link to the images, for --train \
             and --val",
        )
        .arg(path("data", "DIR", "images/ and labels.csv, or a folder per class").required(true))
        .arg(path("first", "DIR", "Receives the share's labels.csv").required(true))
        .arg(path("second", "DIR", "Receives the labels.csv of the rest").required(true));
    let command = arguments::add(command, &SplitOptions::default(), &[]);
    arguments::add(command, &DatasetOptions::default(), &[])
        .arg(switch("json", "Print one JSON document instead of text"))
        .arg(switch("quiet", "Show no progress"))
}

#[derive(Serialize)]
struct Part {
    path: String,
    samples: usize,
    positives: usize,
    negatives: usize,
}

#[derive(Serialize)]
struct Document {
    first: Part,
    second: Part,
}

pub fn run(matches: &ArgMatches) -> Result<String, Failure> {
    let (mut options, mut opening) = (SplitOptions::default(), DatasetOptions::default());
    arguments::read(matches, &mut options)?;
    arguments::read(matches, &mut opening)?;
    let outputs = ["first", "second"].map(|name| (name, given_path(matches, name)));
    for (name, output) in &outputs {
        check_is_free(name, output)?;
    }
    if outputs[0].1 == outputs[1].1 {
        let same = outputs[0].1.display();
        return Err(Failure::usage(format!("--first and --second are both '{same}'; give two directories")));
    }
    let dataset = open(&given_path(matches, "data"), &opening)?;
    let (first, second) = dataset.split(options.share, options.seed)?;
    let [(_, first_output), (_, second_output)] = outputs;
    [(&first_output, &first), (&second_output, &second)].into_iter().try_for_each(|(_, part)| check_names(part))?;
    [&first_output, &second_output].into_iter().try_for_each(|output| make_directory(output))?;
    let document = Document { first: write(&first_output, &first)?, second: write(&second_output, &second)? };
    if is_given(matches, "json") {
        return json::document(&document);
    }
    let mut figures = Figures::default();
    for part in [document.first, document.second] {
        let Part { path, samples, positives, negatives } = part;
        figures.text(&path, &format!(" {samples} images: {positives} positive, {negatives} negative"));
    }
    Ok(figures.0)
}

fn check_is_free(name: &str, output: &Path) -> Result<(), Failure> {
    for entry in [TABLE, IMAGES] {
        if output.join(entry).symlink_metadata().is_ok() {
            let output = output.display();
            return Err(Failure::Failed(format!("--{name} '{output}' has {entry} already; give a new directory")));
        }
    }
    Ok(())
}

/// A table of files is text.
fn check_names(dataset: &Dataset) -> Result<(), Failure> {
    let names = dataset.samples().iter().filter_map(|sample| sample.location());
    match names.map(|(_, name, _)| name).find(|name| name.to_str().is_none()) {
        Some(name) => Err(Failure::Failed(format!(
            "labels.csv cannot hold the name '{}', which is not UTF-8; rename it",
            name.display()
        ))),
        None => Ok(()),
    }
}

/// labels.csv with the samples, beside a link to their images.
fn write(output: &Path, dataset: &Dataset) -> Result<Part, Failure> {
    let options = DatasetOptions::default();
    let samples = dataset.samples();
    let files: Vec<_> = samples.iter().filter_map(|sample| Some((sample.location()?, sample.positive))).collect();
    let with_frames = files.iter().any(|((_, _, frame), _)| frame.is_some());
    if let Some(((directory, _, _), _)) = files.first() {
        link(directory, &output.join(IMAGES))?;
    }
    csv::write(&output.join(TABLE), &WriterBuilder::new(), |table| {
        let header = [&options.filename_column[..], &options.label_column, FRAME];
        let columns = if with_frames { header.len() } else { header.len() - 1 };
        table.write_record(&header[..columns])?;
        files.iter().try_for_each(|((_, name, frame), positive)| {
            let frame = frame.map_or_else(String::new, |frame| frame.to_string());
            let label = if *positive { "1" } else { "0" };
            table.write_record(&[name.as_os_str().as_encoded_bytes(), label.as_bytes(), frame.as_bytes()][..columns])
        })
    })?;
    let positives = files.iter().filter(|(_, positive)| *positive).count();
    Ok(Part { path: output.display().to_string(), samples: files.len(), positives, negatives: files.len() - positives })
}

/// Images stay where they are.
fn link(directory: &Path, link: &Path) -> Result<(), Failure> {
    let made = directory.canonicalize().and_then(|directory| lens_system::link_to_directory(&directory, link));
    made.map_err(|error| {
        let (link, directory) = (link.display(), directory.display());
        Failure::Failed(format!("cannot link '{link}' to '{directory}': {}", reason(&error)))
    })
}
