use super::*;
use lens_engine::OptimizerKind;
use lens_engine::policy::{Precision, ScalerSettings};
use lens_engine::torch_table::TorchSettings;
use lens_images::ImageView;
use lens_model::{LAYOUT, Parameters, TrainingParameters};

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

fn buffers(learner: &TorchLearner) -> [Vec<f32>; 2] {
    [read(learner, Slot::Values), read(learner, Slot::Statistics)]
}

/// One step on all images in one part.
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
fn parts_count_by_their_share() {
    let memory = memory();
    let mut learner = learner(Precision::F32, &SETTINGS);
    learner.begin(true).unwrap();
    learner.accumulate(&images(&memory, 0..8), &TARGETS, POS_WEIGHT, 1.0).unwrap();
    let whole = learner.step.as_ref().unwrap().gradients.copy();
    learner.begin(true).unwrap();
    let mut loss = 0.0;
    for part in [0..2, 2..8] {
        let share = part.len() as f64 / 8.0;
        let targets = &TARGETS[part.clone()];
        loss += learner.accumulate(&images(&memory, part), targets, POS_WEIGHT, share).unwrap() * share;
    }
    let parts = &learner.step.as_ref().unwrap().gradients;
    let difference = ((parts - &whole).norm() / whole.norm()).double_value(&[]);
    assert!(difference < 1e-4, "{difference}");
    assert!(loss > 0.0);
}

#[test]
fn an_abandoned_step_changes_nothing() {
    let memory = memory();
    let mut learner = learner(Precision::F32, &SETTINGS);
    let before = buffers(&learner);
    learner.begin(false).unwrap();
    learner.accumulate(&images(&memory, 0..4), &TARGETS[..4], POS_WEIGHT, 0.5).unwrap();
    assert_ne!(buffers(&learner), before);
    learner.abandon().unwrap();
    assert_eq!(buffers(&learner), before);
    let error = learner.update(&STEP).unwrap_err();
    assert!(error.message().contains("no step was begun"), "{error}");
    assert!(learner.accumulate(&images(&memory, 0..4), &TARGETS[..4], POS_WEIGHT, 0.5).is_err());
}

#[test]
fn a_frozen_backbone_stays_as_it_is_while_the_head_learns() {
    let mut learner = learner(Precision::F32, &SETTINGS);
    let [values, statistics] = buffers(&learner);
    assert!(learn(&mut learner, true, &UpdateStep { learning_rate: 1e-2, ..STEP }));
    let [after, statistics_after] = buffers(&learner);
    let head = learner.network.head_start() as usize;
    assert_eq!(statistics, statistics_after);
    assert_eq!(values[..head], after[..head]);
    let changed = values[head..].iter().zip(&after[head..]).filter(|(before, after)| before != after).count();
    assert!(changed > 100, "{changed}");
}

#[test]
fn a_clipped_gradient_makes_a_step_of_that_length() {
    let mut learner = learner(Precision::F32, &LearnerSettings { optimizer: OptimizerKind::Sgd, ..SETTINGS });
    let before = learner.network.values().copy();
    assert!(learn(&mut learner, false, &UpdateStep { learning_rate: 1.0, clip_norm: Some(0.25), ..STEP }));
    let length = (learner.network.values() - before).norm().double_value(&[]);
    assert!((length - 0.25).abs() < 1e-3, "{length}");
    let error = learner.read(Slot::SecondMoment, &mut []).unwrap_err();
    assert!(error.message().contains("SGD"), "{error}");
}

#[test]
fn an_overflow_in_f16_skips_the_step_and_lowers_the_scale() {
    let scaler = ScalerSettings { initial_scale: 2f64.powi(60), ..ScalerSettings::STANDARD };
    let mut learner = learner(Precision::F16, &LearnerSettings { scaler: Some(scaler), ..SETTINGS });
    let values = read(&learner, Slot::Values);
    assert!(!learn(&mut learner, false, &STEP));
    assert_eq!(read(&learner, Slot::Values), values);
    assert!(read(&learner, Slot::Statistics).iter().all(|value| value.is_finite()));
    assert_eq!(learner.scaler().unwrap().scale, 2f64.powi(59));
    // Low enough, it learns.
    learner.set_scaler(ScalerState { scale: 1024.0, good_steps: 0 }).unwrap();
    assert!(learn(&mut learner, false, &STEP));
    assert_ne!(read(&learner, Slot::Values), values);
    assert_eq!(learner.scaler(), Some(ScalerState { scale: 1024.0, good_steps: 1 }));
}

#[test]
fn bf16_learns() {
    let mut learner = learner(Precision::Bf16, &SETTINGS);
    let values = read(&learner, Slot::Values);
    assert!(learn(&mut learner, false, &STEP));
    assert_ne!(read(&learner, Slot::Values), values);
    assert!(learner.is_finite().unwrap() && learner.scaler().is_none());
    assert!(learner.set_scaler(ScalerState { scale: 1.0, good_steps: 0 }).is_err());
}

#[test]
fn the_average_follows_weights_and_statistics_and_computes() {
    let mut learner = learner(Precision::F32, &LearnerSettings { average: true, ..SETTINGS });
    let (trained, other) = (LAYOUT.trained_count(), LAYOUT.statistics_count());
    let memory = memory();
    let images = images(&memory, 0..2);
    let logits = |learner: &TorchLearner, weights| {
        let mut logits = [0.0; 2];
        learner.logits(&images, weights, &mut logits).unwrap();
        logits
    };
    assert_eq!(logits(&learner, Weights::Average), logits(&learner, Weights::Current));
    let start = read(&learner, Slot::AverageValues);
    let moved: Vec<f32> = start.iter().map(|value| value + 0.25).collect();
    learner.write(Slot::Values, &moved).unwrap();
    assert_ne!(logits(&learner, Weights::Average), logits(&learner, Weights::Current));
    learner.write(Slot::Values, &vec![1.0; trained]).unwrap();
    learner.write(Slot::Statistics, &vec![2.0; other]).unwrap();
    learner.write(Slot::AverageValues, &vec![0.0; trained]).unwrap();
    learner.write(Slot::AverageStatistics, &vec![0.0; other]).unwrap();
    for expected in [0.25, 0.4375] {
        learner.blend_average(0.25).unwrap();
        assert!(read(&learner, Slot::AverageValues).iter().all(|value| (value - expected).abs() < 1e-6));
        assert!(read(&learner, Slot::AverageStatistics).iter().all(|value| (value - 2.0 * expected).abs() < 1e-6));
    }
    assert_eq!(read(&learner, Slot::Values), vec![1.0; trained]);
    let error = learner.write(Slot::Values, &[1.0]).unwrap_err();
    assert!(error.message().contains("1 numbers"), "{error}");
}

#[test]
fn certainty_that_is_wrong_by_a_twentieth_costs_a_twentieth() {
    let logits = Tensor::from_slice(&[20f32, -20.0]);
    let loss = |targets: &[f32]| mean_loss(&logits, targets, 1.0).unwrap().double_value(&[]);
    assert!(loss(&[1.0, 0.0]) < 1e-6);
    assert!((loss(&[0.95, 0.05]) - 1.0).abs() < 1e-5);
    let weighted = mean_loss(&logits, &[1.0, 1.0], 3.0).unwrap().double_value(&[]);
    assert!((weighted - 30.0).abs() < 1e-4, "{weighted}");
}
