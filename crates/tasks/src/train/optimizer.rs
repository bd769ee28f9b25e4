//! What an optimiser is asked for, and each of its steps.

use lens_engine::{OptimizerKind, UpdateStep};
use serde::{Deserialize, Serialize};

/// An optimiser's settings.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct OptimizerOptions {
    /// Which.
    pub kind: OptimizerKind,
    /// Pull of weights towards 0; norms and biases are left alone.
    pub weight_decay: f64,
    /// Of SGD.
    pub momentum: f64,
}

impl Default for OptimizerOptions {
    fn default() -> Self {
        OptimizerOptions { kind: OptimizerKind::Adam, weight_decay: 0.0, momentum: 0.9 }
    }
}

impl OptimizerOptions {
    /// Step number `step`, from 1.
    pub fn step(&self, step: i32, learning_rate: f64, clip_norm: Option<f64>) -> UpdateStep {
        let OptimizerOptions { weight_decay, momentum, .. } = *self;
        UpdateStep { learning_rate, weight_decay, momentum, step, clip_norm, ..UpdateStep::PYTORCH }
    }
}
