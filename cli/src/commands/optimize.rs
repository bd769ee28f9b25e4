//! `optimize`: a model made smaller or faster.

use super::train::open;
use crate::arguments::{self, given_path, model, optional_path, path};
use crate::files::{Inputs, check_can_be_made, files_of, written_bytes};
use crate::output::json;
use crate::program::{Failure, about};
use crate::progress::Progress;
use crate::setting::Setting;
use clap::{ArgMatches, Command};
use lens_base::options::Choice;
use lens_images::DatasetOptions;
use lens_runtime::Variant;
use lens_tasks::evaluate::{OptimizeOptions, optimize};
use serde::Serialize;

pub fn describe(command: Command) -> Command {
    let data = "Images like those to be classified, for --variant int8: images/ and labels.csv, or a folder per class";
    let command = command
        .about("Writes a variant of a model that is smaller or faster")
        .arg(model())
        .arg(path("out", "FILE", "Receives the variant").required(true))
        .arg(path("data", "DIR", data));
    let command = arguments::add(command, &OptimizeOptions::default(), &[]);
    arguments::add(command, &DatasetOptions::default(), &[])
}

#[derive(Serialize)]
struct Written {
    path: String,
    variant: &'static str,
    bytes: u64,
}

pub fn run(matches: &ArgMatches) -> Result<String, Failure> {
    let mut setting = Setting::read(matches)?;
    let (mut options, mut opening) = (OptimizeOptions::default(), DatasetOptions::default());
    arguments::read(matches, &mut options)?;
    arguments::read(matches, &mut opening)?;
    let (out, data) = (given_path(matches, "out"), optional_path(matches, "data"));
    match (options.variant, &data) {
        (Variant::Int8, None) => return Err(Failure::usage("--data DIR is missing, which --variant int8 needs")),
        (Variant::Int8, Some(_)) | (_, None) => {}
        (_, Some(_)) => {
            return Err(Failure::usage("--data is for --variant int8 only; leave it out, or name the variant"));
        }
    }
    check_can_be_made("--out", &out)?;
    let model_path = given_path(matches, "model");
    let model = setting.model(&model_path)?;
    let dataset = data.as_ref().map(|data| open(data, &opening)).transpose()?;
    let of_data = dataset.as_ref().map(|dataset| files_of(&data, dataset));
    Inputs::new(of_data.into_iter().flatten().chain([model_path])).check("--out", &out)?;
    let mut progress = Progress::new(setting.quiet);
    about(&out, optimize(&model, &out, dataset.as_ref(), &options, &mut progress.control()))?;
    drop(progress);
    let bytes = written_bytes(&out)?;
    let (path, variant) = (out.display().to_string(), options.variant.name());
    if setting.json {
        return json::document(&Written { path, variant, bytes });
    }
    Ok(format!("{path}: {variant}, {:.1} MB\n", bytes as f64 / 1e6))
}
