//! `lens_status`: what a call came to.

use lens_base::ErrorKind;
use std::ffi::{CStr, c_char};

/// Result of a call. Numbers are never reused.
pub type lens_status = i32;

/// The call did what it says; its results are in the out parameters.
pub const LENS_OK: lens_status = 0;
/// An argument is wrong (NULL, out of range, malformed); nothing was changed.
pub const LENS_ERROR_ARGUMENT: lens_status = 1;
/// A file or directory cannot be read or written.
pub const LENS_ERROR_IO: lens_status = 2;
/// A file was read, but it is not what it should be (no image, no model, a broken table).
pub const LENS_ERROR_FORMAT: lens_status = 3;
/// The asked-for device cannot be used.
pub const LENS_ERROR_DEVICE: lens_status = 4;
/// Memory ran out: the machine's, or the device's.
pub const LENS_ERROR_OUT_OF_MEMORY: lens_status = 5;
/// The data set cannot serve the purpose (empty, one class only, ...).
pub const LENS_ERROR_DATA: lens_status = 6;
/// Header, library or libtorch do not belong together.
pub const LENS_ERROR_VERSION: lens_status = 7;
/// This version of the library cannot do that.
pub const LENS_ERROR_UNSUPPORTED: lens_status = 8;
/// A defect in the library, or in libtorch where that computes; the message carries what was caught.
pub const LENS_ERROR_INTERNAL: lens_status = 9;
/// The progress callback or the cancel token stopped the call; nothing half-written is left.
pub const LENS_CANCELLED: lens_status = 10;

/// The status that a kind of error becomes.
pub(super) fn status_of(kind: ErrorKind) -> lens_status {
    match kind {
        ErrorKind::Argument => LENS_ERROR_ARGUMENT,
        ErrorKind::Io => LENS_ERROR_IO,
        ErrorKind::Format => LENS_ERROR_FORMAT,
        ErrorKind::Device => LENS_ERROR_DEVICE,
        ErrorKind::OutOfMemory => LENS_ERROR_OUT_OF_MEMORY,
        ErrorKind::Data => LENS_ERROR_DATA,
        ErrorKind::Version => LENS_ERROR_VERSION,
        ErrorKind::Unsupported => LENS_ERROR_UNSUPPORTED,
        ErrorKind::Internal => LENS_ERROR_INTERNAL,
        ErrorKind::Cancelled => LENS_CANCELLED,
    }
}

fn name(status: lens_status) -> &'static CStr {
    match status {
        LENS_OK => c"LENS_OK",
        LENS_ERROR_ARGUMENT => c"LENS_ERROR_ARGUMENT",
        LENS_ERROR_IO => c"LENS_ERROR_IO",
        LENS_ERROR_FORMAT => c"LENS_ERROR_FORMAT",
        LENS_ERROR_DEVICE => c"LENS_ERROR_DEVICE",
        LENS_ERROR_OUT_OF_MEMORY => c"LENS_ERROR_OUT_OF_MEMORY",
        LENS_ERROR_DATA => c"LENS_ERROR_DATA",
        LENS_ERROR_VERSION => c"LENS_ERROR_VERSION",
        LENS_ERROR_UNSUPPORTED => c"LENS_ERROR_UNSUPPORTED",
        LENS_ERROR_INTERNAL => c"LENS_ERROR_INTERNAL",
        LENS_CANCELLED => c"LENS_CANCELLED",
        _ => c"unknown lens_status",
    }
}

/// The name of a status, such as "LENS_ERROR_IO"; "unknown lens_status" for any other number.
///
/// @return A static string; do not free it. Never NULL. Leaves the last error alone.
#[unsafe(no_mangle)]
pub extern "C" fn lens_status_name(status: lens_status) -> *const c_char {
    name(status).as_ptr()
}
