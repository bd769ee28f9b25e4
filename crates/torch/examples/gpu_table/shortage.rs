//! Behaviour when the GPU's memory runs out.

use crate::table::Table;
use crate::work::{IMAGES, Messages, Outcome, context, logits, losses, max_difference, options, trained};
use lens_engine::policy::{DeviceRequest, PrecisionRequest};
use lens_runtime::{Classifier, Context};
use std::path::Path;
use tch::{Device, Kind, Tensor};

/// Free bytes reported by the GPU's runtime.
fn free_bytes(device: DeviceRequest) -> Outcome<u64> {
    let context = context(device, PrecisionRequest::Auto, true, &Messages::default())?;
    let policy = context.policy();
    let gpus = &context.describe()["gpu_runtime"]["gpus"];
    gpus[policy.device_index.value as usize]["free_bytes"].as_u64().ok_or_else(|| "no GPU reports its memory".into())
}

/// Allocates all but `left` bytes.
fn hog(context: &Context, device: DeviceRequest, left: u64) -> Outcome<Tensor> {
    context.engine().empty_cache();
    let bytes = free_bytes(device)?.saturating_sub(left);
    let there = if context.is_gpu() { Device::Cuda(context.policy().device_index.value as usize) } else { Device::Cpu };
    Ok(Tensor::f_empty([bytes as i64], (Kind::Uint8, there))?)
}

fn shrank(messages: &Messages) -> usize {
    messages.lock().map_or(0, |messages| messages.iter().filter(|text| text.starts_with("out of memory")).count())
}

/// Classifies and trains in the remaining memory, and compares the results.
pub fn survive(table: &mut Table, device: DeviceRequest, file: &Path, pictures: &[Vec<u8>]) -> Outcome<()> {
    let messages = Messages::default();
    let context = context(device, PrecisionRequest::F32, true, &messages)?;
    let model = Classifier::load(&context, file)?;
    let expected = logits(&model, pictures)?;
    for left in [192u64 << 20, 96 << 20] {
        let before = shrank(&messages);
        let hog = hog(&context, device, left)?;
        let found = logits(&model, pictures);
        drop(hog);
        let name = format!("{IMAGES} images in f32 with {} MiB left", left >> 20);
        let times = shrank(&messages) - before;
        match found {
            Ok(found) => table.compare(
                &format!("{name}, classified in {times} smaller steps"),
                max_difference(&expected, &found),
                1e-3,
            ),
            Err(error) => table.expect(&name, error.to_string().contains("memory"), error),
        }
    }

    let plenty = losses(&trained(&context, pictures, &options(2))?);
    let before = shrank(&messages);
    let held = hog(&context, device, 2 << 30)?;
    let short = trained(&context, pictures, &options(2)).map(|model| losses(&model));
    drop(held);
    let short = short?;
    table.expect(
        "training with 2 GiB left",
        shrank(&messages) > before && short.iter().all(|loss| loss.is_finite()),
        format!("losses {short:?} in {} smaller parts; {plenty:?} with plenty", shrank(&messages) - before),
    );
    // Too little for two images: an error, after which the context stays usable.
    let held = hog(&context, device, 48 << 20)?;
    let none = trained(&context, pictures, &options(1)).map(|_| ()).map_err(|error| error.to_string());
    drop(held);
    table.expect(
        "training with 48 MiB left",
        none.as_ref().is_err_and(|text| text.contains("memory")),
        format!("{none:?}"),
    );
    table.compare("the same context afterwards", max_difference(&expected, &logits(&model, pictures)?), 1e-3);
    Ok(())
}
