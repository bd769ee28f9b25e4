//! `localize`: whether heatmaps are hot where boxes say that something is.

use super::heatmap::options as drawing;
use crate::arguments::{self, given_path, model, path};
use crate::output::json::{self, count};
use crate::output::text::Figures;
use crate::program::Failure;
use crate::progress::Progress;
use crate::setting::Setting;
use clap::{ArgMatches, Command};
use lens_tasks::evaluate::{LocalizeOptions, localize};
use lens_tasks::heatmap::HeatmapOptions;
use serde_json::Value;

/// Options of heatmaps that have no meaning here.
const WITHOUT: [&str; 2] = ["threshold", "resolution"];

pub fn describe(command: Command) -> Command {
    let command = command.about("Compares heatmaps with boxes around what is to be found").arg(model()).arg(
        path("data", "DIR", "images/ and boxes.csv (filename, x, y, width, height, perhaps frame)").required(true),
    );
    arguments::add(drawing::add(command, &WITHOUT), &LocalizeOptions::default(), &[])
}

pub fn run(matches: &ArgMatches) -> Result<String, Failure> {
    let mut setting = Setting::read(matches)?;
    let heatmap: HeatmapOptions = drawing::read(matches)?;
    let mut options = LocalizeOptions { heatmap, ..LocalizeOptions::default() };
    arguments::read(matches, &mut options)?;
    let model = setting.model(&given_path(matches, "model"))?;
    let report = {
        let mut progress = Progress::new(setting.quiet);
        localize(&model, &given_path(matches, "data"), &options, &mut progress.control())?
    };
    if setting.json { json::document(&report) } else { Ok(text(&report)) }
}

fn text(report: &Value) -> String {
    let mut figures = Figures::default();
    figures.text("images", &count(report, "images").to_string());
    for (name, figure) in [
        ("hit rate", "hit_rate"),
        ("  by chance", "hit_rate_by_chance"),
        ("intersection", "intersection"),
        ("  by chance", "intersection_by_chance"),
    ] {
        figures.number(name, report, figure, None);
    }
    figures.duration("time", report, "seconds");
    figures.0
}
