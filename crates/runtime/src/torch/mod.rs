//! The engine that lies in a library of its own, with libtorch: loaded when it is needed, and spoken to through a table of
//! C functions.

mod engine;
mod learner;
mod library;
mod programs;
mod raw;

pub use engine::TorchEngine;
pub use library::TorchLibrary;
pub use programs::{Program, Script};
