//! For tests: what they could not do on this machine.

use std::fs::File;
use std::io::Write;

/// Reports that a test, or a part of one, did not run: `what`, with the reason. The line goes to standard error past the
/// capture of passing tests' output, and to the end of the file that LENS_LEFT_OUT names, which `make test` prints last.
pub fn left_out(what: &str) {
    let line = format!("left out: {what}\n");
    std::io::stderr().write_all(line.as_bytes()).expect("standard error can be written");
    if let Some(path) = std::env::var_os("LENS_LEFT_OUT") {
        let file = File::options().append(true).create(true).open(&path);
        let written = file.and_then(|mut file| file.write_all(line.as_bytes()));
        written.unwrap_or_else(|error| panic!("LENS_LEFT_OUT {}: {error}", path.display()));
    }
}
