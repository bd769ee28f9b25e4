//! libtorch's CUDA library, really loaded, on a machine without a GPU: `make test-cuda-load`. Each test needs a process
//! of its own, and is ignored otherwise.

mod hardware;

use hardware::{Messages, files_of, libtorch};
use lens_base::ErrorKind;
use lens_engine::policy::DeviceRequest;
use lens_model::Parameters;
use lens_runtime::{Context, ContextOptions};
use lesionlens_torch::{DenseNet, gpu_library_is_registered};
use tch::{Device, Kind, Tensor};

fn refusal() -> String {
    let options = ContextOptions { device: DeviceRequest::Cuda, ..ContextOptions::default() };
    let error = Context::new(options).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Device);
    println!("{}: {error}", libtorch().display());
    error.message().into()
}

fn logit() -> f64 {
    let image = Tensor::zeros([1, 3, 32, 32], (Kind::Float, Device::Cpu));
    tch::no_grad(|| {
        DenseNet::of(&Parameters::initial(1).unwrap(), Device::Cpu).unwrap().logits(&image).double_value(&[0])
    })
}

#[test]
#[ignore = "needs libtorch_cuda.so and all that it is linked against"]
fn registers_and_says_that_there_is_no_driver() {
    assert!(!gpu_library_is_registered());
    let reason = refusal();
    assert!(gpu_library_is_registered(), "{reason}");
    assert!(reason.contains("no NVIDIA driver is installed"), "{reason}");

    // With automatic selection the CPU is used, the reason is logged, and results are the same.
    let root = files_of("rtx-4080-super");
    let messages = Messages::default();
    let options = ContextOptions { hardware_root: Some(root.path().into()), ..messages.options(DeviceRequest::Auto) };
    let context = Context::new(options).unwrap();
    assert_eq!(context.policy().device.value, "cpu");
    assert!(messages.warn_of("no NVIDIA driver is installed"), "{}", context.policy().device.reason);
    assert!(logit().is_finite());
}

#[test]
#[ignore = "needs libtorch_cuda.so and all that it is linked against"]
fn says_when_libtorch_was_asked_too_early() {
    // A convolution on the CPU asks about GPUs.
    let before = logit();
    let reason = refusal();
    assert!(reason.contains("before its GPU library was loaded"), "{reason}");
    assert_eq!(logit(), before);
}

#[test]
#[ignore = "needs libtorch_cuda.so without what it is linked against"]
fn names_the_library_that_is_missing() {
    let reason = refusal();
    assert!(reason.contains("libtorch_cuda.so cannot be loaded") && reason.contains(".so."), "{reason}");
    assert!(reason.contains("cannot open shared object file"), "{reason}");
    assert!(!gpu_library_is_registered());
}
