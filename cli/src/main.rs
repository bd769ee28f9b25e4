//! lesionlens on the command line: training, classifying, heatmaps, evaluation. Each command makes one document of text or
//! JSON, which is printed when all is done; progress and messages go to standard error.

#![forbid(unsafe_code)]

mod arguments;
mod commands;
mod console;
mod files;
mod inputs;
mod interrupt;
mod output;
mod program;
mod progress;
mod series;
mod setting;
mod usage;
mod view;

use program::Failure;
use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    // What panics, such as the decoder of a broken file, is told as an error and not twice.
    std::panic::set_hook(Box::new(|_| {}));
    let outcome = interrupt::install().and_then(|()| run()).and_then(|printed| print(&printed));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.tell(),
    }
}

fn run() -> Result<String, Failure> {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    match usage::parse(&arguments)? {
        usage::Parsed::Help(text) => Ok(text),
        usage::Parsed::Command(name, matches) => {
            let mut printed = Ok(String::new());
            lens_base::catch(|| {
                printed = commands::run(&name, &matches);
                Ok(())
            })?;
            printed.map_err(|failure| usage::explained(failure, &name))
        }
    }
}

/// A result that did not reach its reader is a failure.
fn print(text: &str) -> Result<(), Failure> {
    let mut output = std::io::stdout().lock();
    output
        .write_all(text.as_bytes())
        .and_then(|()| output.flush())
        .map_err(|error| Failure::Failed(format!("cannot write to standard output: {}", program::reason(&error))))
}
