use super::*;
use crate::kernels::vector::Instructions;
use lens_base::ErrorKind;
use lens_images::ImageView;
use serde_json::Value;

const STEP: UpdateStep = UpdateStep { learning_rate: 0.05, momentum: 0.9, ..UpdateStep::PYTORCH };

fn learner(optimizer: OptimizerKind, start: &TrainingParameters) -> CpuLearner {
    let settings = LearnerSettings { optimizer, scaler: None, average: true };
    CpuLearner::new(Arc::new(Pool::new(3, 3)), Instructions::best(), start, &settings).unwrap()
}

/// Four numbers of a convolution and one of a norm, as far apart as they are in the buffer.
fn places() -> [usize; 5] {
    let places = LAYOUT.places();
    let (weight, norm) = (&places[LAYOUT.blocks[2][1].conv1], &places[LAYOUT.last_norm.bias]);
    [weight.start, weight.start + 1, weight.start + 70, weight.end - 1, norm.start]
}

/// Three steps over five numbers of which the last does not decay, as tests/golden/optimizers.py does them.
#[test]
fn steps_are_pytorchs() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/golden/optimizers.json");
    let golden: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    for (name, kind, weight_decay) in [
        ("adam", OptimizerKind::Adam, 0.0),
        ("adam_decay", OptimizerKind::Adam, 0.1),
        ("adamw", OptimizerKind::AdamW, 0.1),
        ("sgd", OptimizerKind::Sgd, 0.1),
    ] {
        let mut start = TrainingParameters::zeroed().unwrap();
        for (place, value) in places().into_iter().zip([1.0, -2.0, 0.5, 3.0, -1.0]) {
            start.values[place] = value;
        }
        let mut learner = learner(kind, &start);
        for step in 0..3 {
            learner.begin(false).unwrap();
            for (place, gradient) in places().into_iter().zip([0.1, -0.4, 2.0, 0.0, -3.0]) {
                learner.gradients[place] = gradient * (step + 1) as f32 - step as f32 * 0.3;
            }
            assert!(learner.update(&UpdateStep { weight_decay, step: step + 1, ..STEP }).unwrap());
        }
        for (index, place) in places().into_iter().enumerate() {
            let (found, expected) = (learner.current.values[place], golden[name][index].as_f64().unwrap());
            let error = (f64::from(found) - expected).abs();
            assert!(error < 2e-6, "{name}[{index}]: {found}, PyTorch {expected}");
        }
        let moved = learner.current.values.iter().filter(|value| **value != 0.0).count();
        assert_eq!(moved, places().len(), "{name}");
    }
}

#[test]
fn gradients_are_shortened_to_a_norm_and_shorter_ones_left_alone() {
    for (most, expected) in [(2.5, 0.5), (100.0, 1.0)] {
        let mut learner = learner(OptimizerKind::Sgd, &TrainingParameters::zeroed().unwrap());
        learner.begin(false).unwrap();
        let [first, .., last] = places();
        (learner.gradients[first], learner.gradients[last]) = (3.0, -4.0);
        learner.update(&UpdateStep { learning_rate: 1.0, clip_norm: Some(most), ..STEP }).unwrap();
        for (place, gradient) in [(first, 3.0), (last, -4.0)] {
            let found = learner.current.values[place];
            assert!((found + expected * gradient).abs() < 1e-5, "{most}: {found}");
        }
    }
}

#[test]
fn a_step_of_the_head_moves_nothing_else() {
    for kind in [OptimizerKind::Adam, OptimizerKind::AdamW, OptimizerKind::Sgd] {
        let mut start = TrainingParameters::zeroed().unwrap();
        start.values.fill(1.0);
        let mut learner = learner(kind, &start);
        learner.begin(true).unwrap();
        learner.gradients.fill(1.0);
        learner.update(&UpdateStep { weight_decay: 0.1, clip_norm: Some(1e3), ..STEP }).unwrap();
        let (before, head) = learner.current.values.split_at(LAYOUT.places()[LAYOUT.head_weight].start);
        assert!(before.iter().all(|value| *value == 1.0) && head.iter().all(|value| *value < 0.96), "{kind:?}");
        assert!(learner.first_moment[..before.len()].iter().all(|moment| *moment == 0.0), "{kind:?}");
        // The bias does not decay.
        assert!(kind != OptimizerKind::AdamW || head[0] < head[1024], "{kind:?}");
    }
}

#[test]
fn the_average_follows_weights_and_running_statistics() {
    let mut learner = learner(OptimizerKind::Adam, &TrainingParameters::zeroed().unwrap());
    learner.write(Slot::Values, &vec![1.0; LAYOUT.trained_count()]).unwrap();
    learner.write(Slot::Statistics, &vec![2.0; LAYOUT.statistics_count()]).unwrap();
    let mut distance = 1.0;
    for share in [0.75, 0.5, 0.001] {
        learner.blend_average(share).unwrap();
        distance *= 1.0 - share;
        let average = learner.average.as_ref().unwrap();
        for (buffer, target) in [(&average.values, 1.0), (&average.statistics, 2.0)] {
            let expected = target * (1.0 - distance);
            assert!(buffer.iter().all(|value| (f64::from(*value) - expected).abs() < 1e-6), "{share}");
        }
    }
}

#[test]
fn buffers_are_copied_whole_or_not_at_all() {
    let start = TrainingParameters::zeroed().unwrap();
    let mut learner = learner(OptimizerKind::Sgd, &start);
    let mut values = vec![0.0; LAYOUT.trained_count()];
    for slot in [Slot::Values, Slot::AverageValues, Slot::FirstMoment] {
        values[7] = slot as u32 as f32 + 1.0;
        learner.write(slot, &values).unwrap();
    }
    for slot in [Slot::Values, Slot::AverageValues, Slot::FirstMoment] {
        learner.read(slot, &mut values).unwrap();
        assert_eq!(values[7], slot as u32 as f32 + 1.0);
    }
    assert!(learner.read(Slot::Values, &mut values[1..]).is_err());
    // Gradient descent has no second moment.
    assert!(learner.write(Slot::SecondMoment, &values).is_err());
    let settings = LearnerSettings { optimizer: OptimizerKind::Sgd, scaler: None, average: false };
    let mut alone = CpuLearner::new(Arc::clone(&learner.pool), learner.instructions, &start, &settings).unwrap();
    alone.write(Slot::Values, &values).unwrap();
    assert!(alone.is_finite().unwrap());
    assert!(alone.read(Slot::AverageValues, &mut values).is_err() && alone.blend_average(0.5).is_err());
    values[3] = f32::NAN;
    alone.write(Slot::Values, &values).unwrap();
    assert!(!alone.is_finite().unwrap());
}

#[test]
fn memory_that_is_not_there_is_an_error_and_the_learner_goes_on() {
    let mut learner = learner(OptimizerKind::Adam, &TrainingParameters::zeroed().unwrap());
    let memory = vec![0.5; 2 * 32 * 32];
    let view = |image: usize| ImageView { memory: &memory, offset: image * 32 * 32, row_step: 32, channels: 1 };
    let images = Images { width: 32, height: 32, views: (0..2).map(view).collect() };
    let huge = Images { width: 1 << 22, height: 1 << 22, ..images.clone() };
    learner.begin(false).unwrap();
    let error = learner.accumulate(&huge, &[0.0, 1.0], 1.0, 1.0).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutOfMemory, "{error}");
    assert_eq!(learner.logits(&huge, Weights::Current).unwrap_err().kind(), ErrorKind::OutOfMemory);
    learner.abandon().unwrap();
    learner.begin(false).unwrap();
    let loss = learner.accumulate(&images, &[0.0, 1.0], 1.0, 1.0).unwrap();
    // Without weights every logit is 0.
    assert!((loss - std::f64::consts::LN_2).abs() < 1e-6, "{loss}");
}
