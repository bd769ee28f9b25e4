//! What depends on the operating system, with one file for each.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
pub use linux::{Library, open_library, own_directory};
