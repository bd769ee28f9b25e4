//! Adam (Kingma and Ba 2015), in PyTorch's form, over one flat buffer.

use crate::error::Result;
use tch::{Kind, Tensor};

const BETA1: f64 = 0.9;
const BETA2: f64 = 0.999;
const EPSILON: f64 = 1e-8;

/// The optimiser. The trained parameters become views of one buffer, so that a step is a few operations over all of
/// them instead of a few for each.
#[derive(Debug)]
pub struct Adam {
    parameters: Vec<Tensor>,
    values: Tensor,
    first_moment: Tensor,
    second_moment: Tensor,
    steps: i32,
    learning_rate: f64,
}

/// One number after the other, in the order they lie in memory: 4-dimensional weights channels last, as the
/// convolutions want them.
fn flat(tensor: &Tensor) -> Tensor {
    match tensor.dim() {
        4 => tensor.permute([0, 2, 3, 1]).reshape([-1]),
        _ => tensor.reshape([-1]),
    }
}

impl Adam {
    /// Takes over these parameters: each is replaced by a view that is ready for gradients.
    pub fn new<'a>(parameters: impl Iterator<Item = &'a mut Tensor>, learning_rate: f64) -> Self {
        let parameters: Vec<&mut Tensor> = parameters.collect();
        let values = Tensor::cat(&parameters.iter().map(|tensor| flat(&tensor.detach())).collect::<Vec<_>>(), 0);
        let mut start = 0;
        let views = parameters
            .into_iter()
            .map(|tensor| {
                let (count, shape) = (tensor.numel() as i64, tensor.size());
                let part = values.narrow(0, start, count);
                start += count;
                let view = match shape[..] {
                    [output, input, height, width] => part.view([output, height, width, input]).permute([0, 3, 1, 2]),
                    _ => part.view(&shape[..]),
                };
                *tensor = view.detach().set_requires_grad(true);
                tensor.shallow_clone()
            })
            .collect();
        Adam {
            parameters: views,
            first_moment: values.zeros_like(),
            second_moment: values.zeros_like(),
            values,
            steps: 0,
            learning_rate,
        }
    }

    /// Gradients of `loss` for all parameters, in the order of the buffer.
    pub fn gradients(&self, loss: &Tensor) -> Result<Tensor> {
        let gradients = Tensor::f_run_backward(&[loss], &self.parameters, false, false)?;
        Ok(Tensor::f_cat(&gradients.iter().map(flat).collect::<Vec<_>>(), 0)?)
    }

    /// One step along them.
    pub fn step(&mut self, gradients: &Tensor) {
        let _guard = tch::no_grad_guard();
        self.steps += 1;
        let _ = self.first_moment.lerp_(gradients, 1.0 - BETA1);
        self.second_moment *= BETA2;
        self.second_moment += gradients.square() * (1.0 - BETA2);
        let step_size = self.learning_rate / (1.0 - BETA1.powi(self.steps));
        let correction = (1.0 - BETA2.powi(self.steps)).sqrt();
        let denominator = self.second_moment.sqrt() / correction + EPSILON;
        self.values -= &self.first_moment / denominator * step_size;
    }

    /// Numbers it changes.
    pub fn count(&self) -> usize {
        self.values.numel()
    }

    /// Whether all of them are finite.
    pub fn is_finite(&self) -> bool {
        self.values.sum(Kind::Double).double_value(&[]).is_finite()
    }
}
