//! The C interface: the only `extern "C"` functions and the only raw pointers of the crate.
//!
//! One file per C type. Every function goes through [`guard::guard`], which clears the thread's last error, turns
//! errors and panics into a status, and keeps both from crossing into the program that embeds the library.
//! `include/lesionlens.h` is generated from these files (`make header`), so their doc comments are the header's.

#![allow(non_camel_case_types)]

mod arguments;
mod calibrate;
mod cancel;
mod classify;
mod context;
mod dataset;
mod evaluate;
mod generated;
mod guard;
mod heatmap;
mod image;
mod image_file;
mod localize;
mod metrics;
mod model;
mod optimize;
mod options;
mod overlay;
mod progress;
mod series;
mod status;
mod text;
mod train;
mod version;
