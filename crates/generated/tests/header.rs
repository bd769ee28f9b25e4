//! The C interface's options, its header and its description are what their sources give. UPDATE_HEADER=1 in the environment
//! writes them anew; the options come first, for the others are made from them.

use lens_generated::{generated, header, interface, root};
use std::process::{Command, Stdio};

/// The source as rustfmt lays it out.
fn formatted(source: &str) -> String {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("generated.rs");
    std::fs::write(&path, source).unwrap();
    let config = format!("{}", root().join("rustfmt.toml").display());
    let status = Command::new("rustfmt")
        .args(["--edition", "2024", "--config-path", &config])
        .arg(&path)
        .stderr(Stdio::inherit())
        .status()
        .unwrap();
    assert!(status.success());
    std::fs::read_to_string(path).unwrap()
}

fn is_up_to_date(name: &str, made: &str) {
    let path = root().join(name);
    if std::env::var_os("UPDATE_HEADER").is_some() {
        std::fs::write(&path, made).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == made, "{name} is stale: run `make header`");
}

#[test]
fn options_header_and_description_are_up_to_date() {
    is_up_to_date("src/capi/generated.rs", &formatted(&generated()));
    is_up_to_date("include/lesionlens.h", &header().unwrap());
    is_up_to_date("bindings/interface.json", &interface().unwrap());
}
