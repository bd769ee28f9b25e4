//! How gradients become steps.

use super::{gradients, read};
use crate::batch::Batch;
use crate::golden::{self, POS_WEIGHT};
use crate::measure::{distance, length, wide};
use crate::parameters::{decided, training};
use crate::subject::Subject;
use lens_engine::{Learner, LearnerSettings, OptimizerKind, Slot, UpdateStep, Weights};
use lens_model::{LAYOUT, Role, TrainingParameters};
use serde_json::Value;

const KINDS: [OptimizerKind; 3] = [OptimizerKind::Adam, OptimizerKind::AdamW, OptimizerKind::Sgd];

fn settings(optimizer: OptimizerKind) -> LearnerSettings {
    LearnerSettings { optimizer, scaler: None, average: false }
}

/// Five numbers of tests/golden/optimizers.py, of which the last does not decay, and their gradients of each step.
const START: [f32; 5] = [1.0, -2.0, 0.5, 3.0, -1.0];

fn gradient(number: usize, step: i32) -> f64 {
    [0.1, -0.4, 2.0, 0.0, -3.0][number] * f64::from(step) - 0.3 * f64::from(step - 1)
}

/// Three steps as PyTorch does them. Gradients are had from the head alone: where the last norm's factors are 0, its
/// addends are the features, and the share makes the gradient of the head's bias whatever is wanted.
pub fn are_pytorchs(subject: &Subject) {
    let golden: Value = serde_json::from_slice(&golden::read("optimizers.json")).unwrap();
    for (name, kind, weight_decay) in [
        ("adam", OptimizerKind::Adam, 0.0),
        ("adam_decay", OptimizerKind::Adam, 0.1),
        ("adamw", OptimizerKind::AdamW, 0.1),
        ("sgd", OptimizerKind::Sgd, 0.1),
    ] {
        // Features are not negative, so that gradients of one step have one sign: the first number, whose changes, is
        // apart from the others, and the third, whose is not theirs, is mirrored.
        for (numbers, mirrored, leading) in [(&[0][..], None, 0), (&[1, 2, 3, 4][..], Some(2), 4)] {
            let sign = |number: usize| if Some(number) == mirrored { -1.0 } else { 1.0 };
            let mut learner = subject.learner(&TrainingParameters::zeroed().unwrap(), &settings(kind));
            let place = |number| Head::new().place(number);
            let mut values = vec![0.0; Slot::Values.length()];
            numbers.iter().for_each(|number| values[place(*number)] = START[*number] * sign(*number) as f32);
            for step in 1..=3 {
                for number in numbers {
                    let feature = gradient(*number, step) * sign(*number) / gradient(leading, step);
                    values[Head::new().features + number] = feature as f32;
                }
                learner.write(Slot::Values, &values).unwrap();
                accumulate(&mut *learner, gradient(leading, step));
                let step = UpdateStep { learning_rate: 0.05, weight_decay, momentum: 0.9, step, ..UpdateStep::PYTORCH };
                assert!(learner.update(&step).unwrap());
                values = read(&*learner, Slot::Values);
            }
            for number in numbers {
                let found = f64::from(values[place(*number)]) * sign(*number);
                let expected = golden[name][*number].as_f64().unwrap();
                assert!((found - expected).abs() < 5e-6, "{subject}, {name}[{number}]: {found}, PyTorch {expected}");
            }
        }
    }
}

/// Where the numbers of the head lie.
struct Head {
    features: usize,
    weight: usize,
    bias: usize,
}

impl Head {
    fn new() -> Self {
        let places = LAYOUT.places();
        let [features, weight, bias] =
            [LAYOUT.last_norm.bias, LAYOUT.head_weight, LAYOUT.head_bias].map(|index| places[index].start);
        Head { features, weight, bias }
    }

    /// The last number is the bias.
    fn place(&self, number: usize) -> usize {
        if number == START.len() - 1 { self.bias } else { self.weight + number }
    }
}

/// Begins a step in which the head's bias has this gradient.
fn accumulate(learner: &mut dyn Learner, gradient: f64) {
    let batch = Batch { targets: vec![0.0; 2], ..Batch::golden([2, 32, 32]) };
    let logit = f64::from(learner.logits(&batch.images(), Weights::Current).unwrap()[0]);
    let of_loss = 1.0 / (1.0 + (-logit).exp());
    learner.begin(true).unwrap();
    learner.accumulate(&batch.images(), &batch.targets, 1.0, gradient / of_loss).unwrap();
}

/// A later step of the whole network with everything on: what every number becomes follows from its gradient and from the
/// moments before.
pub fn move_every_number_by_their_formula(subject: &Subject) {
    let (start, batch) = (training(&decided()), Batch::with_even_areas([3, 40, 48]));
    let step = UpdateStep { learning_rate: 0.01, weight_decay: 0.1, momentum: 0.9, step: 2, ..UpdateStep::PYTORCH };
    let pass = |learner: &mut dyn Learner| {
        learner.begin(false).unwrap();
        learner.accumulate(&batch.images(), &batch.targets, POS_WEIGHT, 1.0).unwrap();
    };
    let mut descending = subject.descending(&start);
    pass(&mut *descending);
    let (gradient, decays) = (gradients(&mut *descending), decays());
    let before: Vec<f32> = (0..gradient.len()).map(|at| (at % 17) as f32 * 1e-3).collect();
    for kind in KINDS {
        let mut learner = subject.learner(&start, &settings(kind));
        let moments = if kind == OptimizerKind::Sgd { 1 } else { 2 };
        let slots = &[Slot::FirstMoment, Slot::SecondMoment][..moments];
        slots.iter().for_each(|slot| learner.write(*slot, &before).unwrap());
        pass(&mut *learner);
        assert!(learner.update(&step).unwrap());
        let mut expected = [Vec::new(), Vec::new(), Vec::new()];
        for (at, value) in start.values.iter().enumerate() {
            let decay = if decays[at] { step.weight_decay } else { 0.0 };
            let numbers = [*value, before[at], gradient[at]].map(f64::from);
            let after = moved(kind, &UpdateStep { weight_decay: decay, ..step }, numbers);
            expected.iter_mut().zip(after).for_each(|(expected, after)| expected.push(after));
        }
        let values = read(&*learner, Slot::Values);
        let moves: Vec<f32> = values.iter().zip(&start.values).map(|(after, before)| after - before).collect();
        let found = std::iter::once(moves).chain(slots.iter().map(|slot| read(&*learner, *slot)));
        for ((what, found), expected) in ["moves", "first moments", "second moments"].iter().zip(found).zip(&expected) {
            let error = distance(&found, expected);
            assert!(error < 1e-4, "{subject}, {kind:?}: {what} are off by {error:e}");
        }
    }
}

/// How far a number moves, and its moments after the step; before it both are the same.
fn moved(kind: OptimizerKind, step: &UpdateStep, [value, moment, gradient]: [f64; 3]) -> [f64; 3] {
    let pull = step.weight_decay * value;
    let (gradient, shrunk) = match kind {
        OptimizerKind::AdamW => (gradient, step.learning_rate * pull),
        OptimizerKind::Adam | OptimizerKind::Sgd => (gradient + pull, 0.0),
    };
    if kind == OptimizerKind::Sgd {
        let first = step.momentum * moment + gradient;
        return [-step.learning_rate * first, first, 0.0];
    }
    let first = step.beta1 * moment + (1.0 - step.beta1) * gradient;
    let second = step.beta2 * moment + (1.0 - step.beta2) * gradient * gradient;
    let unbiased = |moment: f64, beta: f64| moment / (1.0 - beta.powi(step.step));
    let length = unbiased(first, step.beta1) / (unbiased(second, step.beta2).sqrt() + step.epsilon);
    [-shrunk - step.learning_rate * length, first, second]
}

/// Of each trained number, whether it is a weight of a convolution or of the head.
fn decays() -> Vec<bool> {
    let trained = LAYOUT.parameters().iter().enumerate().filter(|(_, spec)| spec.role.is_trained());
    let of = |(index, spec): (usize, &lens_model::ParameterSpec)| {
        std::iter::repeat_n(matches!(spec.role, Role::Convolution | Role::HeadWeight), LAYOUT.count(index))
    };
    trained.flat_map(of).collect()
}

pub fn shorten_long_gradients(subject: &Subject) {
    let (start, batch) = (training(&decided()), Batch::with_even_areas([3, 40, 48]));
    let moved = |learner: &mut dyn Learner, clip_norm: Option<f64>| {
        learner.write(Slot::FirstMoment, &vec![0.0; Slot::FirstMoment.length()]).unwrap();
        learner.begin(false).unwrap();
        learner.accumulate(&batch.images(), &batch.targets, POS_WEIGHT, 1.0).unwrap();
        assert!(learner.update(&UpdateStep { learning_rate: 0.0, clip_norm, ..UpdateStep::PYTORCH }).unwrap());
        read(learner, Slot::FirstMoment)
    };
    let mut learner = subject.descending(&start);
    let whole = wide(&moved(&mut *learner, None));
    let norm = length(&whole);
    for (most, factor) in [(norm / 4.0, 0.25), (norm * 4.0, 1.0)] {
        let expected: Vec<f64> = whole.iter().map(|gradient| gradient * factor).collect();
        let error = distance(&moved(&mut *learner, Some(most)), &expected);
        assert!(error < 1e-4, "{subject}, a norm of {norm} and {most} at most: off by {error:e}");
    }
}
