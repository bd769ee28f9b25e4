//! Strings handed to the caller.

use super::guard::release;
use lens_base::{Error, Result};
use std::ffi::{CString, c_char};

/// A string that the caller frees with `lens_string_free`.
pub(super) fn to_host(text: String) -> Result<*mut c_char> {
    CString::new(text)
        .map(CString::into_raw)
        .map_err(|error| Error::internal(format!("a text for the caller contains NUL: {error}")))
}

/// Frees a string that a lens_ function handed out (such as JSON). NULL is a no-op.
///
/// @param text A string from this library, not freed before.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lens_string_free(text: *mut c_char) {
    release(|| {
        if !text.is_null() {
            // SAFETY: by contract the pointer came from `to_host`, and is freed once.
            drop(unsafe { CString::from_raw(text) });
        }
    });
}
