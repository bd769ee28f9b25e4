//! Running the network on batches.

use crate::data::Batch;
use crate::error::{Error, ErrorKind, Result};
use crate::model::Model;
use crate::runtime::{LogLevel, catch, with_precision};
use tch::{Kind, Tensor};

fn values(tensor: &Tensor) -> Result<Vec<f32>> {
    Ok(Vec::try_from(tensor.f_to_kind(Kind::Float)?.f_to_device(tch::Device::Cpu)?.f_contiguous()?.f_view([-1])?)?)
}

/// A logit at a temperature: what the model says, from what the network computed.
pub fn at_temperature(logit: f32, temperature: f64) -> f32 {
    (f64::from(logit) / temperature) as f32
}

/// What the network computed, at the model's temperature.
fn calibrated_values(model: &Model, tensor: &Tensor) -> Result<Vec<f32>> {
    let temperature = model.temperature();
    Ok(values(tensor)?.into_iter().map(|logit| at_temperature(logit, temperature)).collect())
}

/// The logit of each image of the batch. When memory runs out the batch goes through in halves.
pub fn logits(model: &Model, batch: &Batch) -> Result<Vec<f32>> {
    logits_of(model, batch.len(), |first, count| batch.tensor(first, count))
}

/// The logits of `total` images, of which `input` gives `count` from index `first` on, normalised, as N x 3 x H x W.
/// When memory runs out they go through in halves.
pub fn logits_of(model: &Model, total: usize, input: impl Fn(usize, usize) -> Tensor) -> Result<Vec<f32>> {
    let context = model.context();
    context.enter();
    let mut results = Vec::with_capacity(total);
    let mut size = total;
    while results.len() < total {
        let count = size.min(total - results.len());
        let computed = catch(|| {
            let _guard = tch::no_grad_guard();
            let input = input(results.len(), count);
            with_precision(context.policy().precision.value, &input, || {
                calibrated_values(model, &model.network().logits(&input))
            })
        });
        match computed {
            Ok(logits) => results.extend(logits),
            Err(error) if error.kind() == ErrorKind::OutOfMemory && count > 1 => {
                size = count / 2;
                context.log(
                    LogLevel::Warning,
                    &format!("out of memory with {count} images at once; going on with {size}"),
                );
            }
            Err(error) => return Err(error),
        }
    }
    match results.iter().position(|logit| !logit.is_finite()) {
        Some(index) => {
            Err(Error::internal(format!("the network's output for image {index} of a batch is {}", results[index])))
        }
        None => Ok(results),
    }
}

/// What the places of the last feature map contribute, row by row.
pub struct PlaceMaps {
    /// Width of the feature map.
    pub columns: usize,
    /// Its height.
    pub rows: usize,
    /// What each place adds to the logit; their mean is the logit.
    pub logits: Vec<f32>,
    /// Grad-CAM++, up to a positive factor.
    pub evidence: Vec<f32>,
}

/// The maps of one image, normalised, 1 x 3 x H x W.
pub fn place_maps(model: &Model, input: &Tensor) -> Result<PlaceMaps> {
    let context = model.context();
    context.enter();
    let maps = catch(|| {
        let _guard = tch::no_grad_guard();
        with_precision(context.policy().precision.value, input, || {
            let network = model.network();
            let features = network.features(input);
            let logits = network.activation_map(&features);
            Ok(PlaceMaps {
                columns: logits.size()[2] as usize,
                rows: logits.size()[1] as usize,
                logits: calibrated_values(model, &logits)?,
                evidence: values(&network.grad_cam_plus_plus(&features))?,
            })
        })
    })?;
    match maps.logits.iter().chain(&maps.evidence).find(|value| !value.is_finite()) {
        Some(value) => Err(Error::internal(format!("the network's output for a place of the image is {value}"))),
        None => Ok(maps),
    }
}
