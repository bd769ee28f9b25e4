//! `info` and `describe`: the machine and how the library will use it, or a model.

use crate::arguments::{model, optional_path};
use crate::output::{json, text};
use crate::program::Failure;
use crate::setting::Setting;
use clap::{ArgMatches, Command};

pub fn describe(command: Command) -> Command {
    command
        .about("Shows the hardware that was found, and what the library decided to do with it and why; or a model")
        .arg(model().required(false).help("A model's file, which is shown instead of the machine"))
}

pub fn describe_model(command: Command) -> Command {
    command
        .about("Shows what a model's file says of it: architecture, hashes, preprocessing, threshold, training")
        .arg(model())
}

pub fn run(matches: &ArgMatches) -> Result<String, Failure> {
    let mut setting = Setting::read(matches)?;
    let document = match optional_path(matches, "model") {
        Some(path) => setting.model(&path)?.describe(),
        None => setting.context()?.describe(),
    };
    if setting.json { json::document(&document) } else { Ok(text::outline(&document)) }
}
