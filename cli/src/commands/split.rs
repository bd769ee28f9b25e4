//! `split`: a data directory as two, for training and validation, say.

use super::train::open;
use crate::arguments::{self, given_path, is_given, number, path, switch, whole};
use crate::files::make_directory;
use crate::output::json;
use crate::output::text::Figures;
use crate::program::{Failure, reason};
use clap::{ArgMatches, Command};
use lens_base::options::{Bound, Kind, Range, Value};
use lens_base::{Error, write_atomically};
use lens_images::{Dataset, DatasetOptions};
use serde::Serialize;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Of the directories that are written: the layout that `train` and `evaluate` read.
const TABLE: &str = "labels.csv";
const IMAGES: &str = "images";

pub fn describe(command: Command) -> Command {
    let bound = |value| Some(Bound { value, inclusive: false });
    let share = Range { minimum: bound(0.0), maximum: bound(1.0) };
    let command = command
        .about(
            "Splits a data directory class by class into two, each with labels.csv and a link to the images, for --train \
             and --val",
        )
        .arg(path("data", "DIR", "images/ and labels.csv, or a folder per class").required(true))
        .arg(path("first", "DIR", "Receives the share's labels.csv").required(true))
        .arg(path("second", "DIR", "Receives the labels.csv of the rest").required(true))
        .arg(number("--share X", Kind::F64, share, Value::Float(0.8), "Share of the images that goes to the first."))
        .arg(number("--seed N", Kind::U64, Range::default(), Value::Integer(0), "Seed of the choice."));
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
    let mut opening = DatasetOptions::default();
    arguments::read(matches, &mut opening)?;
    let share = match matches.get_one::<Value>("share") {
        Some(Value::Float(share)) => *share,
        _ => 0.8,
    };
    let places = ["first", "second"].map(|name| (name, given_path(matches, name)));
    for (name, place) in &places {
        check_is_free(name, place)?;
    }
    if places[0].1 == places[1].1 {
        let same = places[0].1.display();
        return Err(Failure::usage(format!("--first and --second are both '{same}'; give two directories")));
    }
    let dataset = open(&given_path(matches, "data"), &opening)?;
    let (first, second) = dataset.split(share, whole(matches, "seed", 0))?;
    let [(_, first_place), (_, second_place)] = places;
    let document = Document { first: write(&first_place, &first)?, second: write(&second_place, &second)? };
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

fn check_is_free(name: &str, place: &Path) -> Result<(), Failure> {
    for entry in [TABLE, IMAGES] {
        if place.join(entry).symlink_metadata().is_ok() {
            let place = place.display();
            return Err(Failure::Failed(format!("--{name} '{place}' has {entry} already; give a new directory")));
        }
    }
    Ok(())
}

/// labels.csv with the samples, beside a link to their images.
fn write(place: &Path, dataset: &Dataset) -> Result<Part, Failure> {
    let options = DatasetOptions::default();
    let samples = dataset.samples();
    let places: Vec<_> = samples.iter().filter_map(|sample| Some((sample.place()?, sample.positive))).collect();
    let with_frames = places.iter().any(|((_, _, frame), _)| frame.is_some());
    let failed = |error: csv::Error| Failure::from(Error::internal(format!("cannot write a table: {error}")));
    let mut writer = csv::WriterBuilder::new().flexible(false).from_writer(Vec::new());
    let mut header = vec![options.filename_column.as_str(), options.label_column.as_str()];
    header.extend(with_frames.then_some("frame"));
    writer.write_record(header).map_err(failed)?;
    for ((_, name, frame), positive) in &places {
        let label: &[u8] = if *positive { b"1" } else { b"0" };
        let mut record = vec![name.as_os_str().as_encoded_bytes().to_vec(), label.to_vec()];
        if with_frames {
            record.push(frame.map_or_else(Vec::new, |frame| frame.to_string().into_bytes()));
        }
        writer.write_byte_record(&record.into()).map_err(failed)?;
    }
    let bytes = writer.into_inner().map_err(|error| failed(error.into_error().into()))?;
    make_directory(place)?;
    if let Some(((directory, _, _), _)) = places.first() {
        link(directory, &place.join(IMAGES))?;
    }
    write_atomically(&place.join(TABLE), |file| file.write_all(&bytes))?;
    let positives = places.iter().filter(|(_, positive)| *positive).count();
    Ok(Part {
        path: place.display().to_string(),
        samples: places.len(),
        positives,
        negatives: places.len() - positives,
    })
}

/// Images stay where they are.
fn link(directory: &Path, place: &PathBuf) -> Result<(), Failure> {
    let whole = directory.canonicalize();
    #[cfg(unix)]
    let made = whole.and_then(|directory| std::os::unix::fs::symlink(directory, place));
    #[cfg(windows)]
    let made = whole.and_then(|directory| std::os::windows::fs::symlink_dir(directory, place));
    made.map_err(|error| {
        let (place, directory) = (place.display(), directory.display());
        Failure::Failed(format!("cannot link '{place}' to '{directory}': {}", reason(&error)))
    })
}
