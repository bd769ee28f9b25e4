//! What plans are compared with before they are believed: two small images of noise, through the plain network.

use crate::plan::int8::Quantized;
use crate::plan::{Output, Plan, Shape, Tiling, Weights};
use crate::pool::Pool;
use crate::reference::{Map, Reference};
use lens_base::{Result, generator};
use lens_images::ImageView;
use lens_model::{ActivationRanges, LAYOUT, raise};
use rand::RngExt;
use std::sync::Arc;

/// Side of the images.
const SIDE: usize = 64;
/// Largest difference from the plain network, as a share of the largest value. Rounding stays below a hundredth of this,
/// and weights in wrong places are far above.
const TOLERANCE: f32 = 1e-3;
/// Mean difference of 8-bit features, as a share of their mean size: rounding to bytes makes a few hundredths, weights in
/// wrong places about 1.
const TOLERANCE_INT8: f64 = 0.3;

/// Whether a plan gives what the plain network gives; if not, how far it is off.
pub type Verdict = std::result::Result<(), String>;

/// The images, and what the plain network gives for them.
pub struct Check {
    /// In colours and in gray, which are computed differently.
    noise: [Vec<f32>; 2],
    /// Their last feature maps,
    features: Vec<Map>,
    /// and what each of their places adds to the logit.
    map: Vec<f32>,
    /// The largest input of each convolution, by the index of its weight in the layout.
    largest: Vec<f32>,
}

impl Check {
    /// Computes it.
    pub fn of(reference: &Reference) -> Result<Self> {
        let mut random = generator(0, LAYOUT.parameters().len() as u64);
        let coloured: Vec<f32> = (0..SIDE * SIDE * 3).map(|_| random.random()).collect();
        let gray = coloured.iter().copied().step_by(3).collect();
        let noise = [coloured, gray];
        let mut largest = vec![0f32; LAYOUT.parameters().len()];
        let mut features = Vec::new();
        for samples in &noise {
            let mut seen = |weight: usize, found| raise(&mut largest[weight], found);
            features.push(reference.features(&view(samples), (SIDE, SIDE), &mut seen)?);
        }
        let map = features.iter().flat_map(|map| reference.activation_map(map)).collect();
        Ok(Check { noise, features, map, largest })
    }

    /// The shape of a plan for the images, with these choices of algorithms.
    pub fn shape(tilings: &[Tiling]) -> Shape {
        Shape::with_tilings(SIDE, SIDE, |block, _, _| tilings[block])
    }

    /// Of a plan of `shape`.
    pub fn verdict(&self, pool: &Pool, plan: &Plan) -> Result<Verdict> {
        let found = self.run(pool, plan, Output::Map)?;
        let largest = self.map.iter().fold(0f32, |largest, value| largest.max(value.abs()));
        let differences = found.iter().zip(&self.map).map(|(found, expected)| (found - expected).abs());
        // Not by `max`, which would overlook NaN.
        let bad = differences.clone().any(|difference| difference.is_nan() || difference > TOLERANCE * largest);
        if !bad {
            return Ok(Ok(()));
        }
        let mut worst = 0.0;
        differences.for_each(|difference| raise(&mut worst, difference));
        Ok(Err(format!("on test images it differs by {worst:e} in values of up to {largest:e}")))
    }

    /// The ranges of the images: what is checked of 8-bit convolutions are kernels and weights, and a calibration for other
    /// images would cut these off.
    pub fn ranges(&self) -> Result<ActivationRanges> {
        ActivationRanges::of_largest(&self.largest)
    }

    /// Of 8-bit convolutions with `ranges`.
    pub fn verdict_int8(&self, pool: &Pool, weights: &Arc<Weights>, quantized: &Arc<Quantized>) -> Result<Verdict> {
        let plan = Plan::with_int8(Shape::new(SIDE, SIDE), weights, quantized);
        let found = self.run(pool, &plan, Output::Features)?;
        let expected = || self.features.iter().flat_map(|map| map.values.iter().copied());
        let sum = |values: &mut dyn Iterator<Item = f32>| values.map(|value| f64::from(value.abs())).sum::<f64>();
        let size = sum(&mut expected());
        let difference = sum(&mut found.iter().zip(expected()).map(|(found, expected)| found - expected));
        // NaN, too, is a difference.
        if difference <= TOLERANCE_INT8 * size {
            return Ok(Ok(()));
        }
        Ok(Err(format!("features of test images differ by {difference:e} in all, of {size:e}")))
    }

    fn run(&self, pool: &Pool, plan: &Plan, output: Output) -> Result<Vec<f32>> {
        let images: Vec<_> = self.noise.iter().map(|samples| view(samples)).collect();
        plan.run(pool, &images, output)
    }
}

fn view(samples: &[f32]) -> ImageView<'_> {
    let channels = samples.len() / (SIDE * SIDE);
    ImageView { memory: samples, offset: 0, row_step: SIDE * channels, channels }
}
