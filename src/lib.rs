//! lesionlens: an image classifier with heatmaps that lives inside other software.
//!
//! The product is a C library, and this package is its C interface: the only `extern "C"`, and the only raw pointers
//! from the program that embeds it. What it does lies in the packages below `crates`, each using only those before it:
//! `system` (what the operating system is asked for), `base`, `images`, `model`, `engine` (the interface of engines,
//! and which suits a machine), `cpu` (the library's own engine), `runtime` (a machine set up), and `tasks`
//! (classifying, heatmaps, evaluation, training). `torch` is a second library, with libtorch, which `runtime` loads
//! when it is needed.

#![warn(missing_docs, clippy::undocumented_unsafe_blocks)]

#[allow(clippy::missing_safety_doc)]
mod capi;

pub use lens_runtime::ABI_VERSION;
