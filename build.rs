//! Sets the library's SONAME, its C++ runtime, and what the linker may do with its symbols.

include!("packaging/cplusplus.rs");

fn main() {
    println!("cargo:rerun-if-changed=packaging/cplusplus.rs");
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,liblesionlens.so.0");
    // rustc exports every #[no_mangle] function of every crate; only this crate's own belong to the interface.
    println!("cargo:rustc-cdylib-link-arg=-Wl,--exclude-libs,ALL");
    if let Some(directory) = static_cplusplus() {
        println!("cargo:rustc-cdylib-link-arg=-L{}", directory.display());
    }
    // Threads and thread-local destructors outlive a dlclose.
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
}
