//! Runs of training, on images that are quickly learned, for the tests of every engine.

use lens_base::{Control, ErrorKind, Phase};
use lens_images::{Dataset, PixelFormat, PixelView, Preprocessing, Windowing};
use lens_runtime::{Classifier, Context};
use lens_tasks::train::{
    OptimizerKind, OptimizerOptions, ScheduleKind, ScheduleOptions, SelectBy, TrainOptions, train,
};
use std::sync::Arc;

/// Images with a bright square (positive) or a bright bar (negative) somewhere.
pub fn dataset(count: usize, offset: usize) -> Dataset {
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

pub fn options() -> TrainOptions {
    TrainOptions {
        epochs: 2,
        batch_size: 8,
        learning_rate: 1e-3,
        seed: 5,
        preprocessing: Preprocessing { image_size: 32, ..Preprocessing::default() },
        ..TrainOptions::default()
    }
}

/// With everything that a run has to remember, but loss scaling.
pub fn everything() -> TrainOptions {
    TrainOptions {
        epochs: 3,
        label_smoothing: 0.1,
        average_decay: Some(0.9),
        clip_norm: Some(1.0),
        freeze_epochs: 1,
        select_by: SelectBy::Loss,
        optimizer: OptimizerOptions { kind: OptimizerKind::AdamW, weight_decay: 0.05, momentum: 0.9 },
        schedule: ScheduleOptions {
            kind: ScheduleKind::Plateau,
            warmup_epochs: 0.5,
            plateau_patience: 0,
            ..ScheduleOptions::default()
        },
        ..options()
    }
}

/// Stops a run after so many batches of a phase.
pub fn interrupted(context: &Arc<Context>, options: &TrainOptions, phase: Phase, batches: usize) {
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

pub fn trained_in(context: &Arc<Context>, options: &TrainOptions) -> Classifier {
    train(context, &dataset(33, 0), Some(&dataset(16, 100)), options, &mut Control::default()).unwrap()
}

/// A run that is interrupted four times ends with the weights and the figures of one that is not.
pub fn goes_on_as_if_uninterrupted(context: &Arc<Context>, about: &str, options: TrainOptions, figures: &[&str]) {
    let expected = trained_in(context, &options);
    let directory = tempfile::tempdir().unwrap();
    let options = TrainOptions { run_directory: Some(directory.path().into()), resume: true, ..options };
    // An epoch has four batches to train and two to validate.
    for (phase, batches) in [(Phase::Train, 2), (Phase::Train, 3), (Phase::Validate, 1), (Phase::Train, 3)] {
        interrupted(context, &options, phase, batches);
    }
    let resumed = trained_in(context, &options);
    assert_eq!(resumed.sha256(), expected.sha256(), "{about}");
    let (record, unbroken) = (&resumed.describe()["training"], &expected.describe()["training"]);
    assert_eq!(record["resumed"], 4);
    for (epoch, unbroken) in record["epochs"].as_array().unwrap().iter().zip(unbroken["epochs"].as_array().unwrap()) {
        for figure in ["loss", "validation_loss", "auc", "learning_rate", "skipped_steps"].iter().chain(figures) {
            assert_eq!(epoch[figure], unbroken[figure], "{about} {figure}");
        }
    }
    // Once more: there is nothing left to do, and the same model comes back.
    assert_eq!(trained_in(context, &options).sha256(), expected.sha256());
}
