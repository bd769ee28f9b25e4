//! DenseNet-121 (Huang et al. 2017) as torchvision computes it, with one output.

use super::initial::initial_value;
use super::layout::{DenseLayer, LAYOUT, Norm, ParameterSpec};
use crate::error::Result;
use crate::runtime::SharedTensor;
use std::borrow::Borrow;
use tch::{Device, Tensor};

/// Smallest width and height of an input: it is halved five times.
pub const SMALLEST_SIDE: usize = 32;

/// torchvision's batch normalisation.
pub(crate) const EPSILON: f64 = 1e-5;
pub(crate) const MOMENTUM: f64 = 0.1;

/// Is told of every convolution: the index of its weight, and its input.
type Seen<'a> = &'a mut dyn FnMut(usize, &Tensor);

/// The network: `Tensor` parameters for training, `SharedTensor` for any number of reading threads.
#[derive(Debug)]
pub struct DenseNet<T> {
    parameters: Vec<T>,
}

impl DenseNet<Tensor> {
    /// With random weights.
    pub fn initial(seed: u64, device: Device) -> Self {
        let parameters = LAYOUT
            .parameters()
            .iter()
            .enumerate()
            .map(|(index, spec)| initial_value(spec, index, seed).to_device(device))
            .collect();
        DenseNet { parameters }
    }

    /// With the parameters that `take` gives, asked for in the layout's order.
    pub fn from_parameters(mut take: impl FnMut(&ParameterSpec) -> Result<Tensor>) -> Result<Self> {
        let parameters = LAYOUT.parameters().iter().map(&mut take).collect::<Result<_>>()?;
        Ok(DenseNet { parameters })
    }

    /// N logits of an N x 3 x H x W batch, with batch statistics; running statistics are updated.
    pub fn train_logits(&mut self, input: &Tensor) -> Tensor {
        self.head(&self.features_of(input, true))
    }

    /// The parameters, to be changed.
    pub fn parameters_mut(&mut self) -> &mut [Tensor] {
        &mut self.parameters
    }

    /// A copy that nothing changes any more. Its convolutions lie channels last, as the inputs do: what libtorch
    /// computes depends in its last bits on the order in memory, and a model must not change by being saved and loaded.
    pub fn frozen(&self) -> DenseNet<SharedTensor> {
        let copy = |tensor: &Tensor| match tensor.dim() {
            4 => tensor.permute([0, 2, 3, 1]).contiguous().copy().permute([0, 3, 1, 2]),
            _ => tensor.copy(),
        };
        let parameters = self.parameters.iter().map(|tensor| SharedTensor::new(copy(&tensor.detach()))).collect();
        DenseNet { parameters }
    }
}

impl DenseNet<SharedTensor> {
    /// The same with its convolutions in NCHW order, which libtorch then computes in.
    pub fn row_by_row(&self) -> Self {
        let parameters = self.parameters().map(|tensor| SharedTensor::new(tensor.contiguous())).collect();
        DenseNet { parameters }
    }
}

impl<T: Borrow<Tensor>> DenseNet<T> {
    /// The parameters, in the layout's order.
    pub fn parameters(&self) -> impl Iterator<Item = &Tensor> {
        self.parameters.iter().map(Borrow::borrow)
    }

    /// A copy to train.
    pub fn thawed(&self) -> DenseNet<Tensor> {
        DenseNet { parameters: self.parameters().map(|tensor| tensor.detach().copy()).collect() }
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

    /// Calls `seen` with every convolution's weight, as its index in the layout, and its input, while N x 3 x H x W
    /// images go through the network.
    pub fn observe(&self, input: &Tensor, seen: &mut dyn FnMut(usize, &Tensor)) {
        let _ = self.features_seen(input, false, seen);
    }

    /// N logits from the feature map.
    pub fn head(&self, features: &Tensor) -> Tensor {
        let pooled = features.relu().mean_dim(&[2i64, 3][..], false, features.kind());
        pooled.linear(self.parameter(LAYOUT.head_weight), Some(self.parameter(LAYOUT.head_bias))).view([-1])
    }

    /// What each place of the feature map adds to the logit: N x h x w, whose mean over places is the logit (pooling and
    /// head are linear).
    pub fn activation_map(&self, features: &Tensor) -> Tensor {
        let weight = self.parameter(LAYOUT.head_weight).view([1, -1, 1, 1]);
        features.relu().conv2d(&weight, Some(self.parameter(LAYOUT.head_bias)), 1, 0, 1, 1).squeeze_dim(1)
    }

    /// Grad-CAM++ (Chattopadhay et al. 2018) of the feature map for the score exp(logit), N x h x w, up to the positive
    /// factor exp(logit): where evidence for the positive class is, at least 0.
    ///
    /// The paper weights channel k by the sum over places of alpha * relu(g), where g is the logit's derivative by the
    /// channel's value A at the place and, for this score, alpha = g^2 / (2 g^2 + g^3 * sum of A over places). Pooling
    /// and head are linear, so with P places g = w_k / P everywhere, and with m_k the channel's mean
    /// alpha = 1 / (2 + w_k m_k): the channel's weight is relu(w_k) / (2 + w_k m_k), without a backward pass. Weights
    /// and values being at least 0, the ReLU of the sum over channels changes nothing.
    pub fn grad_cam_plus_plus(&self, features: &Tensor) -> Tensor {
        let kind = self.parameter(LAYOUT.head_weight).kind();
        let values = features.relu().to_kind(kind);
        let weight = self.parameter(LAYOUT.head_weight).view([1, -1, 1, 1]).relu();
        let mean = values.mean_dim(&[2i64, 3][..], true, kind);
        let weight = &weight / (&weight * mean + 2.0);
        (values * weight).sum_dim_intlist(&[1i64][..], false, kind)
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

    fn convolution(&self, input: &Tensor, weight: usize, (stride, padding): (i64, i64), seen: Seen) -> Tensor {
        seen(weight, input);
        input.conv2d::<&Tensor>(self.parameter(weight), None, stride, padding, 1, 1)
    }

    fn norm_relu(&self, input: &Tensor, norm: Norm, train: bool) -> Tensor {
        // In place: the backward pass of a norm needs its input, not its output.
        self.norm(input, norm, train).relu_()
    }

    fn layer(&self, input: &Tensor, layer: &DenseLayer, train: bool, seen: Seen) -> Tensor {
        let inner = self.convolution(&self.norm_relu(input, layer.norm1, train), layer.conv1, (1, 0), seen);
        self.convolution(&self.norm_relu(&inner, layer.norm2, train), layer.conv2, (1, 1), seen)
    }

    fn features_of(&self, input: &Tensor, train: bool) -> Tensor {
        self.features_seen(input, train, &mut |_, _| {})
    }

    fn features_seen(&self, input: &Tensor, train: bool, seen: Seen) -> Tensor {
        let stem = self.convolution(input, LAYOUT.stem, (2, 3), seen);
        let mut features = self.norm_relu(&stem, LAYOUT.stem_norm, train).max_pool2d(3, 2, 1, 1, false);
        for (index, block) in LAYOUT.blocks.iter().enumerate() {
            let mut parts = vec![features];
            for layer in block {
                let added = self.layer(&Tensor::cat(&parts, 1), layer, train, seen);
                parts.push(added);
            }
            features = Tensor::cat(&parts, 1);
            if let Some(transition) = LAYOUT.transitions.get(index) {
                let activated = self.norm_relu(&features, transition.norm, train);
                let reduced = self.convolution(&activated, transition.conv, (1, 0), seen);
                features = reduced.avg_pool2d(2, 2, 0, false, true, None);
            }
        }
        self.norm(&features, LAYOUT.last_norm, train)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Kind;

    fn random_input(height: i64, width: i64) -> Tensor {
        Tensor::arange(2 * 3 * height * width, (Kind::Float, Device::Cpu)).remainder(17.0).view([2, 3, height, width])
            / 17.0
    }

    #[test]
    fn memory_order_of_the_input_does_not_matter() {
        let network = DenseNet::initial(1, Device::Cpu);
        let input = random_input(48, 40);
        let last = input.permute([0, 2, 3, 1]).contiguous().permute([0, 3, 1, 2]);
        assert_ne!(input.stride(), last.stride());
        let _guard = tch::no_grad_guard();
        let difference = (network.logits(&input) - network.logits(&last)).abs().max().double_value(&[]);
        assert!(difference < 1e-4, "{difference}");
    }

    #[test]
    fn the_activation_maps_mean_is_the_logit() {
        let network = DenseNet::initial(1, Device::Cpu);
        let _guard = tch::no_grad_guard();
        let features = network.features(&random_input(96, 64));
        let mean = network.activation_map(&features).mean_dim(&[1i64, 2][..], false, Kind::Float);
        let difference = (mean - network.head(&features)).abs().max().double_value(&[]);
        assert!(difference < 1e-5, "{difference}");
    }

    /// The paper's formulas, every derivative by automatic differentiation, in double precision.
    fn grad_cam_plus_plus_by_autograd(network: &DenseNet<Tensor>, features: &Tensor) -> Tensor {
        let double = |index: usize| network.parameter(index).to_kind(Kind::Double).detach();
        let (weight, bias) = (double(LAYOUT.head_weight), double(LAYOUT.head_bias));
        let values = features.to_kind(Kind::Double).set_requires_grad(true);
        let pooled = values.mean_dim(&[2i64, 3][..], false, Kind::Double);
        let score = pooled.linear(&weight, Some(&bias)).exp().sum(Kind::Double);
        let derivative = |of: &Tensor| Tensor::run_backward(&[of], &[&values], true, true).remove(0).view([-1]);
        let first = derivative(&score);
        let count = first.size()[0];
        let (mut second, mut third) = (Vec::new(), Vec::new());
        for index in 0..count {
            let of_second = derivative(&first.get(index)).get(index);
            third.push(derivative(&of_second).double_value(&[index]));
            second.push(of_second.double_value(&[]));
        }
        let [second, third] = [second, third].map(|list| Tensor::from_slice(&list).view_as(&values));
        let sums = values.sum_dim_intlist(&[2i64, 3][..], true, Kind::Double);
        let alpha = &second / (2.0 * &second + sums * third);
        let weighted: Tensor = alpha * first.view_as(&values).relu();
        let weights = weighted.sum_dim_intlist(&[2i64, 3][..], true, Kind::Double);
        let map: Tensor = weights * &values;
        map.sum_dim_intlist(&[1i64][..], false, Kind::Double).relu().detach()
    }

    #[test]
    fn grad_cam_plus_plus_is_what_its_derivatives_give() {
        let network = DenseNet::initial(3, Device::Cpu);
        tch::manual_seed(5);
        let features = Tensor::rand([1, 1024, 1, 3], (Kind::Float, Device::Cpu)) * 8.0 + 0.01;
        let expected = grad_cam_plus_plus_by_autograd(&network, &features);
        let _guard = tch::no_grad_guard();
        // The score's factor exp(logit).
        let logit = network.head(&features).to_kind(Kind::Double);
        let found = network.grad_cam_plus_plus(&features).to_kind(Kind::Double) * logit.exp();
        let difference = ((found - &expected) / expected).abs().max().double_value(&[]);
        assert!(difference < 1e-4, "{difference}");
    }

    #[test]
    fn the_smallest_input_works() {
        let network = DenseNet::initial(1, Device::Cpu);
        let side = SMALLEST_SIDE as i64;
        assert_eq!(network.features(&random_input(side, side)).size(), [2, 1024, 1, 1]);
    }
}
