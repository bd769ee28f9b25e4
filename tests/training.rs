//! Training through the crate's interface: what it promises of seeds, best models, records and cancelling.

use lesionlens::ErrorKind;
use lesionlens::data::{Dataset, PixelFormat, PixelView, Preprocessing, Windowing};
use lesionlens::evaluate::{EvaluateOptions, evaluate};
use lesionlens::model::Model;
use lesionlens::runtime::{Cancel, Context, ContextOptions, Control, Phase};
use lesionlens::train::{SelectBy, TrainOptions, train};
use std::sync::Arc;

/// Pictures with a bright square (positive) or a bright bar (negative) somewhere.
fn dataset(count: usize, offset: usize) -> Dataset {
    let mut dataset = Dataset::default();
    for index in 0..count {
        let (seed, positive) = (index + offset, index % 2 == 1);
        let (left, top) = (seed * 7 % 24, seed * 5 % 24);
        let pixels: Vec<u8> = (0..48 * 48)
            .map(|pixel| {
                let (x, y) = (pixel % 48, pixel / 48);
                let (width, height) = if positive { (16, 16) } else { (40, 5) };
                let inside = (left..left + width).contains(&x) && (top..top + height).contains(&y);
                (seed * 31 + pixel * 17) as u8 % 60 + if inside { 150 } else { 20 }
            })
            .collect();
        let view = PixelView::new(&pixels, 48, 48, 48, PixelFormat::Gray8, Windowing::default()).unwrap();
        dataset.add(&view, i32::from(positive), None).unwrap();
    }
    dataset
}

fn options() -> TrainOptions {
    TrainOptions {
        epochs: 2,
        batch_size: 8,
        learning_rate: 1e-3,
        seed: 5,
        preprocessing: Preprocessing { image_size: 32, ..Preprocessing::default() },
        ..TrainOptions::default()
    }
}

fn context() -> Arc<Context> {
    Context::new(ContextOptions::default()).unwrap()
}

fn trained(options: &TrainOptions) -> Model {
    train(&context(), &dataset(33, 0), Some(&dataset(16, 100)), options, &mut Control::default()).unwrap()
}

#[test]
fn a_seed_gives_the_same_weights_bit_for_bit() {
    let first = trained(&options());
    assert_eq!(first.sha256(), trained(&options()).sha256());
    assert_ne!(first.sha256(), trained(&TrainOptions { seed: 6, ..options() }).sha256());
}

#[test]
fn it_learns_and_the_returned_model_is_the_best_epochs() {
    let directory = tempfile::tempdir().unwrap();
    let options = TrainOptions {
        epochs: 6,
        select_by: SelectBy::Auc,
        run_directory: Some(directory.path().join("made/for/it")),
        ..options()
    };
    let model = trained(&options);
    let description = model.describe();
    let record = &description["training"];
    let epochs = record["epochs"].as_array().unwrap();
    let aucs: Vec<f64> = epochs.iter().map(|epoch| epoch["auc"].as_f64().unwrap()).collect();
    let best = aucs.iter().copied().fold(0.0, f64::max);
    assert!(best > 0.9, "{aucs:?}");
    // The earliest of equals.
    let earliest = aucs.iter().position(|auc| *auc == best).unwrap() + 1;
    assert_eq!(record["best_epoch"], earliest);
    assert_eq!(record["model_sha256"], model.sha256());

    let report = evaluate(&model, &dataset(16, 100), &EvaluateOptions::default(), &mut Control::default()).unwrap();
    assert!((report["metrics"]["roc_auc"].as_f64().unwrap() - best).abs() < 1e-9);

    let run = directory.path().join("made/for/it");
    let kept = Model::load(model.context(), &run.join("best.safetensors")).unwrap();
    assert_eq!(kept.sha256(), model.sha256());
    let written: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(run.join("run.json")).unwrap()).unwrap();
    assert_eq!(&written, record);
}

#[test]
fn training_goes_on_from_a_model_and_leaves_it_alone() {
    let start = Arc::new(trained(&TrainOptions { epochs: 1, ..options() }));
    let before = start.sha256().to_string();
    let logits = |model: &Model| {
        let report = evaluate(model, &dataset(8, 40), &EvaluateOptions::default(), &mut Control::default()).unwrap();
        report["results"].as_array().unwrap().iter().map(|r| r["logit"].as_f64().unwrap()).collect::<Vec<_>>()
    };
    let logits_before = logits(&start);
    let tiny = TrainOptions { epochs: 1, learning_rate: 1e-12, start_model: Some(Arc::clone(&start)), ..options() };
    let next = trained(&tiny);
    assert_eq!(start.sha256(), before);
    assert_eq!(logits(&start), logits_before);
    assert_ne!(next.sha256(), before);
    assert_eq!(next.describe()["training"]["options"]["start_model"], before);
}

#[test]
fn cancelling_stops_within_a_batch_and_writes_no_model() {
    let directory = tempfile::tempdir().unwrap();
    let options = TrainOptions { run_directory: Some(directory.path().into()), ..options() };
    let cancel = Cancel::default();
    let (trigger, mut batches) = (cancel.clone(), 0);
    let mut control = Control::new(
        Some(Box::new(|update| {
            if update.phase == Phase::Train {
                batches += 1;
                trigger.trigger();
            }
            true
        })),
        Some(cancel),
    );
    let error = train(&context(), &dataset(32, 0), None, &options, &mut control).unwrap_err();
    drop(control);
    assert_eq!((error.kind(), batches), (ErrorKind::Cancelled, 1));
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn data_that_cannot_be_trained_on_is_refused_before_anything_happens() {
    let directory = tempfile::tempdir().unwrap();
    let run = directory.path().join("run");
    let options = TrainOptions { run_directory: Some(run.clone()), ..options() };
    let refused = |training: &Dataset, validation: Option<&Dataset>, options: &TrainOptions| {
        train(&context(), training, validation, options, &mut Control::default()).unwrap_err()
    };
    let both = dataset(8, 0);
    let (_, negatives) = both.split(0.5, 0).unwrap();
    assert_eq!(refused(&Dataset::default(), None, &options).kind(), ErrorKind::Data);
    let mut one_class = Dataset::default();
    let view = PixelView::new(&[9; 4], 2, 2, 2, PixelFormat::Gray8, Windowing::default()).unwrap();
    one_class.add(&view, 1, None).unwrap();
    let error = refused(&one_class, None, &options);
    assert!(error.message().contains("1 positive and 0 negative"), "{error}");
    let error = refused(&both, Some(&Dataset::default()), &options);
    assert!(error.message().contains("validation set is empty"), "{error}");
    let auc = TrainOptions { select_by: SelectBy::Auc, ..options.clone() };
    assert!(refused(&negatives, Some(&one_class), &auc).message().contains("validation"));
    for (wrong, sign) in [
        (TrainOptions { epochs: 0, ..options.clone() }, "epochs 0"),
        (TrainOptions { batch_size: 1, ..options.clone() }, "batch_size 1"),
        (TrainOptions { learning_rate: f64::NAN, ..options.clone() }, "learning_rate NaN"),
        (TrainOptions { pos_weight: Some(-2.0), ..options.clone() }, "pos_weight -2"),
        (TrainOptions { threshold: 1.01, ..options.clone() }, "threshold 1.01"),
    ] {
        let error = refused(&both, None, &wrong);
        assert_eq!(error.kind(), ErrorKind::Argument);
        assert!(error.message().contains(sign), "{error}");
    }
    assert!(!run.exists());
}
