//! Adam (Kingma and Ba 2015), AdamW (Loshchilov and Hutter 2019) and SGD with momentum, in PyTorch's form.

use super::step::{AdamStep, InstructionSet, TrainStep};
use crate::error::Result;
use serde::{Deserialize, Serialize};
use tch::Tensor;

const BETA1: f64 = 0.9;
const BETA2: f64 = 0.999;
const EPSILON: f64 = 1e-8;

/// How gradients become steps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OptimizerKind {
    /// Adam; weight decay is added to the gradients.
    #[default]
    Adam,
    /// Adam with weight decay apart from the gradients.
    AdamW,
    /// Stochastic gradient descent with momentum; weight decay is added to the gradients.
    Sgd,
}

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

/// An optimiser over one flat buffer.
#[derive(Debug)]
pub struct Optimizer {
    options: OptimizerOptions,
    first_moment: Tensor,
    /// Adam's and AdamW's.
    second_moment: Option<Tensor>,
    steps: i32,
}

impl Optimizer {
    /// For buffers like this one.
    pub fn new(options: OptimizerOptions, buffer: &Tensor) -> Self {
        let second_moment = (options.kind != OptimizerKind::Sgd).then(|| buffer.zeros_like());
        Optimizer { options, first_moment: buffer.zeros_like(), second_moment, steps: 0 }
    }

    /// Steps taken.
    pub fn steps(&self) -> i32 {
        self.steps
    }

    /// What is to be kept to go on later: names and buffers.
    pub fn buffers(&self) -> impl Iterator<Item = (&'static str, &Tensor)> {
        let second = self.second_moment.as_ref().map(|moment| ("second_moment", moment));
        std::iter::once(("first_moment", &self.first_moment)).chain(second)
    }

    /// Goes on from there.
    pub fn restore(&mut self, steps: i32, mut buffer: impl FnMut(&str) -> Result<Tensor>) -> Result<()> {
        self.first_moment.f_copy_(&buffer("first_moment")?)?;
        if let Some(moment) = &mut self.second_moment {
            moment.f_copy_(&buffer("second_moment")?)?;
        }
        self.steps = steps;
        Ok(())
    }

    /// One step of `values` along `gradients`, both from number `first` on; `weights` are the parts (start, length) that
    /// decay. The gradients are used up.
    pub fn step(
        &mut self,
        values: &Tensor,
        gradients: &mut Tensor,
        weights: &[(i64, i64)],
        first: i64,
        learning_rate: f64,
    ) -> Result<()> {
        let _guard = tch::no_grad_guard();
        self.steps += 1;
        let count = values.size1()? - first;
        let mut values = values.f_narrow(0, first, count)?;
        self.decay(&mut values, gradients, weights, first, learning_rate)?;
        let mut first_moment = self.first_moment.f_narrow(0, first, count)?;
        let Some(second_moment) = &self.second_moment else {
            first_moment *= self.options.momentum;
            first_moment += &*gradients;
            values -= first_moment * learning_rate;
            return Ok(());
        };
        let mut second_moment = second_moment.f_narrow(0, first, count)?;
        if TrainStep::supports(values.device(), values.kind()) {
            let step = AdamStep { beta1: BETA1, beta2: BETA2, epsilon: EPSILON, learning_rate, step: self.steps };
            let set = InstructionSet::best();
            return step.take(set, &mut values, gradients, &mut first_moment, &mut second_moment);
        }
        let _ = first_moment.f_lerp_(gradients, 1.0 - BETA1)?;
        second_moment *= BETA2;
        second_moment += gradients.square() * (1.0 - BETA2);
        let step_size = learning_rate / (1.0 - BETA1.powi(self.steps));
        let correction = (1.0 - BETA2.powi(self.steps)).sqrt();
        let denominator = second_moment.sqrt() / correction + EPSILON;
        values -= first_moment / denominator * step_size;
        Ok(())
    }

    fn decay(
        &self,
        values: &mut Tensor,
        gradients: &mut Tensor,
        weights: &[(i64, i64)],
        first: i64,
        learning_rate: f64,
    ) -> Result<()> {
        let decay = self.options.weight_decay;
        if decay == 0.0 {
            return Ok(());
        }
        for (start, count) in weights.iter().filter(|(start, _)| *start >= first) {
            let mut part = values.f_narrow(0, start - first, *count)?;
            match self.options.kind {
                OptimizerKind::AdamW => part *= 1.0 - learning_rate * decay,
                OptimizerKind::Adam | OptimizerKind::Sgd => {
                    let mut gradient = gradients.f_narrow(0, start - first, *count)?;
                    gradient += part * decay;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three steps over five numbers of which the last does not decay, as tests/golden/optimizers.py does them.
    fn after_three_steps(options: OptimizerOptions) -> Vec<f64> {
        let values = Tensor::from_slice(&[1.0, -2.0, 0.5, 3.0, -1.0]);
        let mut optimizer = Optimizer::new(options, &values);
        for step in 0..3 {
            let mut gradients =
                Tensor::from_slice(&[0.1, -0.4, 2.0, 0.0, -3.0]) * f64::from(step + 1) - f64::from(step) * 0.3;
            optimizer.step(&values, &mut gradients, &[(0, 4)], 0, 0.05).unwrap();
        }
        Vec::try_from(values).unwrap()
    }

    #[test]
    fn steps_are_pytorchs() {
        let golden: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/golden/optimizers.json")).unwrap();
        for (name, kind, weight_decay) in [
            ("adam", OptimizerKind::Adam, 0.0),
            ("adam_decay", OptimizerKind::Adam, 0.1),
            ("adamw", OptimizerKind::AdamW, 0.1),
            ("sgd", OptimizerKind::Sgd, 0.1),
        ] {
            let found = after_three_steps(OptimizerOptions { kind, weight_decay, momentum: 0.9 });
            for (index, found) in found.iter().enumerate() {
                let expected = golden[name][index].as_f64().unwrap();
                assert!((found - expected).abs() < 1e-12, "{name}[{index}]: {found}, PyTorch {expected}");
            }
        }
    }

    #[test]
    fn numbers_before_the_first_are_left_alone() {
        let values = Tensor::from_slice(&[1.0, 2.0, 3.0]);
        let mut optimizer =
            Optimizer::new(OptimizerOptions { weight_decay: 0.1, ..OptimizerOptions::default() }, &values);
        optimizer.step(&values, &mut Tensor::from_slice(&[1.0]), &[(0, 2), (2, 1)], 2, 0.1).unwrap();
        let found = Vec::<f64>::try_from(&values).unwrap();
        assert_eq!(found[..2], [1.0, 2.0]);
        assert!(found[2] < 3.0);
    }
}
