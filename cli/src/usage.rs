//! Command lines: what was asked for, and what is wrong with it.

use crate::commands;
use crate::program::{self, Failure};
use ::console::Term;
use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{ArgMatches, Command};
use std::ffi::OsString;

/// A command line.
pub enum Parsed {
    /// A text is all that was asked for.
    Help(String),
    /// A command's name and arguments.
    Command(String, ArgMatches),
}

/// Columns of the help where they are not known, and at most; its texts are indented by so many.
const COLUMNS: usize = 100;
const INDENT: usize = 10;

/// With texts of options that fit the terminal. clap's own way to do so changes what the library is built with.
fn wrapped(program: Command) -> Command {
    let columns = Term::stdout().size_checked().map_or(COLUMNS, |(_, columns)| usize::from(columns).min(COLUMNS));
    let width = columns.saturating_sub(INDENT).max(INDENT);
    let fill = |text: Option<&StyledStr>| text.map(|text| textwrap::fill(&text.to_string(), width));
    program.mut_subcommands(|command| {
        command.next_line_help(true).mut_args(|argument| {
            let (help, long_help) = (fill(argument.get_help()), fill(argument.get_long_help()));
            let argument = argument.help(help.unwrap_or_default());
            if let Some(text) = long_help { argument.long_help(text) } else { argument }
        })
    })
}

/// Reads a command line.
pub fn parse(arguments: &[OsString]) -> Result<Parsed, Failure> {
    let mut program = wrapped(commands::program());
    program.build();
    let Some(first) = arguments.first().filter(|first| *first != "--") else {
        return Err(Failure::Usage { message: "no command given".into(), help: usage_line(&mut program) });
    };
    let name = first.to_string_lossy().into_owned();
    if let Some(command) = program.find_subcommand(&name)
        && let Some(message) = forgotten_value(command, &arguments[1..])
    {
        return Err(explained(Failure::usage(message), &name));
    }
    let line = std::iter::once(OsString::from(program::name())).chain(arguments.iter().cloned());
    match program.try_get_matches_from_mut(line) {
        Ok(matches) => match matches.subcommand() {
            Some((name, matches)) => Ok(Parsed::Command(name.to_string(), matches.clone())),
            None => Err(Failure::Usage { message: "no command given".into(), help: usage_line(&mut program) }),
        },
        Err(error) if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            Ok(Parsed::Help(error.render().to_string()))
        }
        Err(error) => {
            let message = message(&error, arguments);
            match program.find_subcommand(&name) {
                Some(_) => Err(explained(Failure::usage(message), &name)),
                None => Err(Failure::Usage { message, help: usage_line(&mut program) }),
            }
        }
    }
}

/// Adds the command's name and usage to what is wrong with its command line.
pub fn explained(failure: Failure, name: &str) -> Failure {
    let Failure::Usage { message, .. } = failure else { return failure };
    let mut program = commands::program();
    program.build();
    let usage = program.find_subcommand_mut(name).map(usage_line).unwrap_or_default();
    let help = format!("{usage}`{} {name} --help` explains the options.\n", program::name());
    Failure::Usage { message: format!("{name}: {message}"), help }
}

fn usage_line(command: &mut Command) -> String {
    format!("{}\n", command.render_usage().to_string().replacen("Usage:", "usage:", 1))
}

/// "--out --json" is a forgotten value far more often than a file called --json (written --out=--json).
fn forgotten_value(command: &Command, arguments: &[OsString]) -> Option<String> {
    let mut arguments = arguments.iter().map(|argument| argument.to_string_lossy());
    while let Some(argument) = arguments.next() {
        if argument == "--" {
            return None;
        }
        let Some(option) = argument.strip_prefix("--").and_then(|name| {
            command.get_arguments().find(|known| known.get_long() == Some(name) && known.get_action().takes_values())
        }) else {
            continue;
        };
        let value_name = option.get_value_names().and_then(<[_]>::first).map_or("a value", |name| name.as_str());
        match arguments.next() {
            None => return Some(format!("{argument} needs a value: {argument} {value_name}")),
            Some(next) if next.starts_with("--") => {
                return Some(format!("{argument} needs a value ({value_name}) before '{next}'"));
            }
            Some(_) => {}
        }
    }
    None
}

/// The name of an argument such as "--epochs <N>", and how its value is called.
fn parts(argument: &str) -> (&str, String) {
    let (name, value) = argument.split_once(' ').unwrap_or((argument, ""));
    (name, value.trim_matches(['<', '>', '.']).to_string())
}

fn message(error: &clap::Error, arguments: &[OsString]) -> String {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => text.as_str(),
        Some(ContextValue::Strings(texts)) => texts.first().map_or("", String::as_str),
        _ => "",
    };
    if let Some(ContextValue::String(message)) = error.get(ContextKind::Custom) {
        return message.clone();
    }
    let argument = text(ContextKind::InvalidArg);
    let (name, value_name) = parts(argument);
    let value = text(ContextKind::InvalidValue);
    match error.kind() {
        ErrorKind::MissingRequiredArgument if name.starts_with("--") => format!("{name} {value_name} is missing"),
        ErrorKind::MissingRequiredArgument => {
            format!("no {} given; at least one is needed", name.trim_matches(['<', '>', '.']))
        }
        ErrorKind::UnknownArgument if name.starts_with('-') => match text(ContextKind::SuggestedArg) {
            "" => format!("unknown option '{name}'"),
            suggested => format!("unknown option '{name}'; is {} meant?", parts(suggested).0),
        },
        ErrorKind::UnknownArgument => format!("unexpected argument '{argument}'"),
        ErrorKind::TooManyValues => format!("{name} takes no value, but '{value}' was given"),
        ErrorKind::ArgumentConflict => {
            let last = last_value(name, arguments);
            format!("{name} is given twice, the second time with '{last}'; give it once")
        }
        ErrorKind::InvalidSubcommand => {
            let names = commands::names();
            let (last, others) = names.split_last().expect("there are commands");
            let unknown = text(ContextKind::InvalidSubcommand);
            format!("unknown command '{unknown}'; it must be {} or {last}", others.join(", "))
        }
        ErrorKind::InvalidValue if value.is_empty() && value_name.is_empty() => {
            format!("{} is empty; it must be a name", name.trim_matches(['<', '>', '.']))
        }
        ErrorKind::InvalidValue if value.is_empty() => format!("{name} has an empty value; it must be {value_name}"),
        _ => {
            let text = error.to_string();
            text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_string()
        }
    }
}

/// What an option was given last.
fn last_value(name: &str, arguments: &[OsString]) -> String {
    let mut last = String::new();
    let mut arguments = arguments.iter().map(|argument| argument.to_string_lossy()).peekable();
    while let Some(argument) = arguments.next() {
        if argument == name {
            last = arguments.peek().map(|value| value.to_string()).unwrap_or_default();
        } else if let Some(value) = argument.strip_prefix(name).and_then(|rest| rest.strip_prefix('=')) {
            last = value.to_string();
        }
    }
    last
}
