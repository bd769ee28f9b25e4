//! `export`: a model in another format.

use crate::arguments::{self, given_path, model, path};
use crate::files::{Inputs, check_can_be_made, written_bytes};
use crate::output::json;
use crate::program::{Failure, about};
use crate::setting::Setting;
use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgMatches, Command};
use lens_model::weights::ImportOptions;
use lens_runtime::FileFormat;
use serde::Serialize;
use std::path::Path;

/// Formats by name, with the endings of their files' names.
const FORMATS: [(&str, &str, FileFormat); 3] = [
    ("safetensors", "safetensors", FileFormat::Safetensors),
    ("onnx", "onnx", FileFormat::Onnx),
    ("torchscript", "pt", FileFormat::TorchScript),
];

/// The ending of what PyTorch alone can make.
const PACKAGE: &str = "pt2";

pub fn describe(command: Command) -> Command {
    let names = FORMATS.map(|(name, _, _)| name);
    let command = command
        .about("Writes a model in another format, or weights of another program as a model")
        .arg(model())
        .arg(path("out", "FILE", "Receives the model").required(true))
        .arg(
            Arg::new("format")
                .long("format")
                .value_name(names.join("|"))
                .help("The format (default: by how FILE ends)")
                .value_parser(PossibleValuesParser::new(names))
                .hide_possible_values(true),
        );
    arguments::add(command, &ImportOptions::default(), &[])
}

#[derive(Serialize)]
struct Written {
    path: String,
    format: &'static str,
    bytes: u64,
}

pub fn run(matches: &ArgMatches) -> Result<String, Failure> {
    let mut setting = Setting::read(matches)?;
    let mut options = ImportOptions::default();
    arguments::read(matches, &mut options)?;
    let out = given_path(matches, "out");
    let (name, _, format) = match matches.get_one::<String>("format") {
        Some(given) => *FORMATS.iter().find(|(name, _, _)| name == given).expect("the parser knows no other"),
        None => by_ending(&out)?,
    };
    check_can_be_made("--out", &out)?;
    let model_path = given_path(matches, "model");
    Inputs::new([&model_path]).check("--out", &out)?;
    let model = setting.import(&model_path, &options)?;
    about(&out, model.save(&out, format))?;
    let bytes = written_bytes(&out)?;
    let path = out.display().to_string();
    if setting.json {
        return json::document(&Written { path, format: name, bytes });
    }
    Ok(format!("{path}: {name}, {:.1} MB\n", bytes as f64 / 1e6))
}

fn by_ending(out: &Path) -> Result<(&'static str, &'static str, FileFormat), Failure> {
    let ending = out.extension().unwrap_or_default();
    if let Some(format) = FORMATS.iter().find(|(_, known, _)| ending == *known) {
        return Ok(*format);
    }
    let out = out.display();
    if ending == PACKAGE {
        return Err(Failure::usage(format!(
            "--out '{out}': AOTInductor packages are made by PyTorch: `lesionlens-export MODEL {out}`, which comes with \
             pip install 'lesionlens[export]'"
        )));
    }
    let endings = FORMATS.map(|(_, ending, _)| format!(".{ending}")).join(", ");
    Err(Failure::usage(format!("--out '{out}' ends like no format ({endings}); give --format, or another name")))
}
