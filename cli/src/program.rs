//! What the program is called, and how it ends.

use crate::arguments::in_own_words;
use crate::console;
use lens_base::{Error, ErrorKind};
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

/// Its name.
const NAME: &str = "lesionlens";
/// The name by which scripts know it.
const OTHER_NAME: &str = "lens-host";

/// The one of its names that it was called by.
pub fn name() -> &'static str {
    let called = std::env::args_os().next().unwrap_or_default();
    if Path::new(&called).file_stem().is_some_and(|stem| stem == OTHER_NAME) { OTHER_NAME } else { NAME }
}

/// Why a command ends without its result.
#[derive(Debug)]
pub enum Failure {
    /// The command line is wrong: the message, and the lines that help.
    Usage { message: String, help: String },
    /// What failed, and why.
    Failed(String),
    /// Ctrl-C was pressed.
    Cancelled,
}

impl Failure {
    /// A command line that cannot be followed.
    pub fn usage(message: impl Into<String>) -> Self {
        Failure::Usage { message: message.into(), help: String::new() }
    }

    /// Tells it on standard error; the exit code.
    pub fn tell(self) -> ExitCode {
        match self {
            Failure::Usage { message, help } => {
                console::message(&message);
                let _ = write!(std::io::stderr(), "{help}");
                ExitCode::from(2)
            }
            Failure::Failed(message) => {
                console::message(&message);
                ExitCode::from(1)
            }
            Failure::Cancelled => {
                console::message("cancelled");
                ExitCode::from(130)
            }
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error.kind() {
            ErrorKind::Cancelled => Failure::Cancelled,
            _ => Failure::Failed(in_own_words(error.message())),
        }
    }
}

/// Names the file or directory that work is about, where the message of its failure does not.
pub fn about<T>(path: &Path, result: Result<T, Error>) -> Result<T, Failure> {
    result.map_err(|error| {
        let path = path.display().to_string();
        if error.message().contains(&path) { error.into() } else { error.prefixed(&path).into() }
    })
}

/// The system's words for an error, without its number.
pub fn reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_string()
}
