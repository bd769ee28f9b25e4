//! Running the network on batches.

use super::compiled::{plan_for, run};
use super::plan::Output;
use crate::data::Batch;
use crate::error::{Error, ErrorKind, Result};
use crate::model::Model;
use crate::runtime::{LogLevel, arranged, catch, with_precision};
use tch::{Kind, Tensor};

fn values(tensor: &Tensor) -> Result<Vec<f32>> {
    Ok(Vec::try_from(tensor.f_to_kind(Kind::Float)?.f_to_device(tch::Device::Cpu)?.f_contiguous()?.f_view([-1])?)?)
}

/// A logit at a temperature: what the model says, from what the network computed.
pub fn at_temperature(logit: f32, temperature: f64) -> f32 {
    (f64::from(logit) / temperature) as f32
}

/// What the network computed, at the model's temperature.
fn calibrated(model: &Model, logits: Vec<f32>) -> Vec<f32> {
    let temperature = model.temperature();
    logits.into_iter().map(|logit| at_temperature(logit, temperature)).collect()
}

/// The logit of each image of the batch. When memory runs out the batch goes through in halves.
pub fn logits(model: &Model, batch: &Batch) -> Result<Vec<f32>> {
    logits_of(model, batch.len(), batch.size(), |first, count| vec![batch.tensor(first, count)])
}

/// The logits of `total` images of a width and height, of which `input` gives `count` from index `first` on, normalised:
/// tensors of N x 3 x H x W, one after the other. When memory runs out they go through in halves.
pub fn logits_of(
    model: &Model,
    total: usize,
    (width, height): (usize, usize),
    input: impl Fn(usize, usize) -> Vec<Tensor>,
) -> Result<Vec<f32>> {
    let context = model.context();
    context.enter();
    let program = model.compiled().and_then(|compiled| compiled.program(height, width));
    let plan = if program.is_some() { None } else { plan_for(model, height, width)? };
    let mut results = Vec::with_capacity(total);
    let mut size = total.min(context.most_images(width, height));
    while results.len() < total {
        let count = size.min(total - results.len());
        let computed = catch(|| {
            let _guard = tch::no_grad_guard();
            let mut input = input(results.len(), count);
            if let Some(plan) = &plan {
                return run(plan, context.pool(), &input, Output::Logit);
            }
            let _turn = context.turn();
            let input = if input.len() == 1 { input.remove(0) } else { Tensor::cat(&input, 0) };
            let input = arranged(input, context.policy().channels_last.value);
            if let Some(program) = program {
                return values(&program.run(&input)?);
            }
            with_precision(context.policy().precision.value, &input, || values(&model.network().logits(&input)))
        });
        match computed {
            Ok(logits) => results.extend(calibrated(model, logits)),
            Err(error) if error.kind() == ErrorKind::OutOfMemory && count > 1 => {
                context.empty_cache();
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
    let size = input.size();
    let plan = plan_for(model, size[2] as usize, size[3] as usize)?;
    let network = model.network();
    let maps = catch(|| {
        let _guard = tch::no_grad_guard();
        let of_features = |features: &Tensor| {
            let logits = network.activation_map(features);
            Ok(PlaceMaps {
                columns: logits.size()[2] as usize,
                rows: logits.size()[1] as usize,
                logits: calibrated(model, values(&logits)?),
                evidence: values(&network.grad_cam_plus_plus(features))?,
            })
        };
        if let Some(plan) = &plan {
            let features = run(plan, context.pool(), &[input.shallow_clone()], Output::Features)?;
            let last = plan.shape().last();
            let features = Tensor::from_slice(&features).view([1, last.height as i64, last.width as i64, -1]);
            return of_features(&features.permute([0, 3, 1, 2]));
        }
        let _turn = context.turn();
        let input = arranged(input.shallow_clone(), context.policy().channels_last.value);
        with_precision(context.policy().precision.value, &input, || of_features(&network.features(&input)))
    })?;
    match maps.logits.iter().chain(&maps.evidence).find(|value| !value.is_finite()) {
        Some(value) => Err(Error::internal(format!("the network's output for a place of the image is {value}"))),
        None => Ok(maps),
    }
}
