//! Two plugins in one process that both bring libtorch.

mod hardware;

use hardware::{Messages, files_of, shared_library};
use lens_base::ErrorKind;
use lens_engine::policy::{DeviceRequest, EngineRequest};
use lens_runtime::{Context, ContextOptions};
use lens_system::{Library, Scope};

#[test]
fn second_libtorch_is_reported_and_prevents_gpu_library() {
    let directory = tempfile::tempdir().unwrap();
    let other = directory.path().join("libtorch_cpu.so");
    shared_library(&other, "int another_plugins_libtorch;\n");
    Library::open(&other, Scope::Local).unwrap();

    let root = files_of("rtx-4080-super");
    let options = |options: ContextOptions| ContextOptions { hardware_root: Some(root.path().into()), ..options };
    let messages = Messages::default();
    let torch = ContextOptions { engine: EngineRequest::Torch, ..messages.options(DeviceRequest::Cpu) };
    let context = Context::new(options(torch)).unwrap();
    let canonical = other.canonicalize().unwrap();
    assert!(messages.warn_of(canonical.to_str().unwrap()));
    assert_eq!(context.describe()["other_libtorches"][0], canonical.to_str().unwrap());

    let error = Context::new(options(messages.options(DeviceRequest::Cuda))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Device);
    assert!(error.message().contains("second libtorch"), "{error}");
    assert!(error.message().contains(canonical.to_str().unwrap()), "{error}");
}
