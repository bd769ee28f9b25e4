//! Optimisers.

use super::{gradients, read};
use crate::batch::Batch;
use crate::error_norms::{l2_norm, relative_l2_error, to_f64};
use crate::golden::{self, POS_WEIGHT};
use crate::parameters::{stable_parameters, training};
use crate::subject::Subject;
use lens_engine::{Learner, LearnerSettings, OptimizerKind, Slot, UpdateStep, Weights};
use lens_model::{LAYOUT, Role, TrainingParameters};
use serde_json::Value;

const OPTIMIZERS: [OptimizerKind; 3] = [OptimizerKind::Adam, OptimizerKind::AdamW, OptimizerKind::Sgd];

fn settings(optimizer: OptimizerKind) -> LearnerSettings {
    LearnerSettings { optimizer, scaler: None, average: false }
}

/// Five values of tests/golden/optimizers.py, of which the last has no weight decay, and their gradients at each step.
const START: [f32; 5] = [1.0, -2.0, 0.5, 3.0, -1.0];

fn gradient(number: usize, step: i32) -> f64 {
    [0.1, -0.4, 2.0, 0.0, -3.0][number] * f64::from(step) - 0.3 * f64::from(step - 1)
}

/// Three steps compared with PyTorch's. Any gradient can be produced by training the head alone: with the last norm's
/// weights 0 its biases are the features, and `share` scales the gradient of the head's bias.
pub fn match_pytorch(subject: &Subject) {
    let golden: Value = serde_json::from_slice(&golden::read("optimizers.json")).unwrap();
    for (name, kind, weight_decay) in [
        ("adam", OptimizerKind::Adam, 0.0),
        ("adam_decay", OptimizerKind::Adam, 0.1),
        ("adamw", OptimizerKind::AdamW, 0.1),
        ("sgd", OptimizerKind::Sgd, 0.1),
    ] {
        // Features are not negative, so the gradients of a step have one sign: the first value, whose gradient changes
        // sign, is tested apart from the others, and the third, whose gradient has the other sign, is negated.
        for (numbers, mirrored, leading) in [(&[0][..], None, 0), (&[1, 2, 3, 4][..], Some(2), 4)] {
            let sign = |number: usize| if Some(number) == mirrored { -1.0 } else { 1.0 };
            let mut learner = subject.learner(&TrainingParameters::zeroed().unwrap(), &settings(kind));
            let index = |number| Head::new().index(number);
            let mut values = vec![0.0; Slot::Values.length()];
            numbers.iter().for_each(|number| values[index(*number)] = START[*number] * sign(*number) as f32);
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
                let found = f64::from(values[index(*number)]) * sign(*number);
                let expected = golden[name][*number].as_f64().unwrap();
                assert!((found - expected).abs() < 5e-6, "{subject}, {name}[{number}]: {found}, PyTorch {expected}");
            }
        }
    }
}

/// Indices of the head's parameters.
struct Head {
    features: usize,
    weight: usize,
    bias: usize,
}

impl Head {
    fn new() -> Self {
        let ranges = LAYOUT.parameter_ranges();
        let [features, weight, bias] =
            [LAYOUT.last_norm.bias, LAYOUT.head_weight, LAYOUT.head_bias].map(|index| ranges[index].start);
        Head { features, weight, bias }
    }

    /// The last value is the bias.
    fn index(&self, number: usize) -> usize {
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

/// A later step of the whole network with weight decay and moments: every value follows from its gradient and its
/// moments before.
pub fn match_update_formula(subject: &Subject) {
    let (start, batch) = (training(&stable_parameters()), Batch::with_even_areas([3, 40, 48]));
    let step = UpdateStep { learning_rate: 0.01, weight_decay: 0.1, momentum: 0.9, step: 2, ..UpdateStep::PYTORCH };
    let pass = |learner: &mut dyn Learner| {
        learner.begin(false).unwrap();
        learner.accumulate(&batch.images(), &batch.targets, POS_WEIGHT, 1.0).unwrap();
    };
    let mut learner = subject.sgd_learner(&start);
    pass(&mut *learner);
    let (gradient, decays) = (gradients(&mut *learner), decays());
    let before: Vec<f32> = (0..gradient.len()).map(|at| (at % 17) as f32 * 1e-3).collect();
    for kind in OPTIMIZERS {
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
            let error = relative_l2_error(&found, expected);
            assert!(error < 1e-4, "{subject}, {kind:?}: {what} are off by {error:e}");
        }
    }
}

/// The change of a value, and its moments after the step; before it both moments are `moment`.
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

/// For each trained value, whether it belongs to a weight of a convolution or of the head.
fn decays() -> Vec<bool> {
    let trained = LAYOUT.parameters().iter().enumerate().filter(|(_, spec)| spec.role.is_trained());
    let of = |(index, spec): (usize, &lens_model::ParameterSpec)| {
        std::iter::repeat_n(matches!(spec.role, Role::Convolution | Role::HeadWeight), LAYOUT.count(index))
    };
    trained.flat_map(of).collect()
}

pub fn clip_gradient_norm(subject: &Subject) {
    let (start, batch) = (training(&stable_parameters()), Batch::with_even_areas([3, 40, 48]));
    let moved = |learner: &mut dyn Learner, clip_norm: Option<f64>| {
        learner.write(Slot::FirstMoment, &vec![0.0; Slot::FirstMoment.length()]).unwrap();
        learner.begin(false).unwrap();
        learner.accumulate(&batch.images(), &batch.targets, POS_WEIGHT, 1.0).unwrap();
        assert!(learner.update(&UpdateStep { learning_rate: 0.0, clip_norm, ..UpdateStep::PYTORCH }).unwrap());
        read(learner, Slot::FirstMoment)
    };
    let mut learner = subject.sgd_learner(&start);
    let whole = to_f64(&moved(&mut *learner, None));
    let norm = l2_norm(&whole);
    for (max_norm, factor) in [(norm / 4.0, 0.25), (norm * 4.0, 1.0)] {
        let expected: Vec<f64> = whole.iter().map(|gradient| gradient * factor).collect();
        let error = relative_l2_error(&moved(&mut *learner, Some(max_norm)), &expected);
        assert!(error < 1e-4, "{subject}, a norm of {norm} and {max_norm} at most: off by {error:e}");
    }
}
