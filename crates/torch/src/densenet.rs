//! DenseNet-121 (Huang et al. 2017) as in torchvision, with one output.

use crate::error::{Error, Result};
use crate::torch::SharedTensor;
use lens_model::{DenseLayer, EPSILON, LAYOUT, MOMENTUM, Norm, ParameterSpec, Parameters};
use std::borrow::Borrow;
use tch::{Device, Tensor};

/// Called for every convolution with the index of its weight in the layout and its input.
type ObserveInput<'a> = &'a mut dyn FnMut(usize, &Tensor);

/// The network, with `Tensor` parameters for training or `SharedTensor` parameters for any number of reading threads.
#[derive(Debug)]
pub struct DenseNet<T> {
    parameters: Vec<T>,
}

impl DenseNet<Tensor> {
    /// A network with a copy of the parameters.
    pub fn of(parameters: &Parameters, device: Device) -> Result<Self> {
        DenseNet::of_values(parameters.all(), device)
    }

    /// With a copy of all parameters in the layout's order, each row-major.
    pub(crate) fn of_values(values: &[f32], device: Device) -> Result<Self> {
        let mut rest = values;
        let network = DenseNet::from_parameters(|spec| {
            let count = spec.shape.iter().product();
            let (part, after) = rest.split_at_checked(count).ok_or_else(|| wrong_count(values.len()))?;
            rest = after;
            let shape: Vec<i64> = spec.shape.iter().map(|side| *side as i64).collect();
            Ok(Tensor::f_from_slice(part)?.f_view(&shape[..])?.f_to_device(device)?)
        })?;
        if rest.is_empty() { Ok(network) } else { Err(wrong_count(values.len())) }
    }

    /// With the parameters that `take` returns, called in the layout's order.
    pub(crate) fn from_parameters(mut take: impl FnMut(&ParameterSpec) -> Result<Tensor>) -> Result<Self> {
        let parameters = LAYOUT.parameters().iter().map(&mut take).collect::<Result<_>>()?;
        Ok(DenseNet { parameters })
    }

    /// N logits of an N x 3 x H x W batch with batch statistics; updates the running statistics.
    pub fn train_logits(&mut self, input: &Tensor) -> Tensor {
        self.head(&self.features_of(input, true))
    }

    /// An immutable copy. Its convolutions are channels last, as the inputs are: the last bits of libtorch's results
    /// depend on the memory format, and saving and loading a model must not change its results.
    pub fn frozen(&self) -> DenseNet<SharedTensor> {
        let copy = |tensor: &Tensor| match tensor.dim() {
            4 => tensor.permute([0, 2, 3, 1]).contiguous().copy().permute([0, 3, 1, 2]),
            _ => tensor.copy(),
        };
        let parameters = self.parameters.iter().map(|tensor| SharedTensor::new(copy(&tensor.detach()))).collect();
        DenseNet { parameters }
    }
}

fn wrong_count(count: usize) -> Error {
    let expected: usize = (0..LAYOUT.parameters().len()).map(|index| LAYOUT.count(index)).sum();
    Error::argument(format!("{count} numbers were given for a network of {expected}"))
}

impl DenseNet<SharedTensor> {
    /// The same with convolutions in NCHW order, in which libtorch then computes.
    pub fn to_nchw(&self) -> Self {
        let parameters = self.parameters().map(|tensor| SharedTensor::new(tensor.contiguous())).collect();
        DenseNet { parameters }
    }
}

impl<T: Borrow<Tensor>> DenseNet<T> {
    /// The parameters, in the layout's order.
    pub fn parameters(&self) -> impl Iterator<Item = &Tensor> {
        self.parameters.iter().map(Borrow::borrow)
    }

    /// torchvision's `features`: N x 1024 x h x w of an N x 3 x H x W batch, H and W at least 32 (h = H / 32 rounded
    /// down by each halving).
    pub fn features(&self, input: &Tensor) -> Tensor {
        self.features_of(input, false)
    }

    /// N logits of an N x 3 x H x W batch.
    pub fn logits(&self, input: &Tensor) -> Tensor {
        self.head(&self.features(input))
    }

    /// Calls `observe` for every convolution, while N x 3 x H x W images go through the network.
    pub fn observe(&self, input: &Tensor, observe: &mut dyn FnMut(usize, &Tensor)) {
        let _ = self.features_observed(input, false, observe);
    }

    /// N logits from the feature map.
    pub fn head(&self, features: &Tensor) -> Tensor {
        let pooled = features.relu().mean_dim(&[2i64, 3][..], false, features.kind());
        pooled.linear(self.parameter(LAYOUT.head_weight), Some(self.parameter(LAYOUT.head_bias))).view([-1])
    }

    fn parameter(&self, index: usize) -> &Tensor {
        self.parameters[index].borrow()
    }

    fn norm(&self, input: &Tensor, norm: Norm, train: bool) -> Tensor {
        input.batch_norm(
            Some(self.parameter(norm.weight)),
            Some(self.parameter(norm.bias)),
            Some(self.parameter(norm.mean)),
            Some(self.parameter(norm.variance)),
            train,
            MOMENTUM,
            EPSILON,
            false,
        )
    }

    fn convolution(
        &self,
        input: &Tensor,
        weight: usize,
        (stride, padding): (i64, i64),
        observe: ObserveInput,
    ) -> Tensor {
        observe(weight, input);
        input.conv2d::<&Tensor>(self.parameter(weight), None, stride, padding, 1, 1)
    }

    fn norm_relu(&self, input: &Tensor, norm: Norm, train: bool) -> Tensor {
        // In place: the backward pass of a norm needs its input, not its output.
        self.norm(input, norm, train).relu_()
    }

    fn layer(&self, input: &Tensor, layer: &DenseLayer, train: bool, observe: ObserveInput) -> Tensor {
        let bottleneck = self.convolution(&self.norm_relu(input, layer.norm1, train), layer.conv1, (1, 0), observe);
        self.convolution(&self.norm_relu(&bottleneck, layer.norm2, train), layer.conv2, (1, 1), observe)
    }

    fn features_of(&self, input: &Tensor, train: bool) -> Tensor {
        self.features_observed(input, train, &mut |_, _| {})
    }

    fn features_observed(&self, input: &Tensor, train: bool, observe: ObserveInput) -> Tensor {
        let stem = self.convolution(input, LAYOUT.stem, (2, 3), observe);
        let mut features = self.norm_relu(&stem, LAYOUT.stem_norm, train).max_pool2d(3, 2, 1, 1, false);
        for (index, block) in LAYOUT.blocks.iter().enumerate() {
            let mut parts = vec![features];
            for layer in block {
                let added = self.layer(&Tensor::cat(&parts, 1), layer, train, observe);
                parts.push(added);
            }
            features = Tensor::cat(&parts, 1);
            if let Some(transition) = LAYOUT.transitions.get(index) {
                let activated = self.norm_relu(&features, transition.norm, train);
                let convolved = self.convolution(&activated, transition.conv, (1, 0), observe);
                features = convolved.avg_pool2d(2, 2, 0, false, true, None);
            }
        }
        self.norm(&features, LAYOUT.last_norm, train)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lens_model::SMALLEST_SIDE;
    use tch::Kind;

    fn initial() -> DenseNet<Tensor> {
        DenseNet::of(&Parameters::initial(1).unwrap(), Device::Cpu).unwrap()
    }

    fn random_input(height: i64, width: i64) -> Tensor {
        Tensor::arange(2 * 3 * height * width, (Kind::Float, Device::Cpu)).remainder(17.0).view([2, 3, height, width])
            / 17.0
    }

    #[test]
    fn input_memory_format_does_not_matter() {
        let network = initial();
        let input = random_input(48, 40);
        let last = input.permute([0, 2, 3, 1]).contiguous().permute([0, 3, 1, 2]);
        assert_ne!(input.stride(), last.stride());
        let _guard = tch::no_grad_guard();
        let difference = (network.logits(&input) - network.logits(&last)).abs().max().double_value(&[]);
        assert!(difference < 1e-4, "{difference}");
    }

    #[test]
    fn smallest_input() {
        let network = initial();
        let side = SMALLEST_SIDE as i64;
        assert_eq!(network.features(&random_input(side, side)).size(), [2, 1024, 1, 1]);
    }

    #[test]
    fn wrong_parameter_count_is_refused() {
        let parameters = Parameters::initial(1).unwrap();
        let values = parameters.all();
        let more = [values, &[0.0]].concat();
        for wrong in [&values[1..], &more] {
            let error = DenseNet::of_values(wrong, Device::Cpu).unwrap_err();
            assert!(error.message().contains(&format!("{} numbers", wrong.len())), "{error}");
        }
    }
}
