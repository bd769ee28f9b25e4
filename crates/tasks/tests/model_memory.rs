//! What models take of memory, and that they give it back. Alone in its process: it measures.

use lens_base::{Control, LogLevel};
use lens_images::{PixelFormat, PixelView};
use lens_model::{Metadata, Model, Parameters};
use lens_runtime::{Classifier, Context, ContextOptions, FileFormat};
use lens_system::resident_memory_bytes;
use lens_tasks::classify::{ClassifyOptions, classify};
use std::path::Path;
use std::sync::{Arc, Mutex};

fn resident_megabytes() -> f64 {
    resident_memory_bytes().unwrap() as f64 / 1e6
}

fn logit(model: &Classifier) -> f32 {
    let pixels: Vec<u8> = (0..64 * 64).map(|pixel| (pixel * 7 % 251) as u8).collect();
    let image = PixelView::plain(&pixels, 64, 64, PixelFormat::Gray8).unwrap();
    classify(model, &[image], &ClassifyOptions::default(), &mut Control::default()).unwrap()[0].logit
}

fn loaded(context: &Arc<Context>, path: &Path) -> (Classifier, f32) {
    let model = Classifier::load(context, path).unwrap();
    let logit = logit(&model);
    (model, logit)
}

#[test]
fn memory_of_models() {
    let messages = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&messages);
    let context = Context::new(ContextOptions {
        log: Some(Box::new(move |_: LogLevel, text: &str| sink.lock().unwrap().push(text.to_string()))),
        log_level: LogLevel::Info,
        threads: 2,
        ..ContextOptions::default()
    })
    .unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("model.safetensors");
    let mut metadata = Metadata::default();
    metadata.preprocessing.image_size = 64;
    let trained = Classifier::new(&context, Model::new(Parameters::initial(2).unwrap(), metadata)).unwrap();
    trained.save(&path, FileFormat::Safetensors).unwrap();
    let expected = logit(&trained);
    drop(trained);

    // What is set up once.
    let first = loaded(&context, &path);
    let packed = {
        let messages = messages.lock().unwrap();
        let figure = messages.iter().find_map(|text| text.split_once("packed weights: ")).unwrap().1;
        figure.trim_end_matches(" MB").parse::<f64>().unwrap()
    };
    let with_one = resident_megabytes();
    let others: Vec<_> = (0..3).map(|_| loaded(&context, &path)).collect();
    let each = (resident_megabytes() - with_one) / 3.0;
    assert!(each <= 1.1 * packed, "a further model takes {each:.1} MB, its packed weights {packed}");
    // With far less the packed weights would not be in memory, and nothing would have been measured.
    assert!(each > 0.9 * packed, "a further model takes {each:.1} MB, its packed weights {packed}");
    assert!(others.iter().chain([&first]).all(|(_, logit)| *logit == expected));
    drop(others);
    let after = resident_megabytes();
    assert!(after < with_one + 0.1 * packed, "{after:.1} MB after freeing three models, {with_one:.1} before");

    // What needs the numbers reads them again, and not another's.
    let copy = directory.path().join("copy.safetensors");
    first.0.save(&copy, FileFormat::Safetensors).unwrap();
    assert_eq!(std::fs::read(&copy).unwrap(), std::fs::read(&path).unwrap());
    let other = Model::new(Parameters::initial(3).unwrap(), Metadata::default()).to_safetensors().unwrap();
    std::fs::write(&path, other).unwrap();
    let error = first.0.save(&copy, FileFormat::Safetensors).unwrap_err();
    assert!(error.message().contains("was changed since the model was loaded from it"), "{error}");
    assert_eq!(logit(&first.0), expected);
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 2);
}
