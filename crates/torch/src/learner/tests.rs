use super::*;
use lens_engine::OptimizerKind;
use lens_engine::policy::{Precision, ScalerSettings};
use lens_engine::torch_table::TorchSettings;
use lens_images::ImageView;
use lens_model::{Parameters, TrainingParameters};

const TARGETS: [f32; 8] = [1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 0.0];
const SIDE: usize = 32;
const POS_WEIGHT: f64 = 1.5;
const STEP: UpdateStep = UpdateStep { momentum: 0.9, ..UpdateStep::PYTORCH };
const SETTINGS: LearnerSettings = LearnerSettings { optimizer: OptimizerKind::Adam, scaler: None, average: false };

/// Gray images, one after the other.
fn memory() -> Vec<f32> {
    let image = |image: usize| (0..SIDE * SIDE).map(move |pixel| (pixel * (image + 3) % 251) as f32 / 250.0);
    (0..TARGETS.len()).flat_map(image).collect()
}

fn images(memory: &[f32], range: std::ops::Range<usize>) -> Images<'_> {
    let view = |index| ImageView { memory, offset: index * SIDE * SIDE, row_step: SIDE, channels: 1 };
    Images { width: SIDE, height: SIDE, views: range.map(view).collect() }
}

fn learner(precision: Precision, settings: &LearnerSettings) -> TorchLearner {
    let engine = TorchEngine::new(TorchSettings {
        threads: 2,
        gpu: None,
        precision,
        channels_last: true,
        tf32: false,
        benchmark: false,
        deterministic: true,
        take_turns: false,
    });
    let start = TrainingParameters::of(&Parameters::initial(3).unwrap()).unwrap();
    TorchLearner::new(&Arc::new(engine.unwrap()), settings, &start.values, &start.statistics).unwrap()
}

fn read(learner: &TorchLearner, slot: Slot) -> Vec<f32> {
    let mut values = vec![0.0; learner.buffer(slot).unwrap().numel()];
    learner.read(slot, &mut values).unwrap();
    values
}

/// A step on all images at once.
fn learn(learner: &mut TorchLearner, head_only: bool, step: &UpdateStep) -> bool {
    let memory = memory();
    learner.begin(head_only).unwrap();
    learner.accumulate(&images(&memory, 0..TARGETS.len()), &TARGETS, POS_WEIGHT, 1.0).unwrap();
    learner.update(step).unwrap()
}

#[test]
fn steps_lower_the_loss() {
    let memory = memory();
    let mut learner = learner(Precision::F32, &SETTINGS);
    let mut losses = Vec::new();
    for step in 1..=4 {
        learner.begin(false).unwrap();
        let loss = learner.accumulate(&images(&memory, 0..8), &TARGETS, POS_WEIGHT, 1.0).unwrap();
        losses.push(loss);
        assert!(learner.update(&UpdateStep { step, ..STEP }).unwrap());
    }
    assert!(losses[3] < losses[0], "{losses:?}");
    assert!(learner.is_finite().unwrap());
}

#[test]
fn f16_overflow_skips_step_and_lowers_scale() {
    let scaler = ScalerSettings { initial_scale: 2f64.powi(60), ..ScalerSettings::STANDARD };
    let mut learner = learner(Precision::F16, &LearnerSettings { scaler: Some(scaler), ..SETTINGS });
    let values = read(&learner, Slot::Values);
    assert!(!learn(&mut learner, false, &STEP));
    assert_eq!(read(&learner, Slot::Values), values);
    assert!(read(&learner, Slot::Statistics).iter().all(|value| value.is_finite()));
    assert_eq!(learner.scaler().unwrap().scale, 2f64.powi(59));
    // With a scale low enough, parameters are updated.
    learner.set_scaler(ScalerState { scale: 1024.0, good_steps: 0 }).unwrap();
    assert!(learn(&mut learner, false, &STEP));
    assert_ne!(read(&learner, Slot::Values), values);
    assert_eq!(learner.scaler(), Some(ScalerState { scale: 1024.0, good_steps: 1 }));
}

#[test]
fn bf16_step() {
    let mut learner = learner(Precision::Bf16, &SETTINGS);
    let values = read(&learner, Slot::Values);
    assert!(learn(&mut learner, false, &STEP));
    assert_ne!(read(&learner, Slot::Values), values);
    assert!(learner.is_finite().unwrap() && learner.scaler().is_none());
    assert!(learner.set_scaler(ScalerState { scale: 1.0, good_steps: 0 }).is_err());
}

#[test]
fn loss_of_confident_errors() {
    let logits = Tensor::from_slice(&[20f32, -20.0]);
    let loss = |targets: &[f32]| mean_loss(&logits, targets, 1.0).unwrap().double_value(&[]);
    assert!(loss(&[1.0, 0.0]) < 1e-6);
    assert!((loss(&[0.95, 0.05]) - 1.0).abs() < 1e-5);
    let weighted = mean_loss(&logits, &[1.0, 1.0], 3.0).unwrap().double_value(&[]);
    assert!((weighted - 30.0).abs() < 1e-4, "{weighted}");
}
