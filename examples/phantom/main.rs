//! Draws a data set of synthetic X-ray coronary angiograms: vessels with and without a narrowing, known to the pixel, to
//! train on and to classify without any patient's images.

mod projection;
mod scene;
mod tiles;
mod vessel;

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use image::GrayImage;
use serde_json::{Value, json};

use crate::tiles::Scenes;

const USAGE: &str = "usage: phantom OUT_DIR [--seed N] [--train N] [--validation N] [--test N] [--frames N]";

/// The file that marks a directory as made by this program, with its options.
const MARKER: &str = "phantom.json";

/// Raised whenever the same options give other images than before.
const REVISION: u32 = 1;

struct Options {
    out: PathBuf,
    seed: u64,
    train: usize,
    validation: usize,
    test: usize,
    frames: usize,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--help" || argument == "-h") {
        println!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    let options = match Options::parse(&arguments) {
        Ok(options) => options,
        Err(message) => {
            eprintln!("phantom: {message}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match make(&options) {
        Ok(summary) => {
            println!("{summary}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("phantom: {error}");
            ExitCode::FAILURE
        }
    }
}

impl Options {
    fn parse(arguments: &[String]) -> Result<Options, String> {
        let mut options = Options { out: PathBuf::new(), seed: 1, train: 2000, validation: 400, test: 400, frames: 24 };
        let mut left = arguments.iter();
        while let Some(argument) = left.next() {
            if !argument.starts_with("--") {
                if !options.out.as_os_str().is_empty() {
                    return Err(format!("\"{argument}\" is a second output directory; there can be one"));
                }
                options.out = PathBuf::from(argument);
                continue;
            }
            let count = match argument.as_str() {
                "--seed" => None,
                "--train" => Some(&mut options.train),
                "--validation" => Some(&mut options.validation),
                "--test" => Some(&mut options.test),
                "--frames" => Some(&mut options.frames),
                _ => return Err(format!("\"{argument}\" is no option")),
            };
            let value = left.next().ok_or_else(|| format!("{argument} needs a number after it"))?;
            let refused = |range: &str| format!("{argument} is \"{value}\", but must be a whole number {range}");
            match count {
                None => options.seed = value.parse().map_err(|_| refused("from 0"))?,
                Some(count) => {
                    *count = value.parse().ok().filter(|count| *count <= 1_000_000).ok_or(refused("up to 1000000"))?;
                }
            }
        }
        if options.out.as_os_str().is_empty() {
            return Err("the output directory is missing".to_owned());
        }
        Ok(options)
    }

    fn marker(&self) -> Value {
        json!({
            "schema": "lesionlens-phantom/1",
            "revision": REVISION,
            "seed": self.seed,
            "train": self.train,
            "validation": self.validation,
            "test": self.test,
            "frames": self.frames,
        })
    }
}

/// Writes the data set, unless it is there already; returns what to tell the user.
fn make(options: &Options) -> Result<String, Box<dyn Error>> {
    let out = &options.out;
    let replaces = match out.symlink_metadata() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => false,
        Err(error) => return Err(format!("cannot look at {}: {error}", out.display()).into()),
        Ok(_) => {
            let made_here =
                fs::read(out.join(MARKER)).ok().and_then(|text| serde_json::from_slice::<Value>(&text).ok());
            let Some(marker) = made_here else {
                let message = "exists and was not made by phantom (it has no phantom.json); name another directory";
                return Err(format!("{} {message}", out.display()).into());
            };
            if marker == options.marker() {
                return Ok(format!("{} is already there, made with the same options; nothing to do", out.display()));
            }
            true
        }
    };
    let parent = match out.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let cannot = |error: std::io::Error| format!("cannot write to {}: {error}", parent.display());
    fs::create_dir_all(parent).map_err(cannot)?;
    let workshop = tempfile::Builder::new().prefix(".phantom-").tempdir_in(parent).map_err(cannot)?;
    let fresh = workshop.path().join("fresh");
    let summary = write_all(options, &fresh)?;
    if replaces {
        fs::rename(out, workshop.path().join("old")).map_err(cannot)?;
    }
    fs::rename(&fresh, out).map_err(cannot)?;
    Ok(summary)
}

fn write_all(options: &Options, fresh: &Path) -> Result<String, Box<dyn Error>> {
    let mut summary = format!("{} (seed {}):", options.out.display(), options.seed);
    let splits = [("train", options.train), ("validation", options.validation), ("test", options.test)];
    for (part, (name, count)) in (1..).zip(splits) {
        let tiles = Scenes::new(options.seed, part).tiles(count);
        let images = tiles.iter().map(|tile| (&tile.image, tile.positive));
        write_labelled(&fresh.join(name), "tile", images)?;
        let positives = tiles.iter().filter(|tile| tile.positive).count();
        summary += &format!("\n  {name}: {count} tiles of 64x64, {positives} with a narrowing");
    }
    let frames = Scenes::new(options.seed, 0).frames(options.frames);
    let directory = fresh.join("frames");
    let images = frames.iter().map(|frame| (&frame.image, frame.narrowing.is_some()));
    let names = write_labelled(&directory, "frame", images)?;
    let mut boxes = csv::Writer::from_path(directory.join("boxes.csv"))?;
    boxes.write_record(["filename", "x", "y", "width", "height"])?;
    let mut positives = 0;
    for (name, frame) in names.iter().zip(&frames) {
        if let Some(bounds) = frame.narrowing {
            let (left, top) = (bounds.left.floor(), bounds.top.floor());
            let (width, height) = (bounds.right.ceil() - left, bounds.bottom.ceil() - top);
            boxes.serialize((name, left as i64, top as i64, width as i64, height as i64))?;
            positives += 1;
        }
    }
    boxes.flush()?;
    let size = scene::SIZE;
    summary += &format!("\n  frames: {} of {size}x{size}, {positives} with one narrowing (boxes.csv)", frames.len());
    fs::write(fresh.join(MARKER), serde_json::to_string_pretty(&options.marker())? + "\n")?;
    Ok(summary)
}

/// Writes `images/` and `labels.csv`; returns the files' names.
fn write_labelled<'a>(
    directory: &Path,
    stem: &str,
    images: impl Iterator<Item = (&'a GrayImage, bool)>,
) -> Result<Vec<String>, Box<dyn Error>> {
    let folder = directory.join("images");
    fs::create_dir_all(&folder)?;
    let mut labels = csv::Writer::from_path(directory.join("labels.csv"))?;
    labels.write_record(["patch_filename", "stenoza_label"])?;
    let mut names = Vec::new();
    for (index, (image, positive)) in images.enumerate() {
        let name = format!("{stem}_{index:05}.png");
        image.save(folder.join(&name))?;
        labels.write_record([name.as_str(), if positive { "1" } else { "0" }])?;
        names.push(name);
    }
    labels.flush()?;
    Ok(names)
}
