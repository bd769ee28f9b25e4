//! Writes what is generated and committed. Its tests find what is stale; `make header` writes it anew.
//!
//! The description of options and choices, where they are declared in the library, gives `src/capi/generated.rs`; that and
//! the rest of `src/capi` give `include/lesionlens.h` and `bindings/interface.json`, from which the bindings' declarations
//! are made.

#![deny(unsafe_code)]

mod capi;
mod description;
#[path = "../../options-derive/src/documentation.rs"]
mod documentation;
mod header;
mod interface;
mod source;
mod words;

pub use capi::generated;
pub use header::header;
pub use interface::interface;

use std::path::PathBuf;

/// The repository.
pub fn root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}
