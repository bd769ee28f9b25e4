//! The command line's C++ runtime, as the library's.

include!("../packaging/cplusplus.rs");

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=../packaging/cplusplus.rs");
    if let Some(directory) = static_cplusplus() {
        println!("cargo:rustc-link-arg-bins=-L{}", directory.display());
    }
}
