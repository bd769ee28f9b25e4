//! The training step against the network in double precision by the plainest loops.

mod double;

use double::{Found, Network};
use lens_conformance::{Batch, decided, distance, golden_parameters, length, training};
use lens_cpu::{CpuLearner, Instructions, Pool};
use lens_engine::{Learner, LearnerSettings, OptimizerKind, Slot, UpdateStep, Weights};
use lens_images::Images;
use lens_model::{LAYOUT, ParameterSpec, TrainingParameters};
use std::sync::Arc;

const POS_WEIGHT: f64 = 1.7;

/// A step that moves nothing; SGD's first moment is then the gradient.
const STILL: UpdateStep = UpdateStep { learning_rate: 0.0, ..UpdateStep::PYTORCH };

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
    assert!(learner.update(&STILL).unwrap());
    read(learner, Slot::FirstMoment)
}

fn exact(start: &TrainingParameters, batch: &Batch) -> Found {
    let places = LAYOUT.places();
    let parameter = |index: usize| {
        let is_trained = LAYOUT.parameters()[index].role.is_trained();
        let buffer = if is_trained { &start.values } else { &start.statistics };
        buffer[places[index].clone()].iter().map(|value| f64::from(*value)).collect()
    };
    let size = (batch.targets.len(), batch.height, batch.width);
    Network::train(parameter, size, &batch.values, &batch.targets, POS_WEIGHT)
}

/// Each parameter with its place in the buffer that it lies in.
fn placed() -> impl Iterator<Item = (usize, &'static ParameterSpec, std::ops::Range<usize>)> {
    LAYOUT.parameters().iter().zip(LAYOUT.places()).enumerate().map(|(index, (spec, place))| (index, spec, place))
}

/// Checks loss, gradients and running statistics of a step, parameter by parameter.
fn check(start: &TrainingParameters, batch: &Batch, exact: &Found, instructions: Instructions, threads: usize) {
    let what = format!("{instructions:?}, {threads} threads, {} x {}", batch.width, batch.height);
    let mut learner = learner(start, instructions, threads);
    learner.begin(false).unwrap();
    let loss = learner.accumulate(&batch.images(), &batch.targets, POS_WEIGHT, 1.0).unwrap();
    assert!((loss - exact.loss).abs() < 1e-5 * exact.loss, "{what}: a loss of {loss}, not {}", exact.loss);
    let (gradients, statistics) = (gradients(&mut learner), read(&learner, Slot::Statistics));
    // Some gradients are next to nothing, what one term adds to them being what another takes away.
    let floor = 1e-3 * length(&exact.gradients.values().flatten().copied().collect::<Vec<f64>>());
    for (index, spec, place) in placed() {
        if !spec.role.is_trained() {
            let error = distance(&statistics[place], &exact.statistics[&index]);
            assert!(error < 1e-5, "{what}, {}: {error}", spec.name);
            continue;
        }
        let expected = &exact.gradients[&index];
        let error = distance(&gradients[place], expected) * length(expected).max(1e-12) / length(expected).max(floor);
        assert!(error < 2e-4, "{what}, {}: {error}", spec.name);
    }
}

#[test]
fn gradients_are_those_of_double_precision() {
    let start = training(&decided());
    // Sides of all parities: in the end images of several pixels, of one row, and of a single pixel.
    for shape in [[4, 64, 64], [8, 33, 47], [2, 96, 80], [6, 40, 72]] {
        let batch = Batch::with_even_areas(shape);
        let exact = exact(&start, &batch);
        for instructions in Instructions::available() {
            check(&start, &batch, &exact, instructions, 2);
        }
        // More threads than images, and than lines of an image in the end.
        check(&start, &batch, &exact, Instructions::best(), 1);
        check(&start, &batch, &exact, Instructions::best(), 11);
    }
}

#[test]
fn bits_are_the_same_in_every_run_whatever_came_before() {
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
        // A larger batch, and a pass of another kind, whose numbers must not show afterwards.
        first.begin(false).unwrap();
        first.accumulate(&other.images(), &other.targets, POS_WEIGHT, 1.0).unwrap();
        first.abandon().unwrap();
        first.logits(&other.images(), Weights::Current).unwrap();
        assert!(run(&mut first) == expected, "{instructions:?}");
        assert!(run(&mut learner(&start, instructions, 3)) == expected, "{instructions:?}");
    }
}

#[test]
fn a_batch_of_one_image_is_refused() {
    let batch = Batch::with_even_areas([2, 32, 32]);
    let mut learner = learner(&training(&golden_parameters()), Instructions::best(), 1);
    learner.begin(false).unwrap();
    let one = Images { views: batch.images().views[..1].to_vec(), ..batch.images() };
    let error = learner.accumulate(&one, &batch.targets[..1], 1.0, 1.0).unwrap_err();
    assert!(error.message().contains("at least 2"), "{error}");
}
