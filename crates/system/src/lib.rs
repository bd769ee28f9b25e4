//! Operating system functions beyond the standard library: dynamic libraries, memory pages, environment variables,
//! hardware probe. One file for each system; everything else is portable. Independent of the rest of the workspace.

#![allow(unsafe_code)]

#[cfg(target_os = "linux")]
pub mod fork;
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
