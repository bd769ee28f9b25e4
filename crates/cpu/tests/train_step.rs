//! The training step against a straightforward implementation in double precision.

mod double;

use double::{Found, Network};
use lens_conformance::{Batch, golden_parameters, l2_norm, relative_l2_error, stable_parameters, training};
use lens_cpu::{CpuLearner, Instructions, Pool};
use lens_engine::{EngineName, Learner, LearnerSettings, OptimizerKind, Slot, UpdateStep, Weights};
use lens_images::Images;
use lens_model::{LAYOUT, ParameterSpec, TrainingParameters};
use std::sync::Arc;

const POS_WEIGHT: f64 = 1.7;

/// A step that changes nothing; SGD's first moment is then the gradient.
const NO_CHANGE: UpdateStep = UpdateStep { learning_rate: 0.0, ..UpdateStep::PYTORCH };

fn learner(start: &TrainingParameters, instructions: Instructions, threads: usize) -> CpuLearner {
    let settings = LearnerSettings { optimizer: OptimizerKind::Sgd, scaler: None, average: false };
    CpuLearner::new(Arc::new(Pool::new(threads, threads)), instructions, start, &settings).unwrap()
}

fn read(learner: &CpuLearner, slot: Slot) -> Vec<f32> {
    let mut values = vec![f32::NAN; slot.length()];
    learner.read(slot, &mut values).unwrap();
    values
}

fn gradients(learner: &mut CpuLearner) -> Vec<f32> {
    assert!(learner.update(&NO_CHANGE).unwrap());
    read(learner, Slot::FirstMoment)
}

fn exact(start: &TrainingParameters, batch: &Batch) -> Found {
    let ranges = LAYOUT.parameter_ranges();
    let parameter = |index: usize| {
        let is_trained = LAYOUT.parameters()[index].role.is_trained();
        let buffer = if is_trained { &start.values } else { &start.statistics };
        buffer[ranges[index].clone()].iter().map(|value| f64::from(*value)).collect()
    };
    let size = (batch.targets.len(), batch.height, batch.width);
    Network::train(parameter, size, &batch.values, &batch.targets, POS_WEIGHT)
}

/// Each parameter with its range in the buffer that it belongs to.
fn parameter_ranges() -> impl Iterator<Item = (usize, &'static ParameterSpec, std::ops::Range<usize>)> {
    LAYOUT
        .parameters()
        .iter()
        .zip(LAYOUT.parameter_ranges())
        .enumerate()
        .map(|(index, (spec, range))| (index, spec, range))
}

/// Checks loss, gradients and running statistics of a step, parameter by parameter.
fn check(start: &TrainingParameters, batch: &Batch, exact: &Found, instructions: Instructions, threads: usize) {
    let what = format!("{instructions:?}, {threads} threads, {} x {}", batch.width, batch.height);
    let mut learner = learner(start, instructions, threads);
    learner.begin(false).unwrap();
    let loss = learner.accumulate(&batch.images(), &batch.targets, POS_WEIGHT, 1.0).unwrap();
    assert!((loss - exact.loss).abs() < 1e-5 * exact.loss, "{what}: a loss of {loss}, not {}", exact.loss);
    let (gradients, statistics) = (gradients(&mut learner), read(&learner, Slot::Statistics));
    // Gradients much smaller than the whole gradient are differences of larger terms; their error is compared with this
    // floor.
    let floor = 1e-3 * l2_norm(&exact.gradients.values().flatten().copied().collect::<Vec<f64>>());
    for (index, spec, range) in parameter_ranges() {
        if !spec.role.is_trained() {
            let error = relative_l2_error(&statistics[range], &exact.statistics[&index]);
            assert!(error < 1e-5, "{what}, {}: {error}", spec.name);
            continue;
        }
        let expected = &exact.gradients[&index];
        let error = relative_l2_error(&gradients[range], expected) * l2_norm(expected).max(1e-12)
            / l2_norm(expected).max(floor);
        assert!(error < 2e-4, "{what}, {}: {error}", spec.name);
    }
}

#[test]
fn gradients_match_double_precision() {
    let start = training(&stable_parameters());
    // Sides of all parities: the last block has several pixels, one row, or a single pixel.
    for shape in [[4, 64, 64], [8, 33, 47], [2, 96, 80], [6, 40, 72]] {
        let batch = Batch::with_even_areas(shape);
        let exact = exact(&start, &batch);
        for instructions in Instructions::available() {
            check(&start, &batch, &exact, instructions, 2);
        }
        // More threads than images, and than lines of the last block.
        check(&start, &batch, &exact, Instructions::best(), 1);
        check(&start, &batch, &exact, Instructions::best(), 11);
    }
}

#[test]
fn steps_are_bitwise_reproducible() {
    let start = training(&golden_parameters());
    let [batch, other] = [[3, 40, 56], [2, 64, 96]].map(Batch::with_even_areas);
    for instructions in Instructions::available() {
        let run = |learner: &mut CpuLearner| {
            learner.begin(false).unwrap();
            let loss = learner.accumulate(&batch.images(), &batch.targets, POS_WEIGHT, 1.0).unwrap();
            let found = (loss, gradients(learner), read(learner, Slot::Statistics));
            learner.write(Slot::Statistics, &start.statistics).unwrap();
            found
        };
        let mut first = learner(&start, instructions, 3);
        let expected = run(&mut first);
        // A larger batch and an inference pass, whose buffers must not affect later steps.
        first.begin(false).unwrap();
        first.accumulate(&other.images(), &other.targets, POS_WEIGHT, 1.0).unwrap();
        first.abandon().unwrap();
        first.logits(&other.images(), Weights::Current).unwrap();
        assert!(run(&mut first) == expected, "{instructions:?}");
        assert!(run(&mut learner(&start, instructions, 3)) == expected, "{instructions:?}");
    }
}

/// AVX2 and AVX-512 round alike; without a fused multiply-add, products are rounded before they are added.
#[test]
fn fma_instruction_sets_give_same_bits() {
    let start = training(&golden_parameters());
    let batch = Batch::with_even_areas([3, 40, 56]);
    let step = |instructions| {
        let mut learner = learner(&start, instructions, 2);
        learner.begin(false).unwrap();
        let loss = learner.accumulate(&batch.images(), &batch.targets, POS_WEIGHT, 1.0).unwrap();
        let logits = learner.logits(&batch.images(), Weights::Current).unwrap();
        (loss, logits, gradients(&mut learner), read(&learner, Slot::Statistics))
    };
    let expected = step(Instructions::best());
    for instructions in Instructions::available() {
        if instructions.engine() != EngineName::PlanPortable {
            assert!(step(instructions) == expected, "{instructions:?}");
        }
    }
}

#[test]
fn batch_of_one_is_refused() {
    let batch = Batch::with_even_areas([2, 32, 32]);
    let mut learner = learner(&training(&golden_parameters()), Instructions::best(), 1);
    learner.begin(false).unwrap();
    let one = Images { views: batch.images().views[..1].to_vec(), ..batch.images() };
    let error = learner.accumulate(&one, &batch.targets[..1], 1.0, 1.0).unwrap_err();
    assert!(error.message().contains("at least 2"), "{error}");
}
