//! Compiles the C++ files, checks the libtorch version, and sets the library's SONAME and search paths.

use std::path::{Path, PathBuf};
use std::{env, fs};

/// `lens_engine::torch_table::LIBTORCH_VERSION`.
const NEEDED: &str = "2.13.0";

fn main() {
    println!("cargo:rerun-if-env-changed=LIBTORCH");
    for file in ["torch_ext.hpp", "torch_ext.cpp", "torch_ext_gpu.cpp", "torch_ext_program.cpp"] {
        println!("cargo:rerun-if-changed=src/{file}");
    }
    let libtorch = PathBuf::from(env::var_os("LIBTORCH").unwrap_or_else(|| {
        panic!("LIBTORCH is not set: build inside the repository, where .cargo/config.toml sets it, after `make setup`")
    }));
    let library = libtorch.join("lib").canonicalize().unwrap_or_else(|error| {
        panic!("{}/lib: {error}; run `make setup`, or point LIBTORCH at libtorch {NEEDED}", libtorch.display())
    });
    let found = version(&libtorch).unwrap_or_else(|| "of unknown version".into());
    assert!(
        found == NEEDED,
        "LIBTORCH={} holds libtorch {found}; lesionlens needs libtorch {NEEDED}",
        libtorch.display()
    );

    cc::Build::new()
        .cpp(true)
        .std("c++20")
        .warnings(false)
        .include(libtorch.join("include"))
        .files(["src/torch_ext.cpp", "src/torch_ext_gpu.cpp", "src/torch_ext_program.cpp"])
        .compile("lens_torch_ext");
    stand_in(&library);

    // In the order of the search: a directory the library was put into, one beside it, and where it was built.
    let search = format!("$ORIGIN:$ORIGIN/libtorch/lib:{}", library.display());
    println!("cargo:rustc-link-arg=-Wl,--enable-new-dtags,-rpath,{search}");
    println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,liblesionlens_torch.so.0");
    // What the C++ files and tch define for each other is nobody else's.
    println!("cargo:rustc-cdylib-link-arg=-Wl,--exclude-libs,ALL");
    // libtorch starts threads and registers destructors that outlive a dlclose.
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
}

/// An empty libtorch.so that needs libtorch_cpu.so alone.
fn stand_in(library: &Path) {
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let (source, target) = (out.join("libtorch.c"), out.join("libtorch.so"));
    fs::write(&source, "").unwrap_or_else(|error| panic!("{}: {error}", source.display()));
    let mut command = cc::Build::new().get_compiler().to_command();
    command.args(["-shared", "-nostdlib", "-Wl,-soname,libtorch.so", "-Wl,--no-as-needed"]).arg(&source);
    command.arg(library.join("libtorch_cpu.so")).arg("-Wl,--unresolved-symbols=ignore-all").arg("-o").arg(&target);
    let status = command.status().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(status.success(), "{command:?}: {status}");
}

fn version(libtorch: &Path) -> Option<String> {
    let header = ["torch/headeronly/version.h", "torch/csrc/api/include/torch/version.h"]
        .iter()
        .find_map(|name| fs::read_to_string(libtorch.join("include").join(name)).ok())?;
    let number = |name: &str| {
        header.lines().find_map(|line| {
            line.strip_prefix("#define TORCH_VERSION_")?.strip_prefix(name)?.trim().parse::<u32>().ok()
        })
    };
    Some(format!("{}.{}.{}", number("MAJOR ")?, number("MINOR ")?, number("PATCH ")?))
}
