//! What is tested, and how far it may be off.

use crate::measure::{wide, worst};
use lens_engine::{Engine, EngineName, Learner, LearnerSettings, Network, OptimizerKind};
use lens_model::{Metadata, Model, Parameters, TrainingParameters};
use std::fmt;
use std::sync::Arc;

/// An engine under test.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    /// It.
    pub engine: &'a dyn Engine,
    /// What its networks say they are computed by; an engine that silently falls back to another is none that passes.
    pub name: EngineName,
    /// Of its arithmetic.
    pub tolerances: Tolerances,
}

/// How far an engine may be off, relative to what is expected.
#[derive(Clone, Copy, Debug)]
pub struct Tolerances {
    /// Logits and feature maps by running statistics, against the largest magnitude.
    pub outputs: f64,
    /// The same of an image in other company or elsewhere in memory; 0: the same bits.
    pub company: f64,
    /// The loss of a batch that a new network trains on.
    pub loss: f64,
    /// Running statistics after a step, each parameter's in the Euclidean norm.
    pub statistics: f64,
    /// Norms of a step's gradients, and samples of all of them in the Euclidean norm. ReLUs that rounding opens or closes
    /// dominate them.
    pub gradient: f64,
    /// The norms of half of the gradients.
    pub median_gradient: f64,
    /// The same of a network whose ReLUs are far from their bend, where sums in another order are the same but for
    /// rounding.
    pub decided_gradient: f64,
}

impl Tolerances {
    /// In single precision.
    pub const SINGLE: Tolerances = Tolerances {
        outputs: 3e-5,
        company: 0.0,
        loss: 1e-5,
        statistics: 2e-5,
        gradient: 1e-2,
        median_gradient: 1e-3,
        decided_gradient: 1e-5,
    };
}

impl fmt::Display for Subject<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name.as_str())
    }
}

impl Subject<'_> {
    pub(crate) fn network(&self, parameters: Parameters) -> Arc<dyn Network> {
        let network = self.engine.load(&Model::new(parameters, Metadata::default()));
        network.unwrap_or_else(|error| panic!("{self} makes no network: {error}"))
    }

    pub(crate) fn learner(&self, start: &TrainingParameters, settings: &LearnerSettings) -> Box<dyn Learner> {
        let learner = self.engine.learner(start, settings);
        learner.unwrap_or_else(|error| panic!("{self} makes no learner: {error}"))
    }

    /// Checks what is the same but for the company it was computed in.
    pub(crate) fn check_same(&self, about: &str, found: &[f32], expected: &[f32]) {
        let error = worst(found, &wide(expected));
        assert!(error <= self.tolerances.company, "{self}, {about}: off by {error:e}");
    }

    /// Whose first moment is the gradient, when it has no momentum.
    pub(crate) fn descending(&self, start: &TrainingParameters) -> Box<dyn Learner> {
        self.learner(start, &LearnerSettings { optimizer: OptimizerKind::Sgd, scaler: None, average: false })
    }
}
