//! A network in training: all its numbers in two buffers.

use crate::error::{Error, Result};
use crate::model::{DenseNet, LAYOUT, Role};
use tch::Tensor;

/// A network whose trained parameters are views of one buffer and whose running statistics are views of another, so
/// that an optimiser step, an average or a checkpoint is a few operations instead of a few for each parameter.
#[derive(Debug)]
pub struct Parameters {
    network: DenseNet<Tensor>,
    trained: Vec<Tensor>,
    values: Tensor,
    statistics: Tensor,
    weights: Vec<(i64, i64)>,
    head_start: i64,
}

/// One number after the other, in the order they lie in memory: 4-dimensional weights channels last, as the
/// convolutions want them.
fn flat(tensor: &Tensor) -> Tensor {
    match tensor.dim() {
        4 => tensor.permute([0, 2, 3, 1]).reshape([-1]),
        _ => tensor.reshape([-1]),
    }
}

fn joined<'a>(tensors: impl Iterator<Item = &'a Tensor>) -> Result<Tensor> {
    Ok(Tensor::f_cat(&tensors.map(flat).collect::<Vec<_>>(), 0)?)
}

impl Parameters {
    /// A copy of a network's numbers.
    pub fn of(network: &DenseNet<Tensor>) -> Result<Self> {
        let _guard = tch::no_grad_guard();
        let of_kind = |trained: bool| {
            joined(
                network
                    .parameters()
                    .zip(LAYOUT.parameters())
                    .filter(|(_, spec)| spec.role.is_trained() == trained)
                    .map(|(tensor, _)| tensor),
            )
        };
        Parameters::over(of_kind(true)?, of_kind(false)?)
    }

    /// A network over two buffers that it takes over; their lengths must be `LAYOUT`'s.
    pub fn over(values: Tensor, statistics: Tensor) -> Result<Self> {
        let (mut trained, mut weights, mut head_start) = (Vec::new(), Vec::new(), 0);
        let mut places = LAYOUT.places().into_iter();
        let network = DenseNet::from_parameters(|spec| {
            let place = places.next().ok_or_else(|| Error::internal(format!("{} has no place", spec.name)))?;
            let (start, count) = (place.start as i64, place.len() as i64);
            let is_trained = spec.role.is_trained();
            let part = if is_trained { &values } else { &statistics }.f_narrow(0, start, count)?;
            let view = match spec.shape[..] {
                [output, input, height, width] => part.view([output, height, width, input]).permute([0, 3, 1, 2]),
                _ => part.view(&spec.shape[..]),
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
        Ok(Parameters { network, trained, values, statistics, weights, head_start })
    }

    /// A copy with buffers of its own.
    pub fn copy(&self) -> Result<Self> {
        Parameters::over(self.values.copy(), self.statistics.copy())
    }

    /// Takes over the numbers of another.
    pub fn assign(&mut self, other: &Parameters) -> Result<()> {
        let _guard = tch::no_grad_guard();
        self.values.f_copy_(&other.values)?;
        self.statistics.f_copy_(&other.statistics)?;
        Ok(())
    }

    /// The network.
    pub fn network(&self) -> &DenseNet<Tensor> {
        &self.network
    }

    /// The network, for passes that update its running statistics.
    pub fn network_mut(&mut self) -> &mut DenseNet<Tensor> {
        &mut self.network
    }

    /// All trained numbers. Changing them changes the network.
    pub fn values(&self) -> &Tensor {
        &self.values
    }

    /// Running statistics of all batch normalisations. Changing them changes the network.
    pub fn statistics(&self) -> &Tensor {
        &self.statistics
    }

    /// Start and length, in the buffer, of the weights of convolutions and head: all but norms and biases.
    pub fn weights(&self) -> &[(i64, i64)] {
        &self.weights
    }

    /// Where the head begins in the buffer; it ends with it.
    pub fn head_start(&self) -> i64 {
        self.head_start
    }

    /// Gradients of `loss` in the order of the buffer: for all of it, or for the head alone.
    pub fn gradients(&self, loss: &Tensor, head_only: bool) -> Result<Tensor> {
        let first = if head_only { self.trained.len() - 2 } else { 0 };
        let gradients = Tensor::f_run_backward(&[loss], &self.trained[first..], false, false)?;
        joined(gradients.iter())
    }

    /// Whether all trained numbers are finite.
    pub fn is_finite(&self) -> bool {
        self.values.sum(tch::Kind::Double).double_value(&[]).is_finite()
    }
}
