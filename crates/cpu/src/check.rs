//! The check of a plan before it is used: two small noise images through the plan and through the reference network.

use crate::plan::int8::QuantizedWeights;
use crate::plan::{NetworkPlan, NetworkShape, Output, PackedWeights, Tiling};
use crate::pool::Pool;
use crate::reference::{FeatureMap, Reference};
use lens_base::{Result, generator};
use lens_images::ImageView;
use lens_model::{ActivationRanges, LAYOUT, update_max};
use rand::RngExt;
use std::sync::Arc;

/// Side of the images.
const SIDE: usize = 64;
/// Largest allowed difference from the reference, relative to the largest value. Rounding stays below a hundredth of
/// this; misplaced weights are far above.
const TOLERANCE: f32 = 1e-3;
/// Largest allowed mean difference of int8 features, relative to their mean size: quantisation makes a few hundredths,
/// misplaced weights about 1.
const TOLERANCE_INT8: f64 = 0.3;

/// Whether a plan agrees with the reference; if not, by how much they differ.
pub type Verdict = std::result::Result<(), String>;

/// The images and the reference's results for them.
pub struct PlanCheck {
    /// RGB and gray, which are computed by different kernels.
    noise: [Vec<f32>; 2],
    /// The last feature map of each image.
    features: Vec<FeatureMap>,
    /// Class activation maps of both images, in one vector.
    activation_maps: Vec<f32>,
    /// The largest input of each convolution, by the index of its weight in the layout.
    maxima: Vec<f32>,
}

impl PlanCheck {
    /// Runs the reference.
    pub fn of(reference: &Reference) -> Result<Self> {
        let mut random = generator(0, LAYOUT.parameters().len() as u64);
        let rgb: Vec<f32> = (0..SIDE * SIDE * 3).map(|_| random.random()).collect();
        let gray = rgb.iter().copied().step_by(3).collect();
        let noise = [rgb, gray];
        let mut maxima = vec![0f32; LAYOUT.parameters().len()];
        let mut features = Vec::new();
        for samples in &noise {
            let mut observe = |weight: usize, found| update_max(&mut maxima[weight], found);
            features.push(reference.features(&view(samples), (SIDE, SIDE), &mut observe)?);
        }
        let activation_maps = features.iter().flat_map(|map| reference.activation_map(map)).collect();
        Ok(PlanCheck { noise, features, activation_maps, maxima })
    }

    /// The shape of a plan for the images, with a tiling for each block.
    pub fn shape(tilings: &[Tiling]) -> NetworkShape {
        NetworkShape::with_tilings(SIDE, SIDE, |block, _, _| tilings[block])
    }

    /// Checks a plan of `shape`.
    pub fn verdict(&self, pool: &Pool, plan: &NetworkPlan) -> Result<Verdict> {
        let found = self.run(pool, plan, Output::ActivationMap)?;
        let max = self.activation_maps.iter().fold(0f32, |max, value| max.max(value.abs()));
        let differences = found.iter().zip(&self.activation_maps).map(|(found, expected)| (found - expected).abs());
        // `f32::max` ignores NaN.
        let bad = differences.clone().any(|difference| difference.is_nan() || difference > TOLERANCE * max);
        if !bad {
            return Ok(Ok(()));
        }
        let mut worst = 0.0;
        differences.for_each(|difference| update_max(&mut worst, difference));
        Ok(Err(format!("on test images it differs by {worst:e} in values of up to {max:e}")))
    }

    /// Activation ranges of these images. The check is of kernels and weights, and ranges calibrated for other images
    /// would clip these.
    pub fn ranges(&self) -> Result<ActivationRanges> {
        ActivationRanges::from_maxima(&self.maxima)
    }

    /// Checks int8 convolutions with `ranges`.
    pub fn verdict_int8(
        &self,
        pool: &Pool,
        weights: &Arc<PackedWeights>,
        quantized: &Arc<QuantizedWeights>,
    ) -> Result<Verdict> {
        let plan = NetworkPlan::with_int8(NetworkShape::new(SIDE, SIDE), weights, quantized);
        let found = self.run(pool, &plan, Output::Features)?;
        let expected = || self.features.iter().flat_map(|map| map.values.iter().copied());
        let sum = |values: &mut dyn Iterator<Item = f32>| values.map(|value| f64::from(value.abs())).sum::<f64>();
        let size = sum(&mut expected());
        let difference = sum(&mut found.iter().zip(expected()).map(|(found, expected)| found - expected));
        // False for NaN.
        if difference <= TOLERANCE_INT8 * size {
            return Ok(Ok(()));
        }
        Ok(Err(format!("features of test images differ by {difference:e} in all, of {size:e}")))
    }

    fn run(&self, pool: &Pool, plan: &NetworkPlan, output: Output) -> Result<Vec<f32>> {
        let images: Vec<_> = self.noise.iter().map(|samples| view(samples)).collect();
        plan.run(pool, &images, output)
    }
}

fn view(samples: &[f32]) -> ImageView<'_> {
    let channels = samples.len() / (SIDE * SIDE);
    ImageView { memory: samples, offset: 0, row_step: SIDE * channels, channels }
}
