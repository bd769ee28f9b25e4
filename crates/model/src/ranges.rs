//! Calibration: how large the inputs of the quantised convolutions become on images like those to be classified.

use super::layout::{LAYOUT, Role};
use lens_base::{Error, Result};
use serde::{Deserialize, Serialize};

/// The largest input of each quantised convolution, in the order of the layout's convolutions after the stem.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<f32>", into = "Vec<f32>")]
pub struct ActivationRanges(Vec<f32>);

/// The quantised convolutions: the layout's indices of their weights.
fn convolutions() -> impl Iterator<Item = usize> {
    let parameters = LAYOUT.parameters().iter().enumerate();
    parameters.filter(|(index, spec)| spec.role == Role::Convolution && *index != LAYOUT.stem).map(|(index, _)| index)
}

/// Raises the largest number that was seen to one that was found. NaN stays: `f32::max` would pass over it.
pub fn raise(largest: &mut f32, found: f32) {
    if !largest.is_nan() && (found > *largest || found.is_nan()) {
        *largest = found;
    }
}

impl ActivationRanges {
    /// From the largest inputs of all convolutions, by the index of their weights in the layout.
    pub fn of_largest(largest: &[f32]) -> Result<Self> {
        Self::from_values(convolutions().map(|index| largest[index]).collect())
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
    pub fn step(&self, convolution: usize) -> f64 {
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
