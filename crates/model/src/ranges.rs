//! Activation ranges: the largest inputs of the quantised convolutions on calibration images.

use super::layout::{LAYOUT, Role};
use lens_base::{Error, Result};
use serde::{Deserialize, Serialize};

/// The largest input of each quantised convolution, in the order of the layout's convolutions after the stem.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<f32>", into = "Vec<f32>")]
pub struct ActivationRanges(Vec<f32>);

/// Indices in the layout of the quantised convolutions' weights.
fn convolutions() -> impl Iterator<Item = usize> {
    let parameters = LAYOUT.parameters().iter().enumerate();
    parameters.filter(|(index, spec)| spec.role == Role::Convolution && *index != LAYOUT.stem).map(|(index, _)| index)
}

/// `max = max(max, found)`, but NaN stays NaN.
pub fn update_max(max: &mut f32, found: f32) {
    if !max.is_nan() && (found > *max || found.is_nan()) {
        *max = found;
    }
}

impl ActivationRanges {
    /// From the maxima of all convolutions' inputs, by the index of their weights in the layout.
    pub fn from_maxima(max: &[f32]) -> Result<Self> {
        Self::from_values(convolutions().map(|index| max[index]).collect())
    }

    /// From the result of `values`.
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

    /// The ranges, as stored with the model.
    pub fn values(&self) -> &[f32] {
        &self.0
    }

    /// Quantisation scale of a convolution's input: 0 becomes 0, the maximum 255.
    pub fn scale(&self, convolution: usize) -> f64 {
        let index = convolutions().position(|index| index == convolution).expect("a quantised convolution");
        match self.0[index] {
            // Never active on the calibration images.
            0.0 => 1.0,
            max => f64::from(max) / 255.0,
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
