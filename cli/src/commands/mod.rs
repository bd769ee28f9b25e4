//! The commands. Each describes its arguments and makes what it prints.

mod calibrate;
mod classify;
mod completions;
mod evaluate;
mod export;
mod heatmap;
mod info;
mod localize;
mod optimize;
mod split;
mod train;
mod view;

use crate::program::{self, Failure};
use crate::{arguments, interrupt, series, setting};
use clap::{ArgMatches, Command};
use lens_images::{ImageFile, ReadOptions};
use lens_runtime::Classifier;
use std::path::Path;

struct Entry {
    name: &'static str,
    describe: fn(Command) -> Command,
    run: fn(&ArgMatches) -> Result<String, Failure>,
    /// Whether it computes something, and has the options for that.
    computes: bool,
}

const fn entry(
    name: &'static str,
    describe: fn(Command) -> Command,
    run: fn(&ArgMatches) -> Result<String, Failure>,
) -> Entry {
    Entry { name, describe, run, computes: true }
}

const ENTRIES: [Entry; 14] = [
    entry("info", info::describe, info::run),
    entry("train", train::describe, train::run),
    entry("classify", classify::describe, classify::run),
    entry("heatmap", heatmap::describe, heatmap::run),
    entry("evaluate", evaluate::describe, evaluate::run),
    entry("localize", localize::describe, localize::run),
    entry("calibrate", calibrate::describe, calibrate::run),
    entry("optimize", optimize::describe, optimize::run),
    entry("export", export::describe, export::run),
    entry("describe", info::describe_model, info::run),
    entry("view", view::describe, view::run),
    Entry { name: "split", describe: split::describe, run: split::run, computes: false },
    Entry { name: "completions", describe: completions::describe, run: completions::run, computes: false },
    Entry { name: "man", describe: completions::describe_man, run: completions::run_man, computes: false },
];

const HELP: &str = "usage: {usage}\n\n{about}\n\n{all-args}{after-help}\n";

const EXIT_CODES: &str = "Exit code: 0 done, 1 failed (the message is on standard error), 2 wrong usage, 130 cancelled \
                          with Ctrl-C (which is how `view` ends with 0)";

/// The whole command line.
pub fn program() -> Command {
    let mut program = Command::new(program::name())
        .version(env!("CARGO_PKG_VERSION"))
        .about("Trains, runs and explains DenseNet-121 classifiers of medical images. Not a medical device.")
        .after_help(format!("`{} COMMAND --help` lists the options of a command.\n\n{EXIT_CODES}", program::name()))
        .help_template(HELP)
        .subcommand_required(true)
        .disable_help_subcommand(true);
    for entry in ENTRIES {
        let mut command = (entry.describe)(Command::new(entry.name).help_template(HELP));
        if entry.computes {
            command = setting::add(command);
        }
        program = program.subcommand(command);
    }
    program
}

/// Their names.
pub fn names() -> [&'static str; ENTRIES.len()] {
    ENTRIES.map(|entry| entry.name)
}

/// Runs a command; what it prints.
pub fn run(name: &str, matches: &ArgMatches) -> Result<String, Failure> {
    let entry = ENTRIES.iter().find(|entry| entry.name == name).expect("the parser knows no other names");
    (entry.run)(matches)
}

/// A frame of an image file, or a slice of a series, unless Ctrl-C was pressed.
pub fn load_image(path: &Path, frame: u32, reading: &ReadOptions) -> Result<ImageFile, Failure> {
    interrupt::check()?;
    match series::of(path) {
        Some(series) => Ok(series.load(frame, reading)?),
        None => Ok(ImageFile::load_as(path, frame, reading)?),
    }
}

/// How files are read for a model: as it says, but for what was given.
fn reading_for(model: &Classifier, matches: &ArgMatches) -> Result<ReadOptions, Failure> {
    let mut reading = model.preprocessing().reading;
    arguments::read(matches, &mut reading)?;
    Ok(reading)
}
