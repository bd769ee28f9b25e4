//! libtorch's network in any precision, and its gradients by autograd.
#![allow(dead_code, reason = "every test program uses a part")]

use lens_model::{LAYOUT, Parameters};
use lesionlens_torch::DenseNet;
use tch::{Device, Kind, Tensor};

/// A network with a copy of the parameters.
pub fn network(parameters: &Parameters, kind: Kind) -> DenseNet<Tensor> {
    let network = DenseNet::of(parameters, Device::Cpu).unwrap();
    for (tensor, spec) in network.parameters().zip(LAYOUT.parameters()) {
        let mut same = tensor.shallow_clone();
        same.set_data(&tensor.to_kind(kind));
        assert_eq!(same.set_requires_grad(spec.role.is_trained()).kind(), kind);
        assert_eq!(tensor.kind(), kind);
    }
    network
}

/// The trained parameters.
pub fn trained(network: &DenseNet<Tensor>) -> Vec<Tensor> {
    let all = network.parameters().zip(LAYOUT.parameters());
    all.filter(|(_, spec)| spec.role.is_trained()).map(|(tensor, _)| tensor.shallow_clone()).collect()
}

/// Gradients of all trained parameters, in their shapes.
pub fn gradients(loss: &Tensor, network: &DenseNet<Tensor>) -> Vec<Tensor> {
    Tensor::run_backward(&[loss], &trained(network), false, false)
}

/// The running statistics.
pub fn running(network: &DenseNet<Tensor>) -> Vec<Tensor> {
    let all = network.parameters().zip(LAYOUT.parameters());
    all.filter(|(_, spec)| !spec.role.is_trained()).map(|(tensor, _)| tensor.to_kind(Kind::Double)).collect()
}

/// Flattened, convolutions channels last, as `TrainingParameters`.
pub fn flat(tensors: &[Tensor]) -> Tensor {
    let flat = |tensor: &Tensor| match tensor.dim() {
        4 => tensor.permute([0, 2, 3, 1]).reshape([-1]),
        _ => tensor.reshape([-1]),
    };
    Tensor::cat(&tensors.iter().map(flat).collect::<Vec<_>>(), 0)
}
