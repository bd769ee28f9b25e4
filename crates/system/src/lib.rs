//! What the operating system is asked for beyond the standard library: loading libraries, memory on large pages, the
//! environment of libraries in C, the hardware. One file for each system; everything else is the same on all of them. Knows nothing of the
//! rest of the workspace.

#![allow(unsafe_code)]

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
pub use linux::*;

pub mod probe;

#[cfg(test)]
extern crate self as lens_system;
#[cfg(test)]
#[path = "../machines/mod.rs"]
mod machines;
