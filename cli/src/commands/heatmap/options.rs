//! How heatmaps are drawn, for the commands that draw them.

use crate::arguments;
use crate::program::Failure;
use clap::{Arg, ArgMatches, Command};
use lens_images::LONGEST_SIDE;
use lens_tasks::heatmap::HeatmapOptions;

/// Adds the flags, but for those of some options.
pub fn add(command: Command, without: &[&str]) -> Command {
    arguments::add(command, &HeatmapOptions::default(), without).arg(
        Arg::new("resize")
            .long("resize")
            .value_name("WxH")
            .help("Resize images to this before tiling, such as 128x128 (default: by --scale)")
            .allow_hyphen_values(true)
            .value_parser(size),
    )
}

/// What was asked for, checked.
pub fn read(matches: &ArgMatches) -> Result<HeatmapOptions, Failure> {
    let mut options = HeatmapOptions::default();
    arguments::read(matches, &mut options)?;
    if let Some((width, height)) = matches.get_one::<(u32, u32)>("resize") {
        if options.scale != 1.0 {
            let scale = options.scale;
            return Err(Failure::usage(format!(
                "--scale {scale} and --resize {width}x{height} exclude each other; give one"
            )));
        }
        (options.resize_width, options.resize_height) = (*width, *height);
    }
    arguments::check(&options, HeatmapOptions::check)?;
    Ok(options)
}

fn size(text: &str) -> Result<(u32, u32), String> {
    let side = |text: &str| text.parse::<u32>().ok().filter(|side| (1..=LONGEST_SIDE).contains(side));
    text.split_once('x')
        .and_then(|(width, height)| Some((side(width)?, side(height)?)))
        .ok_or_else(|| format!("it must be WIDTHxHEIGHT, such as 128x128, both 1 to {LONGEST_SIDE}"))
}
