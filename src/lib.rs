//! lesionlens: an image classifier with heatmaps that lives inside other software.
//!
//! DenseNet-121 with a one-logit head on libtorch; the product is a C library, and this crate is its inside. The
//! rooms, each using only those below it:
//!
//! - `capi`: the C interface, the only `extern "C"` and the only raw pointers from the host.
//! - [`train`], [`evaluate`], [`heatmap`], [`infer`]: what the library does.
//! - [`plot`]: what their charts are drawn with.
//! - [`model`]: the network, its initial weights and its file. [`data`]: pixels, files, data sets, batches.
//! - [`runtime`]: what machine this is, what to do with it, progress, and everything of libtorch that is global.
//! - [`error`]: the error of all of them.

#![deny(unsafe_op_in_unsafe_fn)]
#![warn(missing_docs, clippy::undocumented_unsafe_blocks)]
#![deny(unsafe_code)]

#[allow(unsafe_code, clippy::missing_safety_doc)]
mod capi;
pub mod data;
pub mod error;
pub mod evaluate;
pub mod heatmap;
pub mod infer;
pub mod model;
pub mod plot;
#[allow(unsafe_code)]
pub mod runtime;
pub mod train;

pub use error::{Error, ErrorKind, Result};

/// Version of the binary interface: of the layout of its structs and the meaning of its functions.
pub const ABI_VERSION: u32 = 0;
