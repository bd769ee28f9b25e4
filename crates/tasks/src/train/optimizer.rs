//! What an optimiser is asked for, and each of its steps.

use lens_engine::{OptimizerKind, UpdateStep};
use serde::{Deserialize, Serialize};

/// PyTorch's defaults.
const BETA1: f64 = 0.9;
const BETA2: f64 = 0.999;
const EPSILON: f64 = 1e-8;

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
        UpdateStep {
            learning_rate,
            weight_decay: self.weight_decay,
            momentum: self.momentum,
            beta1: BETA1,
            beta2: BETA2,
            epsilon: EPSILON,
            step,
            clip_norm,
        }
    }
}
