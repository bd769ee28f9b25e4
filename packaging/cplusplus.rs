// A part of build scripts: which C++ runtime what is linked has.

use std::path::PathBuf;
use std::process::Command;

/// A directory with the C++ compiler's static runtime and nothing else, for the linker to look there first: then no library
/// of the system is needed for it, of whatever version. `None`: the compiler has none, and the shared one is taken.
fn static_cplusplus() -> Option<PathBuf> {
    const NAME: &str = "libstdc++.a";
    println!("cargo:rerun-if-env-changed=CXX");
    let compiler = std::env::var("CXX").ok().filter(|name| !name.trim().is_empty()).unwrap_or("c++".to_string());
    let mut words = compiler.split_whitespace();
    let told = Command::new(words.next()?).args(words).arg(format!("-print-file-name={NAME}")).output().ok()?;
    let archive = PathBuf::from(String::from_utf8(told.stdout).ok()?.trim());
    let directory = PathBuf::from(std::env::var_os("OUT_DIR")?).join("cplusplus");
    // The name alone comes back where there is none.
    if !archive.is_absolute() {
        return None;
    }
    std::fs::create_dir_all(&directory).ok()?;
    std::fs::copy(archive, directory.join(NAME)).ok()?;
    Some(directory)
}
