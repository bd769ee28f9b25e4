//! Training through the crate's interface: what it promises of seeds, best models, records and cancelling.

mod runs;

use lens_base::{Cancel, Control, ErrorKind, Phase};
use lens_images::{Dataset, PixelFormat, PixelView, Windowing};
use lens_model::weights::WeightsOptions;
use lens_model::{LAYOUT, start_parameters};
use lens_runtime::{Classifier, Context, ContextOptions};
use lens_tasks::evaluate::{EvaluateOptions, evaluate};
use lens_tasks::train::{
    OptimizerKind, OptimizerOptions, ScheduleKind, ScheduleOptions, SelectBy, TrainOptions, train,
};
use runs::{dataset, everything, goes_on_as_if_uninterrupted, interrupted, options, trained_in};
use std::sync::Arc;

fn context() -> Arc<Context> {
    Context::new(ContextOptions::default()).unwrap()
}

fn trained(options: &TrainOptions) -> Classifier {
    trained_in(&context(), options)
}

#[test]
fn same_weights_of_a_seed() {
    let first = trained(&options());
    assert_eq!(first.sha256(), trained(&options()).sha256());
    assert_ne!(first.sha256(), trained(&TrainOptions { seed: 6, ..options() }).sha256());
}

#[test]
fn learning_and_best_epoch() {
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
    let kept = Classifier::load(model.context(), &run.join("best.safetensors")).unwrap();
    assert_eq!(kept.sha256(), model.sha256());
    let written: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(run.join("run.json")).unwrap()).unwrap();
    for (name, value) in record.as_object().unwrap() {
        assert_eq!(&written[name], value, "{name}");
    }
    // What is known of the machine is in the run's file, not in the model's.
    assert!(written["hardware"]["cpu"].is_object() && written["policy"]["threads"]["reason"].is_string());
    assert!(written["peak_memory_bytes"].as_u64().unwrap() > 100 << 20);
    let curves = lens_images::ImageFile::load(&run.join("curves.png"), 0).unwrap();
    assert!(curves.view().width() >= 800 && curves.view().height() >= 600);
}

#[test]
fn training_from_a_model() {
    let start = Arc::new(trained(&TrainOptions { epochs: 1, ..options() }));
    let before = start.sha256().to_string();
    let logits = |model: &Classifier| {
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
fn training_from_pytorch_weights() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("weights.pth");
    let packed = std::fs::File::open("../../tests/golden/weights/legacy_1000.pth.gz").unwrap();
    std::io::copy(&mut flate2::read::GzDecoder::new(packed), &mut std::fs::File::create(&path).unwrap()).unwrap();
    let tiny = TrainOptions { epochs: 1, learning_rate: 1e-12, start_weights: Some(path.clone()), ..options() };
    let model = trained(&tiny);
    let record = &model.describe()["training"]["start_weights"];
    assert_eq!((&record["head"]["rule"], &record["head"]["outputs"]), (&"random".into(), &1000.into()));
    // Nothing visible was learnt: the weights are the file's, and not those of the seed.
    let start = start_parameters(&std::fs::read(&path).unwrap(), &WeightsOptions::default(), 5).unwrap();
    let trained = model.model().parameters().unwrap();
    let stems = start.parameters.of(LAYOUT.stem).iter().zip(trained.of(LAYOUT.stem));
    assert!(stems.map(|(one, other)| (one - other).abs()).fold(0.0, f32::max) < 1e-6);
    let both = TrainOptions { start_model: Some(Arc::new(model)), ..tiny };
    let error = train(&context(), &dataset(8, 0), None, &both, &mut Control::default()).unwrap_err();
    assert!(error.message().contains("weights.pth and a start_model"), "{error}");
}

#[test]
fn cancelled_training() {
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
    let left: Vec<_> = std::fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["last.checkpoint"]);
}

#[test]
fn interrupted_and_resumed_runs() {
    let mut plain = TrainOptions { epochs: 3, ..options() };
    plain.optimizer.kind = OptimizerKind::Sgd;
    plain.schedule.kind = ScheduleKind::Cosine;
    for (about, options) in [("plain", plain), ("everything", everything())] {
        goes_on_as_if_uninterrupted(&context(), about, options, &[]);
    }
}

#[test]
fn unfinished_run() {
    let directory = tempfile::tempdir().unwrap();
    let options = TrainOptions { run_directory: Some(directory.path().into()), ..options() };
    interrupted(&context(), &options, Phase::Train, 3);
    let refused = |options: &TrainOptions, training: &Dataset| {
        let error = train(&context(), training, Some(&dataset(16, 100)), options, &mut Control::default()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Argument);
        error.to_string()
    };
    let training = dataset(33, 0);
    assert!(refused(&options, &training).contains("unfinished run, stopped in epoch 1: set resume"));
    let resume = TrainOptions { resume: true, ..options };
    let other_rate = TrainOptions { learning_rate: 0.5, ..resume.clone() };
    assert!(refused(&other_rate, &training).contains("learning_rate was 0.001 and is 0.5"));
    assert!(refused(&resume, &dataset(35, 0)).contains("training set"));
    let nowhere = TrainOptions { run_directory: None, ..resume.clone() };
    assert!(refused(&nowhere, &training).contains("run_directory"));
    // The number of epochs may be raised: a finished run goes on.
    let two = trained_in(&context(), &resume);
    let three = trained_in(&context(), &TrainOptions { epochs: 3, ..resume });
    assert_eq!(two.describe()["training"]["epochs"].as_array().unwrap().len(), 2);
    assert_eq!(three.describe()["training"]["epochs"].as_array().unwrap().len(), 3);
}

#[test]
fn early_stopping() {
    // A learning rate this low changes nothing that can be seen, so the first epoch stays the best.
    let still = TrainOptions {
        epochs: 50,
        learning_rate: 1e-30,
        early_stopping: Some(2),
        start_model: Some(Arc::new(trained(&TrainOptions { epochs: 1, ..options() }))),
        freeze_epochs: 50,
        ..options()
    };
    let model = trained(&still);
    let description = model.describe();
    let record = &description["training"];
    assert_eq!(record["epochs"].as_array().unwrap().len(), 3);
    assert_eq!((&record["best_epoch"], &record["ended"]), (&1.into(), &"early stopping".into()));
    let error = train(&context(), &dataset(8, 0), None, &still, &mut Control::default()).unwrap_err();
    assert!(error.message().contains("early_stopping_patience is 2"), "{error}");
}

#[test]
fn memory_cap() {
    let with_cap = |memory_cap| Context::new(ContextOptions { memory_cap, ..ContextOptions::default() }).unwrap();
    let model = trained_in(&with_cap(322 << 20), &options());
    let parts = model.describe()["training"]["micro_batch"].as_u64().unwrap();
    assert!((2..8).contains(&parts), "{parts}");
    let error = train(&with_cap(64 << 20), &dataset(8, 0), None, &options(), &mut Control::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutOfMemory);
    assert!(error.message().contains("64 MiB may be used"), "{error}");
}

#[test]
fn invalid_data_and_options() {
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
    let (adam, flat) = (OptimizerOptions::default(), ScheduleOptions::default());
    for (wrong, sign) in [
        (TrainOptions { epochs: 0, ..options.clone() }, "epochs is 0"),
        (TrainOptions { batch_size: 1, ..options.clone() }, "batch_size is 1"),
        (TrainOptions { learning_rate: f64::NAN, ..options.clone() }, "learning_rate is NaN"),
        (TrainOptions { pos_weight: Some(-2.0), ..options.clone() }, "pos_weight is -2"),
        (TrainOptions { threshold: 1.01, ..options.clone() }, "threshold is 1.01"),
        (TrainOptions { micro_batch: Some(1), ..options.clone() }, "micro_batch_size is 1"),
        (TrainOptions { clip_norm: Some(f64::INFINITY), ..options.clone() }, "clip_norm is inf"),
        (TrainOptions { label_smoothing: 1.0, ..options.clone() }, "label_smoothing is 1"),
        (TrainOptions { average_decay: Some(1.5), ..options.clone() }, "average_decay is 1.5"),
        (TrainOptions { freeze_epochs: 9, ..options.clone() }, "freeze_epochs is 9"),
        (
            TrainOptions { optimizer: OptimizerOptions { weight_decay: -1.0, ..adam }, ..options.clone() },
            "weight_decay is -1",
        ),
        (TrainOptions { optimizer: OptimizerOptions { momentum: 1.0, ..adam }, ..options.clone() }, "momentum is 1"),
        (
            TrainOptions { schedule: ScheduleOptions { warmup_epochs: 3.0, ..flat }, ..options.clone() },
            "warmup_epochs is 3",
        ),
        (
            TrainOptions { schedule: ScheduleOptions { final_learning_rate: 0.5, ..flat }, ..options.clone() },
            "final_learning_rate is 0.5",
        ),
        (
            TrainOptions { schedule: ScheduleOptions { plateau_factor: 1.0, ..flat }, ..options.clone() },
            "plateau_factor is 1",
        ),
    ] {
        let error = refused(&both, None, &wrong);
        assert_eq!(error.kind(), ErrorKind::Argument);
        assert!(error.message().contains(sign), "{error}");
    }
    assert!(!run.exists());
}
