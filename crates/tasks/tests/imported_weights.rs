//! Weights of other programs: what CheXNet, MONAI and torchxrayvision compute (tests/golden/networks.py), and what is refused.

use lens_base::{Control, ErrorKind};
use lens_conformance::uniform;
use lens_images::{PixelFormat, PixelView, Windowing};
use lens_model::weights::{HeadKind, HeadRule, ImportOptions, Normalisation, WeightsOptions};
use lens_model::{LAYOUT, start_parameters};
use lens_runtime::{Classifier, Context, ContextOptions, FileFormat};
use lens_tasks::classify::{ClassifyOptions, Prediction, classify};
use safetensors::tensor::{Dtype, TensorView};
use serde_json::Value;
use std::path::Path;
use std::sync::{Arc, LazyLock};

const SIDE: usize = 64;

/// Names and shapes of a network in its program, and its logits.
static NETWORKS: LazyLock<Value> = LazyLock::new(|| {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/golden/networks.json.gz");
    serde_json::from_reader(flate2::read::GzDecoder::new(std::fs::File::open(path).unwrap())).unwrap()
});

/// A tensor by its name in the program.
#[derive(Clone)]
struct Tensor {
    name: String,
    shape: Vec<usize>,
    bytes: Vec<u8>,
    kind: Dtype,
}

/// The state dict of a network with the weights of networks.py.
fn state(network: &str) -> Vec<Tensor> {
    let state = NETWORKS[network]["state"].as_object().unwrap();
    state
        .iter()
        .map(|(name, shape)| tensor(name, &serde_json::from_value::<Vec<usize>>(shape.clone()).unwrap()))
        .collect()
}

fn tensor(name: &str, shape: &[usize]) -> Tensor {
    let (bytes, kind) = match formula(name, shape) {
        None => (vec![0; 8], Dtype::I64),
        Some(value) => {
            let count: usize = shape.iter().product();
            ((0..count).flat_map(|index| (value(index) as f32).to_le_bytes()).collect(), Dtype::F32)
        }
    };
    Tensor { name: name.to_string(), shape: shape.to_vec(), bytes, kind }
}

/// What a value is by its index; none for counts of batches.
fn formula<'a>(name: &'a str, shape: &[usize]) -> Option<Box<dyn Fn(usize) -> f64 + 'a>> {
    let (offset, factor) = match name.rsplit('.').next()? {
        "num_batches_tracked" => return None,
        "op_threshs" => (0.5, 0.5),
        "running_var" => (1.0, 0.5),
        "running_mean" | "bias" => (0.0, 0.1),
        _ => match shape {
            [_, rest @ ..] if rest.len() == 3 => (0.0, (6.0 / rest.iter().product::<usize>() as f64).sqrt()),
            [_, inputs] => (0.0, (3.0 / *inputs as f64).sqrt()),
            _ => (1.0, 0.25),
        },
    };
    let untrained = if name == "op_threshs" { 14 } else { usize::MAX };
    Some(Box::new(
        move |index| {
            if index == untrained { f64::NAN } else { offset + factor * uniform(name, index as u64) }
        },
    ))
}

fn write(state: &[Tensor], path: &Path) {
    let views = state.iter().map(|tensor| {
        (tensor.name.as_str(), TensorView::new(tensor.kind, tensor.shape.clone(), &tensor.bytes).unwrap())
    });
    std::fs::write(path, safetensors::serialize(views, None).unwrap()).unwrap();
}

fn context() -> Arc<Context> {
    Context::new(ContextOptions::default()).unwrap()
}

fn head(positive: Option<&str>, negative: Option<&str>, head_kind: HeadKind) -> WeightsOptions {
    WeightsOptions {
        head_positive: positive.map(ToString::to_string),
        head_negative: negative.map(ToString::to_string),
        head_kind,
        ..WeightsOptions::default()
    }
}

/// At the golden image's size, which is not that of the networks.
fn sized(weights: WeightsOptions) -> ImportOptions {
    ImportOptions { weights, image_size: Some(SIDE as u32) }
}

fn imported(state: &[Tensor], options: &ImportOptions) -> lens_base::Result<(Classifier, tempfile::TempDir)> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("weights.safetensors");
    write(state, &path);
    Ok((Classifier::import(&context(), &path, options)?, directory))
}

fn refused(state: &[Tensor], weights: WeightsOptions) -> (ErrorKind, String) {
    let error = imported(state, &sized(weights)).expect_err("it is refused");
    (error.kind(), error.message().to_string())
}

fn prediction(model: &Classifier) -> Prediction {
    let value = |index| (128.0f64 + 128.0 * uniform("image.64x64", index)).floor() as u8;
    let pixels: Vec<u8> = (0..(SIDE * SIDE) as u64).map(value).collect();
    let view = PixelView::new(&pixels, SIDE as u32, SIDE as u32, SIDE, PixelFormat::Gray8, Windowing::default());
    classify(model, &[view.unwrap()], &ClassifyOptions::default(), &mut Control::default()).unwrap().remove(0)
}

fn logits(network: &str) -> Vec<f64> {
    serde_json::from_value(NETWORKS[network]["logits"].clone()).unwrap()
}

#[test]
fn logits_are_those_of_the_programs() {
    use HeadKind::{Auto, Sigmoid, Softmax};
    let gray = [0.0f32; 3];
    for (network, weights, positive, negative, mean) in [
        ("CheXNet", head(Some("Pneumonia"), None, Auto), 6, None, [0.485, 0.456, 0.406]),
        ("CheXNet", head(Some("13"), None, Auto), 13, None, [0.485, 0.456, 0.406]),
        ("MONAI", head(None, None, Auto), 1, Some(0), gray),
        ("MONAI", head(Some("0"), None, Softmax), 0, Some(1), gray),
        ("MONAI", head(Some("0"), None, Sigmoid), 0, None, gray),
        ("MONAI, 3 channels", head(Some("3"), Some("1"), Softmax), 3, Some(1), gray),
        ("torchxrayvision", head(Some("Pneumonia"), None, Auto), 8, None, [0.5; 3]),
        ("torchxrayvision", head(Some("enlarged cardiomediastinum"), None, Auto), 17, None, [0.5; 3]),
    ] {
        let all = logits(network);
        let expected = all[positive] - negative.map_or(0.0, |negative: usize| all[negative]);
        let (model, _directory) = imported(&state(network), &sized(weights)).unwrap();
        assert_eq!(model.preprocessing().mean, mean, "{network}");
        let found = f64::from(prediction(&model).logit);
        let scale = 1.0 + all.iter().fold(0f64, |most, logit| most.max(logit.abs()));
        println!("{network} {positive}: {found} {expected}, off by {:.1e}", (found - expected).abs() / scale);
        assert!((found - expected).abs() < 1e-5 * scale, "{network} {positive}: {found}, not {expected}");
    }
}

#[test]
fn what_was_done_is_described_and_kept() {
    let (model, directory) = imported(
        &state("torchxrayvision"),
        &ImportOptions { weights: head(Some("Pneumonia"), None, HeadKind::Auto), image_size: None },
    )
    .unwrap();
    let described = model.describe();
    let import = &described["import"];
    assert_eq!(import["program"], "torchxrayvision");
    assert_eq!(import["head"]["outputs"], 18);
    assert_eq!(import["head"]["rule"], "row");
    assert_eq!(import["head"]["positive"], serde_json::json!({ "index": 8, "name": "Pneumonia" }));
    assert!(import["first_convolution"].as_str().unwrap().contains("a third of its one channel"));
    assert!(import["normalisation"].as_str().unwrap().contains("-1024..1024"));
    let preprocessing = &described["preprocessing"];
    assert_eq!(preprocessing["image_size"], 224);
    assert_eq!(preprocessing["mean"], serde_json::json!([0.5, 0.5, 0.5]));
    assert_eq!(preprocessing["standard_deviation"], serde_json::json!([1.0 / 2048.0, 1.0 / 2048.0, 1.0 / 2048.0]));
    // Its op_threshs is what the program calls an image by.
    let threshold = (0.5 + 0.5 * uniform("op_threshs", 8)) as f32;
    assert_eq!(model.threshold(), threshold);

    let path = directory.path().join("saved.safetensors");
    model.save(&path, FileFormat::Safetensors).unwrap();
    let again = Classifier::load(&context(), &path).unwrap();
    assert_eq!(again.describe()["import"], *import);
    assert_eq!(again.metadata(), model.metadata());
    assert_eq!(again.sha256(), model.sha256());
    // Its own file says what it expects.
    let error = Classifier::import(&context(), &path, &sized(WeightsOptions::default())).unwrap_err();
    assert!(error.message().contains("image_size is set, but the file is a model of this library"), "{error}");
    // The numbers can be read again from the file of the other program.
    model.model().release_parameters();
    assert_eq!(model.model().parameters().unwrap().sha256(), model.sha256());
}

#[test]
fn prefixes_and_names_are_recorded() {
    let (model, _directory) = imported(&state("CheXNet"), &sized(head(Some("Edema"), None, HeadKind::Auto))).unwrap();
    let record = model.metadata().import.clone().unwrap();
    // 58 dense layers with two norms of four tensors and two convolutions, and the head's two.
    assert_eq!((&*record.program, &*record.prefix, record.renamed), ("CheXNet", "module.densenet121.", 582));
    assert_eq!(record.head.rule, HeadRule::Row);
    assert_eq!(record.first_convolution, None);
    let (model, _directory) = imported(&state("MONAI"), &sized(WeightsOptions::default())).unwrap();
    let record = model.metadata().import.clone().unwrap();
    assert_eq!((&*record.program, &*record.prefix), ("MONAI", ""));
    assert_eq!((record.head.rule, record.head.assumed), (HeadRule::Difference, true));
}

#[test]
fn normalisation_is_as_asked_for() {
    for (asked, mean, deviation) in [
        (Normalisation::None, [0.0; 3], [1.0; 3]),
        (Normalisation::ImageNet, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
    ] {
        let weights = WeightsOptions { normalisation: asked, ..head(Some("Mass"), None, HeadKind::Auto) };
        let (model, _directory) = imported(&state("torchxrayvision"), &sized(weights)).unwrap();
        assert_eq!((model.preprocessing().mean, model.preprocessing().standard_deviation), (mean, deviation));
        let record = model.metadata().import.clone().unwrap();
        assert!(record.normalisation.contains("as asked for"), "{}", record.normalisation);
    }
}

#[test]
fn wrong_files_and_options_are_refused_by_name() {
    let auto = |positive| head(positive, None, HeadKind::Auto);
    let cases = [
        ("CheXNet", auto(None), ["has 14 outputs", "0 to 13, or one of Atelectasis"]),
        ("CheXNet", auto(Some("14")), ["head_positive is 14", "0 to 13"]),
        ("torchxrayvision", auto(Some("Tumour")), ["head_positive is Tumour", "Lung Opacity"]),
        ("torchxrayvision", auto(Some("Lung Lesion")), ["14 (Lung Lesion)", "not trained"]),
        ("MONAI, 3 channels", auto(Some("3")), ["has 5 outputs", "head_kind"]),
        ("MONAI, 3 channels", head(Some("3"), None, HeadKind::Softmax), ["softmax over 5", "head_negative is missing"]),
    ];
    for (network, weights, parts) in cases {
        let (kind, message) = refused(&state(network), weights);
        assert_eq!(kind, ErrorKind::Argument);
        assert!(parts.iter().all(|part| message.contains(part)), "{message}");
    }
    let whole = state("torchxrayvision");
    let changed = |change: &dyn Fn(&mut Vec<Tensor>)| {
        let mut changed = whole.clone();
        change(&mut changed);
        refused(&changed, auto(Some("Mass")))
    };
    let named = |state: &[Tensor], name: &str| state.iter().position(|tensor| tensor.name == name).unwrap();
    let replaced = |name: &'static str, shape: &'static [usize]| {
        changed(&move |state| {
            let at = named(state, name);
            state[at] = tensor(name, shape);
        })
    };
    for ((kind, message), expected) in [
        (
            changed(&|state| state.retain(|tensor| tensor.name != "features.norm5.bias")),
            "1 missing: features.norm5.bias",
        ),
        (changed(&|state| state.push(tensor("fc.weight", &[2, 18]))), "1 extra: fc.weight"),
        (
            changed(&|state| {
                for tensor in state.iter_mut().filter(|tensor| tensor.name.starts_with("features")) {
                    tensor.name.insert_str(0, "module.");
                }
            }),
            "begin differently: 725 module. (module.features.",
        ),
        (
            replaced("features.conv0.weight", &[64, 2, 7, 7]),
            "features.conv0.weight is [64, 2, 7, 7], not [64, 3, 7, 7]",
        ),
        (replaced("classifier.weight", &[18, 512]), "classifier.weight is [18, 512], not [18, 1024]"),
        (replaced("classifier.bias", &[17]), "classifier.bias is [17], not [18]"),
        (replaced("op_threshs", &[17]), "op_threshs is [17], not [18]"),
    ] {
        assert_eq!(kind, ErrorKind::Format);
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn training_starts_from_a_head_if_it_is_said_what_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("weights.safetensors");
    write(&state("CheXNet"), &path);
    let bytes = std::fs::read(&path).unwrap();
    let without = start_parameters(&bytes, &WeightsOptions::default(), 5).unwrap();
    assert_eq!((without.record.head.rule, without.record.head.outputs), (HeadRule::Random, 14));
    let with = start_parameters(&bytes, &head(Some("Pneumonia"), None, HeadKind::Auto), 5).unwrap();
    assert_eq!(with.record.head.rule, HeadRule::Row);
    let name = "module.densenet121.classifier.0.weight";
    let expected = tensor(name, &[14, 1024]).bytes;
    let row: Vec<f32> =
        expected.as_chunks().0[6 * 1024..7 * 1024].iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    assert_eq!(with.parameters.of(LAYOUT.head_weight), row);
    assert_ne!(without.parameters.of(LAYOUT.head_weight), row);
    assert_eq!(with.parameters.of(LAYOUT.stem), without.parameters.of(LAYOUT.stem));
}
