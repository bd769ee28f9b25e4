//! Calibration: how large the inputs of the quantised convolutions become on images like those to be classified.

use super::densenet::DenseNet;
use super::layout::{LAYOUT, Role};
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::borrow::Borrow;
use tch::Tensor;

/// The largest input of each quantised convolution, in the order of the layout's convolutions after the stem.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<f32>", into = "Vec<f32>")]
pub struct ActivationRanges(Vec<f32>);

/// Watches a network at work.
#[derive(Debug)]
pub struct RangeObserver {
    /// By the index of a convolution's weight.
    largest: Vec<f32>,
}

impl Default for RangeObserver {
    fn default() -> Self {
        RangeObserver { largest: vec![0.0; LAYOUT.parameters().len()] }
    }
}

impl RangeObserver {
    /// One more batch of prepared images, N x 3 x H x W.
    pub fn see<T: Borrow<Tensor>>(&mut self, network: &DenseNet<T>, batch: &Tensor) {
        let _guard = tch::no_grad_guard();
        network.observe(batch, &mut |convolution, input| {
            // The compiled network pools before a transition's convolution.
            let pooled = LAYOUT.transitions.iter().any(|transition| transition.conv == convolution);
            let input = if pooled { input.avg_pool2d(2, 2, 0, false, true, None) } else { input.shallow_clone() };
            let seen = &mut self.largest[convolution];
            let found = input.max().double_value(&[]) as f32;
            // NaN stays, to be refused at the end.
            if !seen.is_nan() && (found > *seen || found.is_nan()) {
                *seen = found;
            }
        });
    }

    /// What was seen.
    pub fn finish(self) -> Result<ActivationRanges> {
        ActivationRanges::from_values(convolutions().map(|index| self.largest[index]).collect())
    }
}

/// The quantised convolutions: the layout's indices of their weights.
fn convolutions() -> impl Iterator<Item = usize> {
    let parameters = LAYOUT.parameters().iter().enumerate();
    parameters.filter(|(index, spec)| spec.role == Role::Convolution && *index != LAYOUT.stem).map(|(index, _)| index)
}

impl ActivationRanges {
    /// Of prepared images: batches of N x 3 x H x W, at least one. A few hundred images are enough.
    pub fn observe<T: Borrow<Tensor>>(network: &DenseNet<T>, batches: &[Tensor]) -> Result<Self> {
        let mut observer = RangeObserver::default();
        for batch in batches {
            observer.see(network, batch);
        }
        observer.finish()
    }

    /// As `values` gave them.
    pub fn from_values(values: Vec<f32>) -> Result<Self> {
        let count = convolutions().count();
        if values.len() != count {
            return Err(Error::data(format!("{} ranges of activations; there are {count}", values.len())));
        }
        if let Some(value) = values.iter().find(|value| !value.is_finite() || **value < 0.0) {
            return Err(Error::data(format!("a range of activations is {value}; ranges are finite and at least 0")));
        }
        Ok(ActivationRanges(values))
    }

    /// To be stored with the model.
    pub fn values(&self) -> &[f32] {
        &self.0
    }

    /// What one step of the input of a convolution is worth; zero goes to byte 0, the largest to 255.
    #[cfg(target_arch = "x86_64")]
    pub(crate) fn step(&self, convolution: usize) -> f64 {
        let index = convolutions().position(|index| index == convolution).expect("a quantised convolution");
        match self.0[index] {
            // Never active on the calibration images.
            0.0 => 1.0,
            largest => f64::from(largest) / 255.0,
        }
    }
}

impl TryFrom<Vec<f32>> for ActivationRanges {
    type Error = Error;

    fn try_from(values: Vec<f32>) -> Result<Self> {
        Self::from_values(values)
    }
}

impl From<ActivationRanges> for Vec<f32> {
    fn from(ranges: ActivationRanges) -> Self {
        ranges.0
    }
}
