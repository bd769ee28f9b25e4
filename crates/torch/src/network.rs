//! A network that is ready to compute, on an engine.

use crate::densenet::DenseNet;
use crate::engine::TorchEngine;
use crate::error::{Error, Result};
use crate::mixed::with_precision;
use crate::torch::{SharedTensor, copy_to_slice};
use lens_engine::check_images;
use lens_images::Images;
use lens_model::LAYOUT;
use std::sync::Arc;
use tch::Tensor;

/// A network with the engine that computes it.
#[derive(Debug)]
pub(crate) struct TorchNetwork {
    engine: Arc<TorchEngine>,
    network: DenseNet<SharedTensor>,
}

impl TorchNetwork {
    /// Of all parameters in the layout's order.
    pub fn new(engine: &Arc<TorchEngine>, parameters: &[f32]) -> Result<Self> {
        engine.enter()?;
        let _guard = tch::no_grad_guard();
        let network = DenseNet::of_values(parameters, engine.device())?.frozen();
        let network = if engine.settings().channels_last { network } else { network.row_by_row() };
        Ok(TorchNetwork { engine: Arc::clone(engine), network })
    }

    /// One number for each image.
    pub fn logits(&self, images: &Images, logits: &mut [f32]) -> Result<()> {
        self.compute(images, |input| copy_to_slice(&self.network.logits(input), logits))
    }

    /// The last feature maps, the channels of a place beside each other.
    pub fn features(&self, images: &Images, features: &mut [f32]) -> Result<()> {
        self.compute(images, |input| copy_to_slice(&self.network.features(input).f_permute([0, 2, 3, 1])?, features))
    }

    fn compute(&self, images: &Images, work: impl FnOnce(&Tensor) -> Result<()>) -> Result<()> {
        check_images(images)?;
        if images.is_empty() {
            return Ok(());
        }
        let _guard = tch::no_grad_guard();
        let precision = self.engine.settings().precision;
        self.engine.with_input(images, |input| with_precision(precision, input, || work(input)))
    }

    /// Raises `largest` to the largest input of each convolution, in f32; see `lens_engine::Network::observe`.
    pub fn observe(&self, images: &Images, largest: &mut [f32]) -> Result<()> {
        let expected = LAYOUT.parameters().len();
        if largest.len() != expected {
            let count = largest.len();
            return Err(Error::argument(format!(
                "there is room for {count} ranges; the network has {expected} parameters"
            )));
        }
        check_images(images)?;
        if images.is_empty() {
            return Ok(());
        }
        let _guard = tch::no_grad_guard();
        self.engine.with_input(images, |input| {
            self.network.observe(input, &mut |convolution, input| raise(&mut largest[convolution], convolution, input));
            Ok(())
        })
    }
}

fn raise(largest: &mut f32, convolution: usize, input: &Tensor) {
    // The compiled network pools before a transition's convolution.
    let pooled = LAYOUT.transitions.iter().any(|transition| transition.conv == convolution);
    let input = if pooled { input.avg_pool2d(2, 2, 0, false, true, None) } else { input.shallow_clone() };
    lens_model::raise(largest, input.max().double_value(&[]) as f32);
}
