//! Training in half precision, which libtorch does.

use lens_base::{Control, ErrorKind, Phase};
use lens_engine::policy::{DeviceRequest, PrecisionRequest, ScalerSettings};
use lens_images::{Dataset, PixelFormat, PixelView, Preprocessing, Windowing};
use lens_model::{LAYOUT, Metadata, Model, Parameters};
use lens_runtime::{Classifier, Context, ContextOptions};
use lens_tasks::train::{
    OptimizerKind, OptimizerOptions, ScheduleKind, ScheduleOptions, SelectBy, TrainOptions, train,
};
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

/// Stops a run after so many batches of a phase.
fn interrupted(context: &Arc<Context>, options: &TrainOptions, phase: Phase, batches: usize) {
    let mut done = 0;
    let mut control = Control::new(
        Some(Box::new(move |update| {
            done += usize::from(update.phase == phase);
            done < batches
        })),
        None,
    );
    let (training, validation) = (dataset(33, 0), dataset(16, 100));
    let error = train(context, &training, Some(&validation), options, &mut control).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
}

fn with_precision(precision: PrecisionRequest) -> Arc<Context> {
    let device = DeviceRequest::Cpu;
    Context::new(ContextOptions { device, precision, ..ContextOptions::default() }).unwrap()
}

fn trained_in(context: &Arc<Context>, options: &TrainOptions) -> Classifier {
    train(context, &dataset(33, 0), Some(&dataset(16, 100)), options, &mut Control::default()).unwrap()
}

#[test]
fn a_run_that_was_interrupted_ends_with_the_weights_it_would_have_had() {
    let mut everything = TrainOptions {
        epochs: 3,
        label_smoothing: 0.1,
        average_decay: Some(0.9),
        clip_norm: Some(1.0),
        freeze_epochs: 1,
        select_by: SelectBy::Loss,
        grad_scaler: Some(ScalerSettings { initial_scale: 2f64.powi(30), growth_interval: 3, ..ScalerSettings::AMD }),
        ..options()
    };
    everything.optimizer = OptimizerOptions { kind: OptimizerKind::AdamW, weight_decay: 0.05, momentum: 0.9 };
    everything.schedule = ScheduleOptions {
        kind: ScheduleKind::Plateau,
        warmup_epochs: 0.5,
        plateau_patience: 0,
        ..ScheduleOptions::default()
    };
    let context = with_precision(PrecisionRequest::F16);
    let expected = trained_in(&context, &everything);
    let directory = tempfile::tempdir().unwrap();
    let options = TrainOptions { run_directory: Some(directory.path().into()), resume: true, ..everything };
    // An epoch has four batches to train and two to validate.
    for (phase, batches) in [(Phase::Train, 2), (Phase::Train, 3), (Phase::Validate, 1), (Phase::Train, 3)] {
        interrupted(&context, &options, phase, batches);
    }
    let resumed = trained_in(&context, &options);
    assert_eq!(resumed.sha256(), expected.sha256());
    let (record, unbroken) = (&resumed.describe()["training"], &expected.describe()["training"]);
    assert_eq!(record["resumed"], 4);
    for (epoch, unbroken) in record["epochs"].as_array().unwrap().iter().zip(unbroken["epochs"].as_array().unwrap()) {
        for name in ["loss", "validation_loss", "auc", "learning_rate", "loss_scale", "skipped_steps"] {
            assert_eq!(epoch[name], unbroken[name], "{name}");
        }
    }
    // Once more: there is nothing left to do, and the same model comes back.
    assert_eq!(trained_in(&context, &options).sha256(), expected.sha256());
}

#[test]
fn half_precision_learns_too() {
    for precision in [PrecisionRequest::Bf16, PrecisionRequest::F16] {
        let context = with_precision(precision);
        // Without a validation set: half precision is slow on a CPU.
        let options = TrainOptions { epochs: 4, ..options() };
        let model = train(&context, &dataset(16, 0), None, &options, &mut Control::default()).unwrap();
        let description = model.describe();
        let epochs = description["training"]["epochs"].as_array().unwrap();
        let loss = |epoch: usize| epochs[epoch]["loss"].as_f64().unwrap();
        assert!(loss(3) < 0.8 * loss(0), "{precision:?}: {} {}", loss(0), loss(3));
        assert_eq!(epochs[3]["loss_scale"].is_number(), precision == PrecisionRequest::F16);
    }
}

/// One epoch of two steps, from weights that are known.
fn overflowing(scaler: ScalerSettings) -> (Classifier, Classifier) {
    let context = with_precision(PrecisionRequest::F16);
    let start = Model::new(Parameters::initial(3).unwrap(), Metadata::new(options().preprocessing, 0.5));
    let start = Classifier::new(&context, start).unwrap();
    let options =
        TrainOptions { epochs: 1, grad_scaler: Some(scaler), start_model: Some(Arc::new(start.clone())), ..options() };
    (start, train(&context, &dataset(16, 0), None, &options, &mut Control::default()).unwrap())
}

/// Whether all trained numbers are the same.
fn unmoved(one: &Classifier, other: &Classifier) -> bool {
    let (one, other) = (one.model().parameters(), other.model().parameters());
    let trained = LAYOUT.parameters().iter().enumerate().filter(|(_, spec)| spec.role.is_trained());
    trained.into_iter().all(|(index, _)| one.of(index) == other.of(index))
}

#[test]
fn an_overflow_in_f16_skips_the_step_and_lowers_the_scale() {
    let high = ScalerSettings { initial_scale: 2f64.powi(60), ..ScalerSettings::STANDARD };
    let (start, model) = overflowing(high);
    let epoch = &model.describe()["training"]["epochs"][0];
    assert_eq!((&epoch["skipped_steps"], &epoch["loss_scale"]), (&2.into(), &2f64.powi(58).into()), "{epoch}");
    assert!(unmoved(&start, &model));
    // Low enough, it learns.
    let (start, model) = overflowing(ScalerSettings { backoff_factor: 2f64.powi(-50), ..high });
    let epoch = &model.describe()["training"]["epochs"][0];
    assert_eq!((&epoch["skipped_steps"], &epoch["loss_scale"]), (&1.into(), &1024.0.into()), "{epoch}");
    assert!(epoch["loss"].is_number(), "{epoch}");
    assert!(!unmoved(&start, &model));
}
