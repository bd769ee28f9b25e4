//! Training in half precision.

#[path = "../../tasks/tests/runs/mod.rs"]
mod runs;

use lens_base::Control;
use lens_engine::policy::{DeviceRequest, PrecisionRequest, ScalerSettings};
use lens_model::{LAYOUT, Metadata, Model, Parameters};
use lens_runtime::{Classifier, Context, ContextOptions};
use lens_tasks::train::{TrainOptions, train};
use runs::{dataset, everything, goes_on_as_if_uninterrupted, options};
use std::sync::Arc;

fn with_precision(precision: PrecisionRequest) -> Arc<Context> {
    let device = DeviceRequest::Cpu;
    Context::new(ContextOptions { device, precision, ..ContextOptions::default() }).unwrap()
}

#[test]
fn interrupted_training_is_resumed_exactly() {
    let scaler = ScalerSettings { initial_scale: 2f64.powi(30), growth_interval: 3, ..ScalerSettings::AMD };
    let options = TrainOptions { scaler_settings: Some(scaler), ..everything() };
    goes_on_as_if_uninterrupted(&with_precision(PrecisionRequest::F16), "f16", options, &["loss_scale"]);
}

#[test]
fn half_precision_lowers_loss() {
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

/// One epoch of two steps, from known weights.
fn overflowing(scaler: ScalerSettings) -> (Classifier, Classifier) {
    let context = with_precision(PrecisionRequest::F16);
    let start = Model::new(Parameters::initial(3).unwrap(), Metadata::new(options().preprocessing, 0.5));
    let start = Classifier::new(&context, start).unwrap();
    let options = TrainOptions {
        epochs: 1,
        scaler_settings: Some(scaler),
        start_model: Some(Arc::new(start.clone())),
        ..options()
    };
    (start, train(&context, &dataset(16, 0), None, &options, &mut Control::default()).unwrap())
}

/// Whether all trained parameters are equal.
fn unmoved(one: &Classifier, other: &Classifier) -> bool {
    let (one, other) = (one.model().parameters().unwrap(), other.model().parameters().unwrap());
    let trained = LAYOUT.parameters().iter().enumerate().filter(|(_, spec)| spec.role.is_trained());
    trained.into_iter().all(|(index, _)| one.of(index) == other.of(index))
}

#[test]
fn f16_overflow_skips_step_and_lowers_scale() {
    let high = ScalerSettings { initial_scale: 2f64.powi(60), ..ScalerSettings::STANDARD };
    let (start, model) = overflowing(high);
    let epoch = &model.describe()["training"]["epochs"][0];
    assert_eq!((&epoch["skipped_steps"], &epoch["loss_scale"]), (&2.into(), &2f64.powi(58).into()), "{epoch}");
    assert!(unmoved(&start, &model));
    // With a scale low enough, parameters are updated.
    let (start, model) = overflowing(ScalerSettings { backoff_factor: 2f64.powi(-50), ..high });
    let epoch = &model.describe()["training"]["epochs"][0];
    assert_eq!((&epoch["skipped_steps"], &epoch["loss_scale"]), (&1.into(), &1024.0.into()), "{epoch}");
    assert!(epoch["loss"].is_number(), "{epoch}");
    assert!(!unmoved(&start, &model));
}
