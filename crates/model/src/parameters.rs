//! The numbers of a network, in plain memory.

use super::initial::initial_value;
use super::layout::LAYOUT;
use bytemuck::{cast_slice, cast_slice_mut};
use lens_base::{Result, pages, sha256_hex, zeros};
use lens_system::Pages;
use std::borrow::Cow;
use std::ops::Range;

/// What memory for numbers is for.
const NETWORK: &str = "the numbers of a network";

/// All parameters of a network: those that are trained and the running statistics, each row by row as files hold them.
/// Their memory goes back to the system at once.
#[derive(Debug)]
pub struct Parameters {
    values: Pages,
    /// Where each parameter lies.
    places: Vec<Range<usize>>,
}

impl Parameters {
    /// All zero.
    pub fn zeroed() -> Result<Self> {
        let mut places = Vec::with_capacity(LAYOUT.parameters().len());
        let mut count = 0;
        for index in 0..LAYOUT.parameters().len() {
            places.push(count..count + LAYOUT.count(index));
            count += LAYOUT.count(index);
        }
        Ok(Parameters { values: pages(count * size_of::<f32>(), NETWORK)?, places })
    }

    /// Random, by torchvision's rule.
    pub fn initial(seed: u64) -> Result<Self> {
        let mut parameters = Parameters::zeroed()?;
        for (index, spec) in LAYOUT.parameters().iter().enumerate() {
            parameters.of_mut(index).copy_from_slice(&initial_value(spec, index, seed));
        }
        Ok(parameters)
    }

    /// The same numbers in other memory.
    pub fn copied(&self) -> Result<Self> {
        let mut copy = Parameters::zeroed()?;
        copy.values.copy_from_slice(&self.values);
        Ok(copy)
    }

    /// One parameter, by its index in the layout.
    pub fn of(&self, index: usize) -> &[f32] {
        &self.all()[self.places[index].clone()]
    }

    /// One parameter, to be changed.
    pub fn of_mut(&mut self, index: usize) -> &mut [f32] {
        &mut cast_slice_mut(&mut self.values)[self.places[index].clone()]
    }

    /// All of them, one after the other in the layout's order.
    pub fn all(&self) -> &[f32] {
        cast_slice(&self.values)
    }

    /// Over name, shape and values of every parameter, in order of the names.
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

/// Numbers as files hold them: 32-bit floats, little-endian.
pub fn float_bytes(values: &[f32]) -> &[u8] {
    const { assert!(cfg!(target_endian = "little"), "files are read and written as memory holds their numbers") };
    cast_slice(values)
}

/// The same numbers as training holds them: all that are trained in one buffer and all running statistics in another, so
/// that an optimiser's step, an average or a checkpoint is one pass. Convolutions lie channels last (output, height, width,
/// input), as the training steps read them.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainingParameters {
    /// Trained numbers, at `LAYOUT.places()`.
    pub values: Vec<f32>,
    /// Running statistics, at `LAYOUT.places()`.
    pub statistics: Vec<f32>,
}

impl TrainingParameters {
    /// All zero.
    pub fn zeroed() -> Result<Self> {
        Ok(TrainingParameters {
            values: zeros(LAYOUT.trained_count(), NETWORK)?,
            statistics: zeros(LAYOUT.statistics_count(), NETWORK)?,
        })
    }

    /// In this order.
    pub fn of(parameters: &Parameters) -> Result<Self> {
        let mut training = TrainingParameters::zeroed()?;
        for (index, place) in LAYOUT.places().into_iter().enumerate() {
            let spec = &LAYOUT.parameters()[index];
            let target = if spec.role.is_trained() { &mut training.values } else { &mut training.statistics };
            move_channels(&spec.shape, parameters.of(index), &mut target[place], false);
        }
        Ok(training)
    }

    /// In the order of files.
    pub fn to_parameters(&self) -> Result<Parameters> {
        let mut parameters = Parameters::zeroed()?;
        for (index, place) in LAYOUT.places().into_iter().enumerate() {
            let spec = &LAYOUT.parameters()[index];
            let source = if spec.role.is_trained() { &self.values } else { &self.statistics };
            move_channels(&spec.shape, &source[place], parameters.of_mut(index), true);
        }
        Ok(parameters)
    }
}

/// Between (output, input, height, width) and (output, height, width, input); other shapes stay as they are.
fn move_channels(shape: &[usize], from: &[f32], to: &mut [f32], back: bool) {
    let [_, input, height, width] = shape else {
        return to.copy_from_slice(from);
    };
    let (input, area) = (*input, height * width);
    for (from, to) in from.chunks_exact(input * area).zip(to.chunks_exact_mut(input * area)) {
        for channel in 0..input {
            for place in 0..area {
                let (rows, last) = (channel * area + place, place * input + channel);
                if back {
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
    fn training_order_and_back_is_the_same() {
        let parameters = Parameters::initial(3).unwrap();
        let training = TrainingParameters::of(&parameters).unwrap();
        assert_eq!(training.values.len(), LAYOUT.trained_count());
        // The first convolution: 64 x 3 x 7 x 7; the second number of its channels-last order is the second colour's.
        assert_eq!(training.values[1], parameters.of(LAYOUT.stem)[49]);
        assert_eq!(training.to_parameters().unwrap(), parameters);
    }

    #[test]
    fn the_hash_is_of_the_values_and_nothing_else() {
        let mut parameters = Parameters::initial(3).unwrap();
        let before = parameters.sha256();
        assert_eq!(parameters.copied().unwrap().sha256(), before);
        parameters.of_mut(LAYOUT.head_bias)[0] = 1.0;
        assert_ne!(parameters.sha256(), before);
    }
}
