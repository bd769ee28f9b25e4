//! The parameters of a network, in memory.

use super::initial::initial_value;
use super::layout::LAYOUT;
use bytemuck::{cast_slice, cast_slice_mut};
use lens_base::{Result, pages, sha256_hex, zeros};
use lens_system::Pages;
use std::borrow::Cow;
use std::ops::Range;

/// Named in messages about lack of memory.
const ALLOCATION: &str = "the numbers of a network";

/// All parameters of a network, trained ones and running statistics, each row-major as in files. Their memory is
/// returned to the system when they are dropped.
#[derive(Debug)]
pub struct Parameters {
    values: Pages,
    /// Range of each parameter.
    ranges: Vec<Range<usize>>,
}

impl Parameters {
    /// All zero.
    pub fn zeroed() -> Result<Self> {
        let mut ranges = Vec::with_capacity(LAYOUT.parameters().len());
        let mut count = 0;
        for index in 0..LAYOUT.parameters().len() {
            ranges.push(count..count + LAYOUT.count(index));
            count += LAYOUT.count(index);
        }
        Ok(Parameters { values: pages(count * size_of::<f32>(), ALLOCATION)?, ranges })
    }

    /// Random, as torchvision initialises them.
    pub fn initial(seed: u64) -> Result<Self> {
        let mut parameters = Parameters::zeroed()?;
        for (index, spec) in LAYOUT.parameters().iter().enumerate() {
            parameters.of_mut(index).copy_from_slice(&initial_value(spec, index, seed));
        }
        Ok(parameters)
    }

    /// A copy.
    pub fn try_clone(&self) -> Result<Self> {
        let mut copy = Parameters::zeroed()?;
        copy.values.copy_from_slice(&self.values);
        Ok(copy)
    }

    /// One parameter, by its index in the layout.
    pub fn of(&self, index: usize) -> &[f32] {
        &self.all()[self.ranges[index].clone()]
    }

    /// One parameter, mutable.
    pub fn of_mut(&mut self, index: usize) -> &mut [f32] {
        &mut cast_slice_mut(&mut self.values)[self.ranges[index].clone()]
    }

    /// All parameters in the layout's order.
    pub fn all(&self) -> &[f32] {
        cast_slice(&self.values)
    }

    /// SHA-256 over name, shape and values of every parameter, sorted by name.
    pub fn sha256(&self) -> String {
        let mut order: Vec<usize> = (0..LAYOUT.parameters().len()).collect();
        order.sort_by_key(|index| &LAYOUT.parameters()[*index].name);
        sha256_hex(order.into_iter().flat_map(|index| {
            let spec = &LAYOUT.parameters()[index];
            [
                Cow::from(format!("{} {:?}\n", spec.name, spec.shape).into_bytes()),
                Cow::from(float_bytes(self.of(index))),
            ]
        }))
    }
}

impl PartialEq for Parameters {
    fn eq(&self, other: &Self) -> bool {
        self.all() == other.all()
    }
}

/// Values as in files: 32-bit floats, little-endian.
pub fn float_bytes(values: &[f32]) -> &[u8] {
    const { assert!(cfg!(target_endian = "little"), "files are read and written as memory holds their numbers") };
    cast_slice(values)
}

/// The same parameters as training needs them: trained ones in one flat vector and running statistics in another, so
/// that an optimiser step, an average or a checkpoint is one pass. Convolutions are channels last (output, height,
/// width, input).
#[derive(Clone, Debug, PartialEq)]
pub struct TrainingParameters {
    /// Trained parameters, at `LAYOUT.parameter_ranges()`.
    pub values: Vec<f32>,
    /// Running statistics, at `LAYOUT.parameter_ranges()`.
    pub statistics: Vec<f32>,
}

impl TrainingParameters {
    /// All zero.
    pub fn zeroed() -> Result<Self> {
        Ok(TrainingParameters {
            values: zeros(LAYOUT.trained_count(), ALLOCATION)?,
            statistics: zeros(LAYOUT.statistics_count(), ALLOCATION)?,
        })
    }

    /// From the order of files.
    pub fn of(parameters: &Parameters) -> Result<Self> {
        let mut training = TrainingParameters::zeroed()?;
        for (index, range) in LAYOUT.parameter_ranges().into_iter().enumerate() {
            let spec = &LAYOUT.parameters()[index];
            let target = if spec.role.is_trained() { &mut training.values } else { &mut training.statistics };
            permute_channels(&spec.shape, parameters.of(index), &mut target[range], false);
        }
        Ok(training)
    }

    /// To the order of files.
    pub fn to_parameters(&self) -> Result<Parameters> {
        let mut parameters = Parameters::zeroed()?;
        for (index, range) in LAYOUT.parameter_ranges().into_iter().enumerate() {
            let spec = &LAYOUT.parameters()[index];
            let source = if spec.role.is_trained() { &self.values } else { &self.statistics };
            permute_channels(&spec.shape, &source[range], parameters.of_mut(index), true);
        }
        Ok(parameters)
    }
}

/// Between (output, input, height, width) and (output, height, width, input); other shapes are copied.
fn permute_channels(shape: &[usize], from: &[f32], to: &mut [f32], to_nchw: bool) {
    let [_, input, height, width] = shape else {
        return to.copy_from_slice(from);
    };
    let (input, area) = (*input, height * width);
    for (from, to) in from.chunks_exact(input * area).zip(to.chunks_exact_mut(input * area)) {
        for channel in 0..input {
            for position in 0..area {
                let (rows, last) = (channel * area + position, position * input + channel);
                if to_nchw {
                    to[rows] = from[last];
                } else {
                    to[last] = from[rows];
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn training_order_round_trip() {
        let parameters = Parameters::initial(3).unwrap();
        let training = TrainingParameters::of(&parameters).unwrap();
        assert_eq!(training.values.len(), LAYOUT.trained_count());
        // The first convolution is 64 x 3 x 7 x 7: the second element in channels-last order is the second colour's.
        assert_eq!(training.values[1], parameters.of(LAYOUT.stem)[49]);
        assert_eq!(training.to_parameters().unwrap(), parameters);
    }

    #[test]
    fn sha256_depends_on_values_only() {
        let mut parameters = Parameters::initial(3).unwrap();
        let before = parameters.sha256();
        assert_eq!(parameters.try_clone().unwrap().sha256(), before);
        parameters.of_mut(LAYOUT.head_bias)[0] = 1.0;
        assert_ne!(parameters.sha256(), before);
    }
}
