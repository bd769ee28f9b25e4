//! The AMD runtime's variables are set before any of its libraries is loaded. A stub of libtorch's HIP library records
//! the environment when it is loaded.

mod hardware;

use hardware::{Messages, files_of, libtorch, shared_library};
use lens_base::ErrorKind;
use lens_engine::policy::DeviceRequest;
use lens_runtime::{Context, ContextOptions};
use std::collections::HashMap;
use std::fs;
use std::process::Command;

#[test]
fn variables_are_set_before_hip_library_is_loaded() {
    // SAFETY: the only test of this program, before anything of it starts a thread.
    unsafe { std::env::set_var("HSA_LARGE_BAR", "0") };
    let directory = tempfile::tempdir().unwrap();
    let seen = directory.path().join("seen");
    let libtorch = libtorch();
    if !libtorch.join("libtorch_hip.so").exists() {
        let asked = ContextOptions { device: DeviceRequest::Rocm, ..ContextOptions::default() };
        let error = Context::new(asked).unwrap_err();
        assert!(error.message().contains("has no libtorch_hip.so"), "{error}");
    }
    assert!(
        std::env::var_os("HIP_PLATFORM").is_none(),
        "nothing is set for the CPU, or for a library that is not there"
    );
    let link = Command::new("ln").arg("-s").arg(libtorch.join("libtorch_cpu.so")).arg(directory.path()).status();
    assert!(link.unwrap().success());
    shared_library(
        &directory.path().join("libtorch_hip.so"),
        &format!(
            "#include <stdio.h>\nextern char **environ;\n\
             __attribute__((constructor)) static void note(void) {{\n\
             FILE *file = fopen(\"{}\", \"w\");\n\
             for (char **entry = environ; *entry; entry++) fprintf(file, \"%s\\n\", *entry);\n\
             fclose(file);\n}}\n",
            seen.display()
        ),
    );
    let root = files_of("rx-7900-xtx");
    let options = |options: ContextOptions| ContextOptions {
        libtorch_dir: Some(directory.path().into()),
        hardware_root: Some(root.path().into()),
        ..options
    };

    // The probe's GPU makes it load the stub, which is no GPU library.
    let messages = Messages::default();
    let context = Context::new(options(messages.options(DeviceRequest::Auto))).unwrap();
    let environment: HashMap<String, String> = fs::read_to_string(&seen)
        .expect("the stand-in was not loaded")
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.into(), value.into()))
        .collect();
    for (name, value) in [
        ("HIP_PLATFORM", "amd"),
        ("HIP_FORCE_DEV_KERNARG", "1"),
        ("HSA_ENABLE_INTERRUPT", "0"),
        ("PYTORCH_MIOPEN_SUGGEST_NHWC", "1"),
        ("PYTORCH_MIOPEN_SUGGEST_NHWC_BATCHNORM", "1"),
        ("PYTORCH_ALLOC_CONF", "per_process_memory_fraction:0.85"),
        ("HSA_LARGE_BAR", "0"),
    ] {
        assert_eq!(environment.get(name).map(String::as_str), Some(value), "{name}");
    }
    assert!(!environment.contains_key("HSA_OVERRIDE_GFX_VERSION"));

    let description = context.describe();
    assert_eq!(description["policy"]["device"]["value"], "cpu");
    let reason = description["policy"]["device"]["reason"].as_str().unwrap();
    assert!(reason.contains("libtorch_hip.so was loaded, but offers libtorch no device"), "{reason}");
    assert!(messages.warn_of("offers libtorch no device"));
    assert_eq!(description["environment"]["set"]["HIP_PLATFORM"], "amd");
    assert_eq!(description["environment"]["kept"]["HSA_LARGE_BAR"], "0");
    assert!(description["environment"]["skipped"]["HSA_OVERRIDE_GFX_VERSION"].as_str().unwrap().contains("gfx1100"));

    // On request it is an error; what the first context set is still not taken for the embedding program's.
    let error = Context::new(options(messages.options(DeviceRequest::Rocm))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Device);
    assert!(error.message().contains("offers libtorch no device"), "{error}");
    let again = ContextOptions { memory_fraction: Some(0.5), ..options(messages.options(DeviceRequest::Auto)) };
    let again = Context::new(again).unwrap();
    assert_eq!(again.describe()["environment"], description["environment"], "set once");
}
