//! The engine under test and its tolerances.

use crate::error_norms::{max_relative_error, to_f64};
use lens_engine::{Engine, EngineName, Learner, LearnerSettings, Network, OptimizerKind};
use lens_model::{Metadata, Model, Parameters, TrainingParameters};
use std::fmt;
use std::sync::Arc;

/// An engine under test.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    /// The engine.
    pub engine: &'a dyn Engine,
    /// The name that its networks must report, so that a silent fallback to another engine fails.
    pub name: EngineName,
    /// What its arithmetic may differ by.
    pub tolerances: Tolerances,
}

/// Tolerances, relative to the expected value.
#[derive(Clone, Copy, Debug)]
pub struct Tolerances {
    /// Logits and feature maps with running statistics, relative to the largest magnitude.
    pub outputs: f64,
    /// The same image in another batch or elsewhere in memory; 0: the same bits.
    pub batch_invariance: f64,
    /// Loss of a batch with batch statistics.
    pub loss: f64,
    /// Running statistics after a step: Euclidean norm of each parameter's.
    pub statistics: f64,
    /// Norms of a step's gradients, and the Euclidean norm of samples of them all. Dominated by ReLUs whose input
    /// changes sign by rounding.
    pub gradient: f64,
    /// The median of the norms' errors.
    pub median_gradient: f64,
    /// Gradients of `stable_parameters`, where only rounding of sums differs.
    pub stable_gradient: f64,
}

impl Tolerances {
    /// Those of single precision.
    pub const SINGLE: Tolerances = Tolerances {
        outputs: 3e-5,
        batch_invariance: 0.0,
        loss: 1e-5,
        statistics: 2e-5,
        gradient: 1e-2,
        median_gradient: 1e-3,
        stable_gradient: 1e-5,
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

    /// Compares outputs that may differ by the tolerance of batch invariance.
    pub(crate) fn check_same(&self, about: &str, found: &[f32], expected: &[f32]) {
        let error = max_relative_error(found, &to_f64(expected));
        assert!(error <= self.tolerances.batch_invariance, "{self}, {about}: off by {error:e}");
    }

    /// SGD without momentum: its first moment is the gradient.
    pub(crate) fn sgd_learner(&self, start: &TrainingParameters) -> Box<dyn Learner> {
        self.learner(start, &LearnerSettings { optimizer: OptimizerKind::Sgd, scaler: None, average: false })
    }
}
