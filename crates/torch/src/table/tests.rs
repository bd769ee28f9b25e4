//! The table as the first library uses it.

use super::*;
use crate::densenet::DenseNet;
use lens_base::ErrorKind;
use lens_engine::policy::Precision;
use lens_engine::torch_table::TorchSettings;
use lens_engine::torch_table::{LibtorchInformation, RawImage, RawImages, RawParameters, RawSink, RawText};
use lens_model::Parameters;
use std::ffi::c_void;
use std::ptr::{null, null_mut};
use tch::{Device, Tensor};

const SETTINGS: TorchSettings = TorchSettings {
    threads: 2,
    gpu: None,
    precision: Precision::F32,
    channels_last: true,
    tf32: false,
    benchmark: false,
    deterministic: true,
    take_turns: true,
};

fn message() -> String {
    // SAFETY: no call fails in between.
    let text = unsafe { (TABLE.last_error)() };
    // SAFETY: this thread's message.
    String::from_utf8(unsafe { std::slice::from_raw_parts(text.data, text.length) }.to_vec()).unwrap()
}

unsafe extern "C" fn keep(context: *mut c_void, data: *const u8, length: usize) {
    // SAFETY: `sink` passes its bytes, and the table a readable slice.
    unsafe { (*context.cast::<Vec<u8>>()).extend_from_slice(std::slice::from_raw_parts(data, length)) };
}

fn sink(bytes: &mut Vec<u8>) -> RawSink {
    RawSink { context: (&raw mut *bytes).cast(), write: keep }
}

fn engine(settings: &TorchSettings) -> *mut c_void {
    let (json, mut engine) = (serde_json::to_string(settings).unwrap(), null_mut());
    // SAFETY: a text, and room for a handle.
    assert_eq!(unsafe { (TABLE.engine_new)(RawText::of(&json), &raw mut engine) }, 0, "{}", message());
    engine
}

#[test]
fn entry_returns_table() {
    // SAFETY: it lives for ever.
    let table = unsafe { &*lens_torch_table() };
    assert_eq!((table.version, table.size as usize), (TABLE_VERSION, size_of::<TorchTable>()));
}

#[test]
fn libtorch_information() {
    let mut json = Vec::new();
    // SAFETY: a text and a sink.
    assert_eq!(unsafe { (TABLE.information)(RawText::of(""), sink(&mut json)) }, 0, "{}", message());
    let information: LibtorchInformation = serde_json::from_slice(&json).unwrap();
    assert_eq!(information.version, "2.13.0");
    assert!(information.directory.unwrap().join("libtorch_cpu.so").exists());
    // SAFETY: a text and a sink.
    assert_eq!(unsafe { (TABLE.information)(RawText::of("/nowhere"), sink(&mut json)) }, ErrorKind::Io.code());
    assert!(message().contains("/nowhere/libtorch_cpu.so"), "{}", message());
}

#[test]
fn set_variable_is_kept() {
    let value = |name: &str| std::env::var(name).ok();
    for given in ["first", "second"] {
        let json = format!("{{\"LESIONLENS_TEST_VARIABLE\": \"{given}\"}}");
        // SAFETY: a text.
        assert_eq!(unsafe { (TABLE.set_environment)(RawText::of(&json)) }, 0, "{}", message());
        assert_eq!(value("LESIONLENS_TEST_VARIABLE").as_deref(), Some("first"));
    }
}

#[test]
fn network_outlives_engine() {
    let engine = engine(&SETTINGS);
    let parameters = Parameters::initial(3).unwrap();
    let values = RawParameters { values: parameters.all().as_ptr(), count: parameters.all().len() };
    let mut network = null_mut();
    // SAFETY: a live engine, numbers, and room for a handle. The engine is freed once.
    unsafe {
        assert_eq!((TABLE.network_new)(engine, values, &raw mut network), 0, "{}", message());
        (TABLE.engine_free)(engine);
    }
    let memory: Vec<f32> = (0..40 * 40 * 3).map(|index| (index % 251) as f32 / 250.0).collect();
    let image = |offset, channels| RawImage {
        memory: memory.as_ptr(),
        memory_length: memory.len(),
        offset,
        row_step: 40 * channels,
        channels,
    };
    let images = [image(0, 3), image(12, 3), image(24, 3), image(7, 1)];
    let images = RawImages { width: 32, height: 32, count: images.len(), images: images.as_ptr() };
    let (mut logits, mut features) = ([0f32; 4], vec![0f32; 4 * 1024]);
    // SAFETY: a live network, images, and room for the results.
    unsafe {
        assert_eq!((TABLE.network_logits)(network, &raw const images, logits.as_mut_ptr()), 0, "{}", message());
        let count = features.len();
        let code = (TABLE.network_features)(network, &raw const images, features.as_mut_ptr(), count);
        assert_eq!(code, 0, "{}", message());
        let code = (TABLE.network_features)(network, &raw const images, features.as_mut_ptr(), count - 1);
        assert_eq!(code, ErrorKind::Argument.code());
        assert!(message().contains("room for 4095 numbers"), "{}", message());
    }
    let pixels = Tensor::from_slice(&memory);
    let coloured = |offset| pixels.as_strided([32, 32, 3], [120, 3, 1], offset);
    let gray = pixels.as_strided([32, 32, 1], [40, 1, 1], 7).expand([32, 32, 3], false);
    let input = Tensor::stack(&[coloured(0), coloured(12), coloured(24), gray], 0).permute([0, 3, 1, 2]);
    let _guard = tch::no_grad_guard();
    let plain = DenseNet::of(&parameters, Device::Cpu).unwrap();
    let of_plain = plain.features(&input);
    let difference = |found: &[f32], expected: Tensor| {
        (Tensor::from_slice(found) - expected.contiguous().view([-1])).abs().max().double_value(&[])
    };
    assert!(difference(&logits, plain.head(&of_plain)) < 1e-5);
    assert!(difference(&features, of_plain.permute([0, 2, 3, 1])) < 1e-4);
    // SAFETY: freed once.
    unsafe { (TABLE.network_free)(network) };
}

#[test]
fn observe_raises_maxima() {
    let engine = engine(&SETTINGS);
    let parameters = Parameters::initial(3).unwrap();
    let values = RawParameters { values: parameters.all().as_ptr(), count: parameters.all().len() };
    let mut network = null_mut();
    // SAFETY: a live engine, numbers, and room for a handle.
    assert_eq!(unsafe { (TABLE.network_new)(engine, values, &raw mut network) }, 0, "{}", message());
    let memory = vec![0.75f32; 32 * 32];
    let image = RawImage { memory: memory.as_ptr(), memory_length: memory.len(), offset: 0, row_step: 32, channels: 1 };
    let images = RawImages { width: 32, height: 32, count: 1, images: &raw const image };
    let layout = &*lens_model::LAYOUT;
    let mut largest = vec![0f32; layout.parameters().len()];
    largest[layout.transitions[0].conv] = 1e9;
    largest[layout.transitions[1].conv] = f32::NAN;
    // SAFETY: a live network, an image, and the numbers. Handles are freed once.
    unsafe {
        let code = (TABLE.network_observe)(network, &raw const images, largest.as_mut_ptr(), largest.len());
        assert_eq!(code, 0, "{}", message());
        (TABLE.network_free)(network);
        (TABLE.engine_free)(engine);
    }
    assert_eq!(largest[layout.stem], 0.75);
    assert!(largest[layout.blocks[0][0].conv1] > 0.0);
    assert_eq!(largest[layout.transitions[0].conv], 1e9);
    assert!(largest[layout.transitions[1].conv].is_nan());
    assert_eq!(largest[layout.head_weight], 0.0);
}

#[test]
fn script_round_trip() {
    let parameters = Parameters::initial(3).unwrap();
    let values = RawParameters { values: parameters.all().as_ptr(), count: parameters.all().len() };
    let source = "def forward(self, image):\n    return torch.mean(image, [1, 2, 3])\n";
    let (mut archive, mut metadata, mut quantised) = (Vec::new(), Vec::new(), -1);
    let (mut script, mut program) = (null_mut(), null_mut());
    let mut visited: Vec<(String, Vec<usize>, Vec<f32>)> = Vec::new();
    unsafe extern "C" fn note(
        context: *mut c_void,
        name: RawText,
        shape: *const usize,
        dimensions: usize,
        values: *const f32,
        count: usize,
    ) {
        // SAFETY: the vector below, and what the table says of a visit.
        unsafe {
            let name = std::slice::from_raw_parts(name.data, name.length);
            let shape = std::slice::from_raw_parts(shape, dimensions).to_vec();
            let values = std::slice::from_raw_parts(values, count).to_vec();
            let visited = &mut *context.cast::<Vec<(String, Vec<usize>, Vec<f32>)>>();
            visited.push((String::from_utf8(name.to_vec()).unwrap(), shape, values));
        }
    }
    let memory = vec![0.25f32; 2 * 48 * 48];
    let image =
        |offset| RawImage { memory: memory.as_ptr(), memory_length: memory.len(), offset, row_step: 48, channels: 1 };
    let images = [image(0), image(48 * 48)];
    let images = RawImages { width: 48, height: 48, count: 2, images: images.as_ptr() };
    let mut logits = [0f32; 2];
    let engine = engine(&SETTINGS);
    // SAFETY: texts, sinks, live handles and room for what comes; each handle is freed once.
    unsafe {
        let name = RawText::of("about.json");
        let code = (TABLE.script_write)(values, RawText::of(source), 0, name, RawText::of("{}"), sink(&mut archive));
        assert_eq!(code, 0, "{}", message());
        let bytes = RawText::of(&archive);
        let code = (TABLE.script_read)(bytes, name, sink(&mut metadata), &raw mut quantised, &raw mut script);
        assert_eq!(code, 0, "{}", message());
        assert_eq!((TABLE.script_visit)(script, (&raw mut visited).cast(), note), 0, "{}", message());
        assert_eq!((TABLE.script_program)(script, engine, &raw mut program), 0, "{}", message());
        assert_eq!((TABLE.script_program)(script, engine, &raw mut program), ErrorKind::Argument.code());
        (TABLE.script_free)(script);
        (TABLE.engine_free)(engine);
        assert_eq!((TABLE.program_logits)(program, &raw const images, logits.as_mut_ptr()), 0, "{}", message());
        (TABLE.program_free)(program);
    }
    assert_eq!((metadata.as_slice(), quantised), (&b"{}"[..], 0));
    assert_eq!(visited.len(), lens_model::LAYOUT.parameters().len());
    let spec = &lens_model::LAYOUT.parameters()[lens_model::LAYOUT.stem];
    let stem = visited.iter().find(|(name, ..)| *name == spec.name).unwrap();
    assert_eq!((&stem.1, stem.2.as_slice()), (&spec.shape, parameters.of(lens_model::LAYOUT.stem)));
    assert_eq!(logits, [0.25; 2]);

    let mut quantised_archive = Vec::new();
    let source = "def forward(self, image):\n    pooled = torch.mean(image, [2, 3]).repeat([1, 342])[:, :1024]\n    return \
                  quantized.linear_dynamic(pooled, self.classifier._packed_params._packed_params, True)\n";
    // SAFETY: as above.
    unsafe {
        let code = (TABLE.script_write)(
            values,
            RawText::of(source),
            1,
            RawText::of("m"),
            RawText::of(""),
            sink(&mut quantised_archive),
        );
        assert_eq!(code, 0, "{}", message());
        let bytes = RawText::of(&quantised_archive);
        let code =
            (TABLE.script_read)(bytes, RawText::of("m"), sink(&mut Vec::new()), &raw mut quantised, &raw mut script);
        assert_eq!(code, 0, "{}", message());
        visited.clear();
        assert_eq!((TABLE.script_visit)(script, (&raw mut visited).cast(), note), 0, "{}", message());
        (TABLE.script_free)(script);
    }
    assert_eq!(quantised, 1);
    assert!(visited.iter().any(|(name, shape, _)| name == "classifier.weight" && *shape == [1, 1024]));

    let mut checkpoint = Vec::new();
    // SAFETY: as above.
    let code = unsafe {
        (TABLE.state_dict_write)(values, RawText::of("about.json"), RawText::of("{}"), sink(&mut checkpoint))
    };
    assert_eq!(code, 0, "{}", message());
    let read = lens_model::Model::parse(&checkpoint).unwrap();
    assert_eq!(*read.parameters().unwrap(), parameters);
}

#[test]
fn invalid_arguments_are_errors() {
    let (mut handle, mut number) = (null_mut(), 0i32);
    let logits = [0f32; 1].as_mut_ptr();
    let images = RawImages { width: 32, height: 32, count: 1, images: null() };
    let argument = ErrorKind::Argument.code();
    let engine = engine(&SETTINGS);
    let few = RawParameters { values: [0.0f32; 3].as_ptr(), count: 3 };
    // SAFETY: null where the table says what may not be null is what is tried out; the rest is as it says.
    unsafe {
        assert_eq!((TABLE.network_logits)(null(), &raw const images, logits), argument);
        assert!(message().contains("null"), "{}", message());
        assert_eq!((TABLE.engine_new)(RawText::of("{}"), &raw mut handle), argument);
        assert!(message().contains("threads"), "{}", message());
        assert_eq!((TABLE.network_new)(engine, few, &raw mut handle), argument);
        assert!(message().contains("3 numbers"), "{}", message());
        assert_eq!((TABLE.engine_gpu_memory)(engine, [0u64; 4].as_mut_ptr()), ErrorKind::Device.code());
        assert_eq!((TABLE.engine_empty_cache)(engine), 0);
        assert_eq!((TABLE.learner_is_finite)(null(), &raw mut number), argument);
        assert_eq!((TABLE.open_gpu)(2, 0, sink(&mut Vec::new())), argument);
        assert_ne!(
            (TABLE.script_read)(
                RawText::of("no zip"),
                RawText::of("m"),
                sink(&mut Vec::new()),
                &raw mut number,
                &raw mut handle
            ),
            0
        );
        assert!(!message().is_empty());
        (TABLE.engine_free)(engine);
        (TABLE.engine_free)(null_mut());
    }
}
