//! Deflated bytes (RFC 1951). In one piece: a decoder with a window of its own takes what lies before its begin for zeros,
//! where a broken stream refers to it.

use lens_base::{Error, Result};
use miniz_oxide::inflate::{DecompressError, TINFLStatus, decompress_to_vec_with_limit};

/// The bytes of a deflated stream, which must be `most` or fewer; what follows the stream does not count. `what` is deflated.
pub fn inflate(coded: &[u8], most: usize, what: &str) -> Result<Vec<u8>> {
    decompress_to_vec_with_limit(coded, most).map_err(|DecompressError { status, .. }| {
        Error::format(match status {
            TINFLStatus::HasMoreOutput => format!("{what} is larger than {most} bytes"),
            TINFLStatus::FailedCannotMakeProgress | TINFLStatus::NeedsMoreInput => {
                format!("{what} is broken: it ends early")
            }
            _ => format!("{what} is broken: its {} bytes are no deflated stream", coded.len()),
        })
    })
}
