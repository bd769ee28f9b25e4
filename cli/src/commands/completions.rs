//! `completions` and `man`: what shells and man need to know of the command line.

use super::program;
use crate::arguments::{optional_path, path};
use crate::files::make_directory;
use crate::program::{Failure, reason};
use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgMatches, Command};
use clap_complete::Shell;
use clap_mangen::Man;

pub fn describe(command: Command) -> Command {
    command
        .about("Prints a shell's completions, to be read by it: source <(lesionlens completions bash)")
        .arg(Arg::new("SHELL").required(true).value_parser(PossibleValuesParser::new(["bash", "zsh", "fish"])))
}

pub fn run(matches: &ArgMatches) -> Result<String, Failure> {
    let shell = match matches.get_one::<String>("SHELL").map(String::as_str) {
        Some("zsh") => Shell::Zsh,
        Some("fish") => Shell::Fish,
        _ => Shell::Bash,
    };
    let mut bytes = Vec::new();
    clap_complete::generate(shell, &mut program(), crate::program::name(), &mut bytes);
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

pub fn describe_man(command: Command) -> Command {
    command
        .about("Prints the manual page of the program or of a command, for man: lesionlens man train | man -l -")
        .arg(Arg::new("COMMAND"))
        .arg(path("out", "DIR", "Receives the pages of the program and of all commands instead"))
}

pub fn run_man(matches: &ArgMatches) -> Result<String, Failure> {
    let failed = |error: std::io::Error| Failure::Failed(format!("the manual cannot be written: {}", reason(&error)));
    let mut program = program();
    if let Some(directory) = optional_path(matches, "out") {
        make_directory(&directory)?;
        clap_mangen::generate_to(program, &directory).map_err(failed)?;
        return Ok(String::new());
    }
    program.build();
    let page = match matches.get_one::<String>("COMMAND") {
        None => program,
        Some(name) => {
            let command = program.find_subcommand(name).cloned();
            let command = command.ok_or_else(|| Failure::usage(format!("there is no command '{name}'")))?;
            let title = format!("{}-{name}", crate::program::name());
            command.name(title)
        }
    };
    let mut bytes = Vec::new();
    Man::new(page).render(&mut bytes).map_err(failed)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
