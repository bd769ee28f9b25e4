//! Running the network on batches.

use crate::data::Batch;
use crate::error::{Error, ErrorKind, Result};
use crate::model::Model;
use crate::runtime::{LogLevel, arranged, catch, with_precision};
use tch::{Kind, Tensor};

fn values(tensor: &Tensor) -> Result<Vec<f32>> {
    Ok(Vec::try_from(tensor.f_to_kind(Kind::Float)?.f_to_device(tch::Device::Cpu)?.f_contiguous()?.f_view([-1])?)?)
}

/// The logit of each image of the batch. When memory runs out the batch goes through in halves.
pub fn logits(model: &Model, batch: &Batch) -> Result<Vec<f32>> {
    let context = model.context();
    context.enter();
    let mut results = Vec::with_capacity(batch.len());
    let (width, height) = batch.size();
    let mut size = batch.len().min(context.most_images(width, height));
    while results.len() < batch.len() {
        let count = size.min(batch.len() - results.len());
        let computed = catch(|| {
            let _guard = tch::no_grad_guard();
            let _turn = context.turn();
            let input = arranged(batch.tensor(results.len(), count), context.policy().channels_last.value);
            with_precision(context.policy().precision.value, &input, || values(&model.network().logits(&input)))
        });
        match computed {
            Ok(logits) => results.extend(logits),
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

/// For each image of the batch what each place adds to the logit, row by row; and width and height of that grid.
pub fn activation_maps(model: &Model, batch: &Batch) -> Result<(Vec<Vec<f32>>, usize, usize)> {
    let context = model.context();
    context.enter();
    catch(|| {
        let _guard = tch::no_grad_guard();
        let _turn = context.turn();
        let input = arranged(batch.tensor(0, batch.len()), context.policy().channels_last.value);
        let maps = with_precision(context.policy().precision.value, &input, || {
            Ok(model.network().activation_map(&model.network().features(&input)))
        })?;
        let (height, width) = (maps.size()[1] as usize, maps.size()[2] as usize);
        let all = values(&maps)?;
        Ok((all.chunks_exact(width * height).map(<[f32]>::to_vec).collect(), width, height))
    })
}
