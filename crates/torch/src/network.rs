//! A network for inference on an engine.

use crate::autocast::with_precision;
use crate::densenet::DenseNet;
use crate::engine::TorchEngine;
use crate::error::{Error, Result};
use crate::torch::{SharedTensor, copy_to_slice};
use lens_engine::check_images;
use lens_images::Images;
use lens_model::LAYOUT;
use std::sync::Arc;
use tch::Tensor;

/// A network and its engine.
#[derive(Debug)]
pub(crate) struct TorchNetwork {
    engine: Arc<TorchEngine>,
    network: DenseNet<SharedTensor>,
}

impl TorchNetwork {
    /// From all parameters in the layout's order.
    pub fn new(engine: &Arc<TorchEngine>, parameters: &[f32]) -> Result<Self> {
        engine.enter()?;
        let _guard = tch::no_grad_guard();
        let network = DenseNet::of_values(parameters, engine.device())?.frozen();
        let network = if engine.settings().channels_last { network } else { network.to_nchw() };
        Ok(TorchNetwork { engine: Arc::clone(engine), network })
    }

    /// One logit for each image.
    pub fn logits(&self, images: &Images, logits: &mut [f32]) -> Result<()> {
        self.compute(images, |input| copy_to_slice(&self.network.logits(input), logits))
    }

    /// The last feature maps, channels last.
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

    /// Raises `maxima` to the maximum of each convolution's input, in f32; see `lens_engine::Network::observe`.
    pub fn observe(&self, images: &Images, maxima: &mut [f32]) -> Result<()> {
        let expected = LAYOUT.parameters().len();
        if maxima.len() != expected {
            let count = maxima.len();
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
            self.network
                .observe(input, &mut |convolution, input| update_max(&mut maxima[convolution], convolution, input));
            Ok(())
        })
    }
}

fn update_max(maxima: &mut f32, convolution: usize, input: &Tensor) {
    // In plans, the average pooling of a transition comes before its convolution.
    let pooled = LAYOUT.transitions.iter().any(|transition| transition.conv == convolution);
    let input = if pooled { input.avg_pool2d(2, 2, 0, false, true, None) } else { input.shallow_clone() };
    lens_model::update_max(maxima, input.max().double_value(&[]) as f32);
}
