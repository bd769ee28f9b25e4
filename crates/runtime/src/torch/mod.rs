//! The engine of libtorch, which is in a library of its own: loaded when needed, and called through a table of C
//! functions.

mod engine;
mod learner;
mod library;
mod programs;
mod raw;

pub use engine::TorchEngine;
pub use library::TorchLibrary;
pub use programs::{Program, Script};
