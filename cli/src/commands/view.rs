//! `view`: a page on this machine that shows images, what a model says of them, and why.

use crate::arguments::{self, model, path};
use crate::files::check_directory;
use crate::inputs;
use crate::program::Failure;
use crate::setting::Setting;
use crate::view::{self, Request};
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use std::path::PathBuf;

/// Where marks are saved unless another directory is named.
const MARKS: &str = "lesionlens-marks";

pub fn describe(command: Command) -> Command {
    command
        .about("Shows images, their classes and heatmaps on a page in the browser, from a server on this machine alone")
        .after_help(
            "The page's address is printed on standard output; who has it can see the images. Ctrl-C, or the page, ends \
             the server, with exit code 0.",
        )
        .arg(arguments::file_operands().required(false))
        .arg(model().required(false).action(ArgAction::Append).help("A model's file; may be given several times"))
        .arg(arguments::switch("no-open", "Do not open the browser"))
        .arg(
            Arg::new("port")
                .long("port")
                .value_name("N")
                .help("Port of 127.0.0.1 (0 to 65535; 0: any free one; default: 0)")
                .allow_hyphen_values(true)
                .default_value("0")
                .hide_default_value(true)
                .value_parser(value_parser!(u16)),
        )
        .arg(path("marks", "DIR", "Where the page saves labels and boxes; made when missing (default: lesionlens-marks)"))
}

pub fn run(matches: &ArgMatches) -> Result<String, Failure> {
    let mut setting = Setting::read(matches)?;
    let operands: Vec<PathBuf> = matches.get_many("FILE").into_iter().flatten().cloned().collect();
    let marks = arguments::optional_path(matches, "marks").unwrap_or_else(|| MARKS.into());
    check_directory("--marks", &marks)?;
    let files = if operands.is_empty() { Vec::new() } else { inputs::files(&operands, false)? };
    view::run(Request {
        context: setting.context()?,
        models: matches.get_many("model").into_iter().flatten().cloned().collect(),
        files,
        marks,
        port: matches.get_one("port").copied().unwrap_or_default(),
        open: !arguments::is_given(matches, "no-open"),
        json: setting.json,
        quiet: setting.quiet,
    })?;
    Ok(String::new())
}
