//! `optimize`: a model made smaller or faster.

use super::train::open;
use crate::arguments::{self, given_path, model, optional_path, path};
use crate::files::check_can_be_made;
use crate::interrupt;
use crate::output::json;
use crate::program::{Failure, about, reason};
use crate::progress::Progress;
use crate::setting::Setting;
use clap::{ArgMatches, Command};
use lens_images::DatasetOptions;
use lens_runtime::Variant;
use lens_tasks::evaluate::quantize;
use serde::Serialize;

pub fn describe(command: Command) -> Command {
    let command = command
        .about("Writes a variant of a model that is smaller or faster")
        .arg(model())
        .arg(path("out", "FILE", "Receives the variant").required(true));
    let command = command.arg(path("data", "DIR", "Images like those to be classified, for the variant int8"));
    arguments::add(command, &DatasetOptions::default(), &[])
}

#[derive(Serialize)]
struct Written {
    path: String,
    bytes: u64,
}

pub fn run(matches: &ArgMatches) -> Result<String, Failure> {
    let mut setting = Setting::read(matches)?;
    let mut opening = DatasetOptions::default();
    arguments::read(matches, &mut opening)?;
    todo!()
}
