//! Versions.

use std::ffi::c_char;

/// The ABI this header describes. Compare with lens_abi_version(), or put it into lens_init_options.abi_version.
pub const LENS_ABI_VERSION: u32 = 0;

// The header generator needs the literal above; this keeps it equal to what the reports say.
const _: () = assert!(LENS_ABI_VERSION == crate::ABI_VERSION);

/// The library's version, "major.minor.patch".
///
/// @return A static string; do not free it.
#[unsafe(no_mangle)]
pub extern "C" fn lens_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// The ABI version of the loaded library; LENS_ABI_VERSION is that of the header.
#[unsafe(no_mangle)]
pub extern "C" fn lens_abi_version() -> u32 {
    LENS_ABI_VERSION
}
