//! Running the network on batches.

use lens_base::{Error, ErrorKind, LogLevel, Result};
use lens_images::{Batch, Images};
use lens_model::{activation_map, relu};
use lens_runtime::Classifier;

/// The network's logit divided by the model's temperature.
pub fn at_temperature(logit: f32, temperature: f64) -> f32 {
    (f64::from(logit) / temperature) as f32
}

/// The network's logits divided by the model's temperature.
fn calibrated(model: &Classifier, logits: Vec<f32>) -> Vec<f32> {
    let temperature = model.temperature();
    logits.into_iter().map(|logit| at_temperature(logit, temperature)).collect()
}

/// The logit of each image of the batch. When memory runs out the batch goes through in halves.
pub fn logits(model: &Classifier, batch: &Batch) -> Result<Vec<f32>> {
    logits_of(model, &batch.all())
}

/// The logits of normalised images. When memory runs out they go through in halves.
pub fn logits_of(model: &Classifier, images: &Images) -> Result<Vec<f32>> {
    let (context, total) = (model.context(), images.len());
    let mut results = Vec::with_capacity(total);
    let mut size = total.min(context.max_images(images.width, images.height));
    while results.len() < total {
        let count = size.min(total - results.len());
        let views = images.views[results.len()..results.len() + count].to_vec();
        match model.logits(&Images { views, ..*images }) {
            Ok(logits) => results.extend(calibrated(model, logits)),
            Err(error) if error.kind() == ErrorKind::OutOfMemory && count > 1 => {
                context.engine().empty_cache();
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

/// What the cells of the last feature map contribute, row by row.
pub struct CellMaps {
    /// Width of the feature map.
    pub columns: usize,
    /// Its height.
    pub rows: usize,
    /// What each cell adds to the logit; their mean is the logit.
    pub logits: Vec<f32>,
    /// Grad-CAM++, up to a positive factor.
    pub evidence: Vec<f32>,
}

/// The maps of one normalised image.
pub fn cell_maps(model: &Classifier, image: &Images) -> Result<CellMaps> {
    let features = model.network().features(image)?;
    let (weight, bias) = model.model().head();
    let logits = activation_map(&features.values, weight, bias);
    let maps = CellMaps {
        columns: features.width,
        rows: features.height,
        logits: calibrated(model, logits),
        evidence: grad_cam_plus_plus(&features.values, weight),
    };
    match maps.logits.iter().chain(&maps.evidence).find(|value| !value.is_finite()) {
        Some(value) => Err(Error::internal(format!("the network's output for a cell of the image is {value}"))),
        None => Ok(maps),
    }
}

/// Grad-CAM++ (Chattopadhay et al. 2018) of a feature map for the score exp(logit), up to the positive factor exp(logit):
/// where evidence for the positive class is, at least 0.
///
/// The paper weights channel k by the sum over cells of alpha * relu(g), where g is the logit's derivative by the channel's
/// value A at the cell and, for this score, alpha = g^2 / (2 g^2 + g^3 * sum of A over cells). Pooling and head are linear,
/// so with P cells g = w_k / P everywhere, and with m_k the channel's mean alpha = 1 / (2 + w_k m_k): the channel's weight
/// is relu(w_k) / (2 + w_k m_k), without a backward pass. Weights and values being at least 0, the ReLU of the sum over
/// channels changes nothing.
fn grad_cam_plus_plus(features: &[f32], weight: &[f32]) -> Vec<f32> {
    let cells = || features.chunks_exact(weight.len());
    let mut sums = vec![0f64; weight.len()];
    for cell in cells() {
        sums.iter_mut().zip(cell).for_each(|(sum, value)| *sum += f64::from(relu(*value)));
    }
    let count = cells().len() as f64;
    let of_channel = |(weight, sum): (&f32, &f64)| {
        let weight = f64::from(relu(*weight));
        weight / (weight * sum / count + 2.0)
    };
    let weights: Vec<f64> = weight.iter().zip(&sums).map(of_channel).collect();
    let of_cell = |cell: &[f32]| {
        cell.iter().zip(&weights).map(|(value, weight)| f64::from(relu(*value)) * weight).sum::<f64>() as f32
    };
    cells().map(of_cell).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two cells of three channels.
    const FEATURES: [f32; 6] = [1.0, -2.0, 3.0, 0.5, 4.0, -1.0];
    const WEIGHT: [f32; 3] = [2.0, 0.5, -1.0];

    /// The paper's formulas, with the derivatives of exp of a linear score of two cells written out.
    #[test]
    fn grad_cam_plus_plus_against_derivatives() {
        let values = FEATURES.map(|value| f64::from(relu(value)));
        let logit: f64 = (0..6).map(|index| values[index] * f64::from(WEIGHT[index % 3]) / 2.0).sum();
        let score = logit.exp();
        let mut expected = [0.0; 2];
        for channel in 0..3 {
            let slope = f64::from(WEIGHT[channel]) / 2.0;
            let sum = values[channel] + values[channel + 3];
            let [first, second, third] = [1, 2, 3].map(|order| score * slope.powi(order));
            let alpha = second / (2.0 * second + sum * third);
            let weight = 2.0 * alpha * first.max(0.0);
            for (cell, expected) in expected.iter_mut().enumerate() {
                *expected += weight * values[cell * 3 + channel];
            }
        }
        for (found, expected) in grad_cam_plus_plus(&FEATURES, &WEIGHT).into_iter().zip(expected) {
            let found = f64::from(found) * score;
            assert!((found / expected - 1.0).abs() < 1e-6, "{found} {expected}");
        }
    }
}
