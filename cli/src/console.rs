//! Standard error: lines of text, and on a terminal one bar below them.

use crate::program;
use indicatif::ProgressBar;
use std::io::{IsTerminal, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What is drawn.
static BAR: Mutex<Option<ProgressBar>> = Mutex::new(None);

fn bar() -> MutexGuard<'static, Option<ProgressBar>> {
    BAR.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A line that begins with the program's name. From any thread.
pub fn message(text: &str) {
    // There is nowhere to tell of a standard error that cannot be written.
    let print = || drop(writeln!(std::io::stderr(), "{}: {text}", program::name()));
    match &*bar() {
        Some(bar) => bar.suspend(print),
        None => print(),
    }
}

/// Keeps messages clear of a bar; `None`: there is none any more.
pub fn set_bar(shown: Option<ProgressBar>) {
    *bar() = shown;
}

/// Whether standard error is a terminal.
pub fn is_terminal() -> bool {
    std::io::stderr().is_terminal()
}
