//! A network in training, with all parameters in two flat vectors.

use crate::densenet::DenseNet;
use crate::error::{Error, Result};
use lens_model::{LAYOUT, Role, TrainingParameters};
use tch::{Device, Kind, Tensor};

/// A network whose trained parameters are views of one tensor and whose running statistics are views of another, so
/// that an optimiser step, an average or a checkpoint is a few operations instead of a few for each parameter. The
/// tensors have the order of `lens_model::TrainingParameters`.
#[derive(Debug)]
pub struct TrainingNetwork {
    network: DenseNet<Tensor>,
    trained: Vec<Tensor>,
    values: Tensor,
    statistics: Tensor,
    weights: Vec<(i64, i64)>,
    head_start: i64,
}

/// Flattened in memory order: 4-dimensional weights are channels last.
fn flat(tensor: &Tensor) -> Tensor {
    match tensor.dim() {
        4 => tensor.permute([0, 2, 3, 1]).reshape([-1]),
        _ => tensor.reshape([-1]),
    }
}

impl TrainingNetwork {
    /// A network with a copy of the parameters.
    pub fn of(parameters: &TrainingParameters, device: Device) -> Result<Self> {
        TrainingNetwork::of_buffers(&parameters.values, &parameters.statistics, device)
    }

    /// A network with a copy of these values.
    pub(crate) fn of_buffers(values: &[f32], statistics: &[f32], device: Device) -> Result<Self> {
        let buffer = |of: &[f32], what: &str, expected: usize| {
            if of.len() != expected {
                return Err(Error::argument(format!("{} {what} were given for a network of {expected}", of.len())));
            }
            // A copy also on the CPU.
            Ok(Tensor::f_from_slice(of)?.f_to_device(device)?)
        };
        TrainingNetwork::from_buffers(
            buffer(values, "trained numbers", LAYOUT.trained_count())?,
            buffer(statistics, "running statistics", LAYOUT.statistics_count())?,
        )
    }

    /// Takes ownership of two tensors, whose lengths are the layout's.
    fn from_buffers(values: Tensor, statistics: Tensor) -> Result<Self> {
        let (mut trained, mut weights, mut head_start) = (Vec::new(), Vec::new(), 0);
        let mut ranges = LAYOUT.parameter_ranges().into_iter();
        let network = DenseNet::from_parameters(|spec| {
            let range = ranges.next().ok_or_else(|| Error::internal(format!("{} has no range", spec.name)))?;
            let (start, count) = (range.start as i64, range.len() as i64);
            let is_trained = spec.role.is_trained();
            let part = if is_trained { &values } else { &statistics }.f_narrow(0, start, count)?;
            let shape: Vec<i64> = spec.shape.iter().map(|side| *side as i64).collect();
            let view = match shape[..] {
                [output, input, height, width] => {
                    part.f_view([output, height, width, input])?.f_permute([0, 3, 1, 2])?
                }
                _ => part.f_view(&shape[..])?,
            };
            let view = view.detach().set_requires_grad(is_trained);
            if is_trained {
                trained.push(view.shallow_clone());
                if spec.role == Role::HeadWeight {
                    head_start = start;
                }
                if matches!(spec.role, Role::Convolution | Role::HeadWeight) {
                    weights.push((start, count));
                }
            }
            Ok(view)
        })?;
        Ok(TrainingNetwork { network, trained, values, statistics, weights, head_start })
    }

    /// A copy with tensors of its own.
    pub fn copy(&self) -> Result<Self> {
        TrainingNetwork::from_buffers(self.values.copy(), self.statistics.copy())
    }

    /// The network.
    pub fn network(&self) -> &DenseNet<Tensor> {
        &self.network
    }

    /// The network, for forward passes that update its running statistics.
    pub fn network_mut(&mut self) -> &mut DenseNet<Tensor> {
        &mut self.network
    }

    /// All trained parameters, shared with the network.
    pub fn values(&self) -> &Tensor {
        &self.values
    }

    /// All running statistics, shared with the network.
    pub fn statistics(&self) -> &Tensor {
        &self.statistics
    }

    /// Start and length of the weights of convolutions and head, which have weight decay.
    pub(crate) fn weights(&self) -> &[(i64, i64)] {
        &self.weights
    }

    /// Start of the head's parameters, which are the last.
    pub fn head_start(&self) -> i64 {
        self.head_start
    }

    /// Gradients of `loss` with respect to all trained parameters, or to the head's alone, flattened.
    pub fn gradients(&self, loss: &Tensor, head_only: bool) -> Result<Tensor> {
        let first = if head_only { self.trained.len() - 2 } else { 0 };
        let gradients = Tensor::f_run_backward(&[loss], &self.trained[first..], false, false)?;
        Ok(Tensor::f_cat(&gradients.iter().map(flat).collect::<Vec<_>>(), 0)?)
    }

    /// Whether all trained parameters are finite.
    pub(crate) fn is_finite(&self) -> bool {
        self.values.sum(Kind::Double).double_value(&[]).is_finite()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lens_model::Parameters;

    #[test]
    fn views_match_parameters_in_file_order() {
        let parameters = Parameters::initial(5).unwrap();
        let training = TrainingNetwork::of(&TrainingParameters::of(&parameters).unwrap(), Device::Cpu).unwrap();
        let plain = DenseNet::of(&parameters, Device::Cpu).unwrap();
        for (of_training, of_plain) in training.network().parameters().zip(plain.parameters()) {
            assert_eq!(of_training, of_plain);
        }
        assert_eq!(training.head_start() + 1025, training.values().size()[0]);
        assert!(training.is_finite());
        let copy = training.copy().unwrap();
        let _ = training.values().shallow_clone().fill_(f64::NAN);
        assert!(!training.is_finite() && copy.is_finite());
    }
}
