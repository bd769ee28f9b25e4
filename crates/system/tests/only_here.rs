//! What depends on the operating system is named in this crate alone.

use std::fs;
use std::path::{Path, PathBuf};

fn sources(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        match path.extension() {
            _ if path.is_dir() => sources(&path, found),
            Some(extension) if extension == "rs" => found.push(path),
            _ => {}
        }
    }
}

#[test]
fn nothing_else_names_libc_or_one_system() {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = own.join("../..").canonicalize().unwrap();
    let mut found = Vec::new();
    for directory in ["src", "crates", "cli", "tests", "benches", "examples"] {
        sources(&root.join(directory), &mut found);
    }
    assert!(found.len() > 200, "{} sources", found.len());
    let forbidden = ["libc::", "std::os::unix", "std::os::fd", "std::os::linux", "std::os::windows"];
    for path in found.iter().filter(|path| !path.starts_with(own)) {
        let text = fs::read_to_string(path).unwrap();
        for name in forbidden {
            assert!(!text.contains(name), "{} names {name}; that belongs to crates/system", path.display());
        }
    }
}
