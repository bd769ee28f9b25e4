//! Adam, AdamW and SGD with momentum, as in PyTorch, on one flat vector.

use crate::error::{Error, Result};
use lens_engine::{OptimizerKind, UpdateStep};
use tch::Tensor;

/// An optimiser and its moments.
#[derive(Debug)]
pub(crate) struct Optimizer {
    kind: OptimizerKind,
    first_moment: Tensor,
    /// The second moment of Adam and AdamW.
    second_moment: Option<Tensor>,
}

impl Optimizer {
    /// An optimiser of vectors like this one.
    pub fn new(kind: OptimizerKind, buffer: &Tensor) -> Self {
        let second_moment = (kind != OptimizerKind::Sgd).then(|| buffer.zeros_like());
        Optimizer { kind, first_moment: buffer.zeros_like(), second_moment }
    }

    pub fn first_moment(&self) -> &Tensor {
        &self.first_moment
    }

    pub fn second_moment(&self) -> Result<&Tensor> {
        self.second_moment.as_ref().ok_or_else(|| Error::argument("SGD has no second moments: Adam and AdamW have"))
    }

    /// A step of `values` by `gradients`, both from element `first` on; `weights` are the ranges (start, length) with
    /// weight decay. The gradients are overwritten.
    pub fn step(
        &mut self,
        values: &Tensor,
        gradients: &mut Tensor,
        weights: &[(i64, i64)],
        first: i64,
        step: &UpdateStep,
    ) -> Result<()> {
        let _guard = tch::no_grad_guard();
        let count = values.size1()? - first;
        let mut values = values.f_narrow(0, first, count)?;
        self.apply_weight_decay(&mut values, gradients, weights, first, step)?;
        let mut first_moment = self.first_moment.f_narrow(0, first, count)?;
        let Some(second_moment) = &self.second_moment else {
            first_moment *= step.momentum;
            first_moment += &*gradients;
            values -= first_moment * step.learning_rate;
            return Ok(());
        };
        let mut second_moment = second_moment.f_narrow(0, first, count)?;
        let UpdateStep { beta1, beta2, epsilon, .. } = *step;
        let _ = first_moment.f_lerp_(gradients, 1.0 - beta1)?;
        second_moment *= beta2;
        second_moment += gradients.square() * (1.0 - beta2);
        let step_size = step.learning_rate / (1.0 - beta1.powi(step.step));
        let correction = (1.0 - beta2.powi(step.step)).sqrt();
        let denominator = second_moment.sqrt() / correction + epsilon;
        values -= first_moment / denominator * step_size;
        Ok(())
    }

    fn apply_weight_decay(
        &self,
        values: &mut Tensor,
        gradients: &mut Tensor,
        weights: &[(i64, i64)],
        first: i64,
        step: &UpdateStep,
    ) -> Result<()> {
        let decay = step.weight_decay;
        if decay == 0.0 {
            return Ok(());
        }
        for (start, count) in weights.iter().filter(|(start, _)| *start >= first) {
            let mut part = values.f_narrow(0, start - first, *count)?;
            match self.kind {
                OptimizerKind::AdamW => part *= 1.0 - step.learning_rate * decay,
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

    const STEP: UpdateStep =
        UpdateStep { learning_rate: 0.05, weight_decay: 0.1, momentum: 0.9, ..UpdateStep::PYTORCH };

    /// Three steps of five values of which the last has no weight decay, as in tests/golden/optimizers.py.
    fn after_three_steps(kind: OptimizerKind, weight_decay: f64) -> Vec<f64> {
        let values = Tensor::from_slice(&[1.0, -2.0, 0.5, 3.0, -1.0]);
        let mut optimizer = Optimizer::new(kind, &values);
        for step in 0..3 {
            let mut gradients =
                Tensor::from_slice(&[0.1, -0.4, 2.0, 0.0, -3.0]) * f64::from(step + 1) - f64::from(step) * 0.3;
            let step = UpdateStep { weight_decay, step: step + 1, ..STEP };
            optimizer.step(&values, &mut gradients, &[(0, 4)], 0, &step).unwrap();
        }
        Vec::try_from(values).unwrap()
    }

    #[test]
    fn steps_match_pytorch() {
        let golden = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/golden/optimizers.json"));
        let golden: serde_json::Value = serde_json::from_str(golden).unwrap();
        for (name, kind, weight_decay) in [
            ("adam", OptimizerKind::Adam, 0.0),
            ("adam_decay", OptimizerKind::Adam, 0.1),
            ("adamw", OptimizerKind::AdamW, 0.1),
            ("sgd", OptimizerKind::Sgd, 0.1),
        ] {
            for (index, found) in after_three_steps(kind, weight_decay).iter().enumerate() {
                let expected = golden[name][index].as_f64().unwrap();
                assert!((found - expected).abs() < 1e-12, "{name}[{index}]: {found}, PyTorch {expected}");
            }
        }
    }

    #[test]
    fn values_before_first_are_unchanged() {
        let values = Tensor::from_slice(&[1.0, 2.0, 3.0]);
        let mut optimizer = Optimizer::new(OptimizerKind::Adam, &values);
        optimizer.step(&values, &mut Tensor::from_slice(&[1.0]), &[(0, 2), (2, 1)], 2, &STEP).unwrap();
        let found = Vec::<f64>::try_from(&values).unwrap();
        assert_eq!(found[..2], [1.0, 2.0]);
        assert!(found[2] < 3.0);
    }
}
