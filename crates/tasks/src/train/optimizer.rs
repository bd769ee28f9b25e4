//! Options of an optimiser, and the settings of each of its steps.

use lens_base::Options;
use lens_engine::{OptimizerKind, UpdateStep};
use serde::{Deserialize, Serialize};

/// An optimiser's settings.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, Options)]
pub struct OptimizerOptions {
    /// How gradients become steps.
    #[option(name = "optimizer", flag = "--optimizer")]
    pub kind: OptimizerKind,
    /// Weight decay of the weights of convolutions and head; norms and biases have none.
    #[option(minimum = 0, maximum = 1, flag = "--weight-decay X")]
    pub weight_decay: f64,
    /// Momentum of SGD.
    #[option(default = 0.9, minimum = 0, below = 1, flag = "--momentum X")]
    pub momentum: f64,
}

impl OptimizerOptions {
    /// Step number `step`, from 1.
    pub fn step(&self, step: i32, learning_rate: f64, clip_norm: Option<f64>) -> UpdateStep {
        let OptimizerOptions { weight_decay, momentum, .. } = *self;
        UpdateStep { learning_rate, weight_decay, momentum, step, clip_norm, ..UpdateStep::PYTORCH }
    }
}
