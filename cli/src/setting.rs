//! What every command has: where to compute, and what is printed.

use crate::arguments::{self, in_own_words, is_given, switch};
use crate::console;
use crate::program::{Failure, about};
use clap::{ArgMatches, Command};
use lens_base::LogLevel;
use lens_model::weights::ImportOptions;
use lens_runtime::{Classifier, Context, ContextOptions};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Names a directory of libtorch, or the one with its lib/.
const LIBTORCH: &str = "LESIONLENS_LIBTORCH";

/// What was asked for.
pub struct Setting {
    /// One JSON document instead of text.
    pub json: bool,
    /// No progress.
    pub quiet: bool,
    options: ContextOptions,
}

/// Adds the options.
pub fn add(command: Command) -> Command {
    arguments::add(command, &ContextOptions::default(), &[])
        .arg(switch("json", "Print one JSON document instead of text"))
        .arg(switch("quiet", "Show no progress"))
}

impl Setting {
    /// From a command's arguments.
    pub fn read(matches: &ArgMatches) -> Result<Self, Failure> {
        let mut options = ContextOptions::default();
        arguments::read(matches, &mut options)?;
        options.libtorch_dir = options.libtorch_dir.or_else(libtorch_of_environment);
        options.log_level = LogLevel::Warning;
        options.log = Some(Box::new(|level, message| {
            let level = if level == LogLevel::Error { "error" } else { "warning" };
            console::message(&format!("{level}: {}", in_own_words(message)));
        }));
        Ok(Setting { json: is_given(matches, "json"), quiet: is_given(matches, "quiet"), options })
    }

    /// Sets up the library; once.
    pub fn context(&mut self) -> Result<Arc<Context>, Failure> {
        Ok(Context::new(std::mem::take(&mut self.options))?)
    }

    /// A model in a context of its own.
    pub fn model(&mut self, path: &Path) -> Result<Classifier, Failure> {
        self.import(path, &ImportOptions::default())
    }

    /// A model in a context of its own, from weights of another program as the options say.
    pub fn import(&mut self, path: &Path, options: &ImportOptions) -> Result<Classifier, Failure> {
        let context = self.context()?;
        about(path, Classifier::import(&context, path, options))
    }
}

fn libtorch_of_environment() -> Option<PathBuf> {
    let named = PathBuf::from(std::env::var_os(LIBTORCH).filter(|named| !named.is_empty())?);
    Some(if named.join("libtorch_cpu.so").exists() { named } else { named.join("lib") })
}
