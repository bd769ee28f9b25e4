//! Models with a TorchScript program in their file, and the variants that libtorch writes.

use lens_base::{LogLevel, generator};
use lens_engine::EngineName;
use lens_engine::policy::{DeviceRequest, PrecisionRequest};
use lens_engine::torch_table::{RawParameters, RawSink, RawText};
use lens_images::{Batch, Preprocessing, Raster};
use lens_model::{LAYOUT, Metadata, Model, Parameters};
use lens_runtime::{Classifier, Context, ContextOptions, FileFormat, Variant};
use lesionlens_torch::lens_torch_table;
use parking_lot::Mutex;
use rand::RngExt;
use std::ffi::c_void;
use std::path::PathBuf;
use std::sync::Arc;
use tempfile::TempDir;

type Messages = Arc<Mutex<Vec<String>>>;

fn context(compiled_graph: Option<bool>) -> (Arc<Context>, Messages) {
    let messages = Messages::default();
    let kept = Arc::clone(&messages);
    let log = Box::new(move |_: LogLevel, message: &str| kept.lock().push(message.to_string())) as _;
    let options = ContextOptions {
        device: DeviceRequest::Cpu,
        compiled_graph,
        precision: PrecisionRequest::F32,
        log: Some(log),
        log_level: LogLevel::Info,
        ..ContextOptions::default()
    };
    (Context::new(options).unwrap(), messages)
}

/// A classifier with a head whose logits differ.
fn trained_like() -> Classifier {
    let (context, _) = context(None);
    let mut parameters = Parameters::initial(4).unwrap();
    parameters.of_mut(LAYOUT.head_weight).iter_mut().for_each(|weight| *weight *= 20.0);
    let preprocessing = Preprocessing { image_size: 64, ..Preprocessing::default() };
    Classifier::new(&context, Model::new(parameters, Metadata::new(preprocessing, 0.25))).unwrap()
}

/// The logits of noise images.
fn logits(model: &Classifier) -> Vec<f32> {
    let mut random = generator(7, 0);
    let mut all = Vec::new();
    for (width, height, count) in [(64, 64, 5), (48, 80, 1)] {
        let mut batch = Batch::new(width, height);
        for _ in 0..count {
            let samples = (0..width * height).map(|_| random.random::<f32>()).collect();
            batch.push(&Raster::new(width, height, 1, samples).unwrap(), 0, 0, model.preprocessing());
        }
        all.extend(lens_tasks::classify::logits(model, &batch).unwrap());
    }
    all
}

/// The largest difference of logits.
fn difference(one: &Classifier, other: &Classifier) -> f32 {
    let (one, other) = (logits(one), logits(other));
    assert_eq!((one.len(), other.len()), (6, 6));
    one.iter().zip(other).map(|(one, other)| (one - other).abs()).fold(0.0, f32::max)
}

fn saved(bytes: &[u8]) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("model.pt");
    std::fs::write(&path, bytes).unwrap();
    (directory, path)
}

fn torchscript(model: &Classifier) -> (TempDir, PathBuf) {
    let (directory, path) = saved(&[]);
    model.save(&path, FileFormat::TorchScript).unwrap();
    (directory, path)
}

unsafe extern "C" fn keep(context: *mut c_void, data: *const u8, length: usize) {
    // SAFETY: `script` passes a `Vec<u8>` that nobody else uses, and the library a readable slice.
    unsafe { (*context.cast::<Vec<u8>>()).extend_from_slice(std::slice::from_raw_parts(data, length)) };
}

/// A custom program with a model's weights, without metadata.
fn script(model: &Classifier, source: &str) -> Vec<u8> {
    let held = model.model().parameters().unwrap();
    let parameters = held.all();
    let mut bytes: Vec<u8> = Vec::new();
    // SAFETY: the table of the library that this program is linked with; numbers, texts and sink outlive the call.
    let code = unsafe {
        ((*lens_torch_table()).script_write)(
            RawParameters { values: parameters.as_ptr(), count: parameters.len() },
            RawText::of(source),
            0,
            RawText::of("lesionlens.json"),
            RawText::of(""),
            RawSink { context: (&raw mut bytes).cast(), write: keep },
        )
    };
    assert_eq!(code, 0);
    bytes
}

#[test]
fn torchscript_round_trip_and_execution() {
    let model = trained_like();
    let (_directory, path) = torchscript(&model);
    let loaded = Classifier::load(model.context(), &path).unwrap();
    assert_eq!((loaded.sha256(), loaded.metadata()), (model.sha256(), model.metadata()));
    assert_eq!(loaded.engine(), EngineName::TorchScript);
    assert_eq!(loaded.describe()["engine"], "torchscript");
    let largest = difference(&loaded, &model);
    assert!(largest < 1e-4, "{largest}");
    // It was computed by another engine.
    assert_ne!(logits(&loaded), logits(&model));
    let again = Classifier::load(model.context(), &path).unwrap();
    assert_eq!(logits(&again), logits(&loaded));
}

#[test]
fn disabled_compiled_graph_is_not_run() {
    let model = trained_like();
    let (_directory, path) = torchscript(&model);
    let (context, messages) = context(Some(false));
    let loaded = Classifier::load(&context, &path).unwrap();
    assert_eq!(loaded.engine(), context.policy().engine.value);
    assert!(messages.lock().iter().any(|message| message.contains("TorchScript program is not used")));
    assert_eq!(logits(&loaded), logits(&model));
}

#[test]
fn program_with_other_results_is_not_used() {
    let model = trained_like();
    for (source, reason) in [
        ("return torch.mean(image, [1, 2, 3])", "on a test image it gives the logit"),
        ("return torch.mean(image, [2, 3])", "not one number for each"),
        ("return torch.matmul(image, torch.mean(image, [2, 3]))", "size"),
    ] {
        let (_directory, path) = saved(&script(&model, &format!("def forward(self, image):\n    {source}\n")));
        let (context, messages) = context(None);
        let loaded = Classifier::load(&context, &path).unwrap();
        assert_eq!(loaded.sha256(), model.sha256());
        assert_eq!(loaded.engine(), context.policy().engine.value);
        let messages = messages.lock();
        let told = messages.iter().any(|message| message.contains("is not used") && message.contains(reason));
        assert!(told, "{reason}: {messages:?}");
    }
}

#[test]
fn corrupted_program_is_refused() {
    let model = trained_like();
    let (_directory, path) = torchscript(&model);
    let bytes = std::fs::read(&path).unwrap();
    let refused = |bytes: &[u8]| {
        let (_directory, path) = saved(bytes);
        Classifier::load(model.context(), &path).unwrap_err().message().to_string()
    };
    let message = refused(&bytes[..bytes.len() / 2]);
    assert!(message.contains("not a whole zip archive"), "{message}");
    let mut damaged = bytes.clone();
    let name = b"code/__torch__/lesionlens.py";
    let place = bytes.windows(name.len()).position(|window| window == name).unwrap() + name.len();
    damaged[place + 100..place + 200].fill(0);
    let message = refused(&damaged);
    assert!(message.contains("TorchScript program that cannot be read"), "{message}");
}

#[test]
fn variants_round_trip() {
    let model = trained_like();
    let (_directory, path) = saved(&[]);
    model.optimize(Variant::StateDict, &path).unwrap();
    let plain = Classifier::load(model.context(), &path).unwrap();
    assert_eq!(plain.sha256(), model.sha256());
    assert_eq!(plain.metadata(), model.metadata());
    assert_eq!(plain.engine(), model.engine());
    assert_eq!(logits(&plain), logits(&model));

    model.optimize(Variant::Auto, &path).unwrap();
    let int8 = Classifier::load(model.context(), &path).unwrap();
    // Quantised layers run on the CPU, as here.
    assert_eq!((int8.engine(), int8.metadata()), (EngineName::TorchScript, model.metadata()));
    let largest = difference(&int8, &model);
    // A difference of 0 would mean that nothing was quantised.
    assert!(largest > 1e-7 && largest < 0.1, "{largest}");
}
