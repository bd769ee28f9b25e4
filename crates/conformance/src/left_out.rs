//! Tests that this machine cannot run.

use std::io::Write;

/// Reports that the running test, or a part of it, is not run, and why: to standard error, past the capturing of tests'
/// output, and to the file that the environment variable LENS_LEFT_OUT names, which ffi-tests/run.sh prints at its end.
pub fn left_out(reason: &str) {
    let thread = std::thread::current();
    let line = format!("left out: {} ({reason})", thread.name().unwrap_or("a test"));
    let _ = writeln!(std::io::stderr(), "{line}");
    if let Some(path) = std::env::var_os("LENS_LEFT_OUT") {
        let mut file =
            std::fs::File::options().create(true).append(true).open(&path).expect("the file of LENS_LEFT_OUT");
        writeln!(file, "{line}").expect("room for a line in the file of LENS_LEFT_OUT");
    }
}
