//! Test networks whose parameters are the same on every machine.

use crate::batch::Batch;
use crate::formula::uniform;
use lens_engine::{Engine, LearnerSettings, OptimizerKind, Slot};
use lens_model::{LAYOUT, MOMENTUM, ParameterSpec, Parameters, Role, TrainingParameters};
use std::sync::LazyLock;

/// The parameters of tests/golden/densenet.py.
pub fn golden_parameters() -> Parameters {
    // Computed once for all cases.
    static PARAMETERS: LazyLock<Parameters> = LazyLock::new(|| {
        parameters_from(|spec, u| match spec.role {
            Role::NormWeight => 1.0 + 0.25 * u,
            Role::RunningVariance => 1.0 + 0.5 * u,
            Role::NormBias | Role::RunningMean | Role::HeadBias => 0.1 * u,
            Role::Convolution | Role::HeadWeight => weight(spec, u),
        })
    });
    PARAMETERS.try_clone().unwrap()
}

/// Parameters whose norms keep the inputs of ReLUs far from 0, most of them positive. Otherwise rounding changes the
/// sign of some, which changes gradients by per cents, the more so the deeper the network.
pub fn stable_parameters() -> Parameters {
    static PARAMETERS: LazyLock<Parameters> = LazyLock::new(|| {
        parameters_from(|spec, u| match spec.role {
            Role::NormWeight | Role::RunningVariance => 1.0 + 0.25 * u,
            Role::NormBias => 0.2 * u + if (1000.0 * u).fract().abs() < 0.25 { -2.5 } else { 2.5 },
            Role::RunningMean | Role::HeadBias => 0.2 * u,
            Role::Convolution | Role::HeadWeight => weight(spec, u),
        })
    });
    PARAMETERS.try_clone().unwrap()
}

/// Parameters with the running statistics of a noise batch, which `engine` computes, then changed in ways that preserve
/// the function but for epsilon: bottleneck channels scaled by factors up to thousands, or zero, or negated.
pub fn extreme_parameters(engine: &dyn Engine) -> Parameters {
    let mut start = Parameters::initial(5).expect("memory for a network");
    fill(&mut start, |spec, u| match spec.role {
        Role::NormWeight => Some(1.0 + 0.5 * u),
        Role::NormBias | Role::HeadBias => Some(0.5 * u),
        Role::RunningMean | Role::RunningVariance => Some(0.0),
        Role::Convolution | Role::HeadWeight => None,
    });
    let mut parameters = with_batch_statistics(engine, &start);
    for layer in LAYOUT.blocks.iter().flatten() {
        let norm = &layer.norm2;
        let (name, inputs) = (&LAYOUT.parameters()[norm.weight].name, LAYOUT.parameters()[layer.conv1].shape[1]);
        let count = LAYOUT.count(norm.weight);
        let factors: Vec<f64> =
            (0..count).map(|channel| 10f64.powf(3.0 * uniform(name, (count + channel) as u64))).collect();
        let mut scale = |index: usize, each: usize, power: i32| {
            for (values, factor) in parameters.of_mut(index).chunks_exact_mut(each).zip(&factors) {
                values.iter_mut().for_each(|value| *value = (f64::from(*value) * factor.powi(power)) as f32);
            }
        };
        scale(layer.conv1, inputs, 1);
        scale(norm.mean, 1, 1);
        scale(norm.variance, 1, 2);
        let weight = parameters.of_mut(norm.weight);
        weight[..4].fill(0.0);
        weight[4..8].iter_mut().for_each(|weight| *weight = -*weight);
        for index in [norm.mean, norm.variance] {
            parameters.of_mut(index)[8..10].fill(0.0);
        }
        parameters.of_mut(layer.conv1)[8 * inputs..10 * inputs].fill(0.0);
    }
    parameters
}

/// The parameters as training holds them.
pub fn training(parameters: &Parameters) -> TrainingParameters {
    TrainingParameters::of(parameters).expect("memory for a network")
}

/// With the batch statistics of one batch as running statistics.
fn with_batch_statistics(engine: &dyn Engine, start: &Parameters) -> Parameters {
    let settings = LearnerSettings { optimizer: OptimizerKind::Sgd, scaler: None, average: false };
    let mut numbers = training(start);
    let mut learner = engine.learner(&numbers, &settings).expect("a learner");
    let batch = Batch::golden([4, 96, 96]);
    learner.begin(false).expect("a step");
    learner.accumulate(&batch.images(), &batch.targets, 1.0, 1.0).expect("a pass");
    learner.read(Slot::Statistics, &mut numbers.statistics).expect("running statistics");
    numbers.statistics.iter_mut().for_each(|value| *value /= MOMENTUM as f32);
    numbers.to_parameters().expect("memory for a network")
}

/// Scaled so that a layer's outputs are about as large as its inputs.
fn weight(spec: &ParameterSpec, u: f64) -> f64 {
    let fan_in = spec.shape[1..].iter().product::<usize>() as f64;
    u * (if spec.role == Role::HeadWeight { 3.0 } else { 6.0 } / fan_in).sqrt()
}

/// Each value is computed from a uniform number in -1..1.
fn parameters_from(value: impl Fn(&ParameterSpec, f64) -> f64) -> Parameters {
    let mut parameters = Parameters::zeroed().expect("memory for a network");
    fill(&mut parameters, |spec, u| Some(value(spec, u)));
    parameters
}

/// Replaces values by what `value` computes from a uniform number in -1..1, unless it is none.
fn fill(parameters: &mut Parameters, value: impl Fn(&ParameterSpec, f64) -> Option<f64>) {
    for (index, spec) in LAYOUT.parameters().iter().enumerate() {
        for (at, target) in parameters.of_mut(index).iter_mut().enumerate() {
            if let Some(value) = value(spec, uniform(&spec.name, at as u64)) {
                *target = value as f32;
            }
        }
    }
}
