//! What every crate may know: the error, progress and cancelling, files that are whole or not there, random numbers that
//! are the same everywhere, and how options are described. Knows nothing of images, networks or C.

#![deny(unsafe_code)]

// What the derive macros write names this crate by its name, here too.
extern crate self as lens_base;

mod error;
mod files;
mod left_out;
mod logger;
mod memory;
pub mod options;
mod progress;
mod random;

pub use error::{Error, ErrorKind, Result, catch, panic_message};
pub use files::{
    MOST_WHOLE_BYTES, TEMPORARY_PREFIX, TEMPORARY_SUFFIX, check_replaceable, open_regular, read_file, read_open,
    sha256_hex, write_atomically,
};
pub use left_out::left_out;
pub use logger::{Log, LogLevel, Logger};
pub use memory::{pages, reserve, zeros};
pub use options::Options;
pub use progress::{Cancel, Control, Phase, ProgressFn, Update};
pub use random::generator;
