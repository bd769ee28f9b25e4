//! The weights of all convolutions but the first as right factors, packed once for a pass; those of 3x3 convolutions as
//! Winograd's algorithm takes them.

use super::parameters::{Parameters, channels};
use super::winograd::{Filters, POINTS, transform_filters};
use super::{Cpu, LAYOUT};
use crate::buffer::sized;
use crate::kernels::product::Panels;
use crate::parallel::for_each_job;
use lens_base::Result;
use lens_model::Role;
use std::ops::Range;

/// What the packed weights are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    Forward,
    Backward,
}

/// The packed weights.
#[derive(Default)]
pub struct Weights {
    values: Vec<f32>,
    /// Where each convolution's lie, by their index.
    places: Vec<Range<usize>>,
    direction: Option<Direction>,
}

/// Whether a convolution is 3x3.
fn is_filtering(index: usize) -> bool {
    LAYOUT.parameters()[index].shape[2..] == [3, 3]
}

impl Weights {
    /// For a forward pass: from input channels to output channels.
    pub fn pack_forward(&mut self, cpu: Cpu, parameters: &Parameters) -> Result<()> {
        self.pack(cpu, parameters, Direction::Forward)
    }

    /// For a backward pass: from output channels, at each place of a mirrored window, to input channels.
    pub fn pack_backward(&mut self, cpu: Cpu, parameters: &Parameters) -> Result<()> {
        self.pack(cpu, parameters, Direction::Backward)
    }

    fn pack(&mut self, cpu: Cpu, parameters: &Parameters, direction: Direction) -> Result<()> {
        if self.places.is_empty() {
            self.places = places();
        }
        self.direction = Some(direction);
        let mut rest = sized(&mut self.values, self.places.last().map_or(0, |place| place.end))?;
        let mut jobs = Vec::new();
        for (index, place) in self.places.iter().enumerate() {
            let (target, after) = rest.split_at_mut(place.len());
            if !target.is_empty() {
                jobs.push((index, target));
            }
            rest = after;
        }
        for_each_job(cpu.pool, &mut jobs, |(index, target)| {
            let ((outputs, inputs), instructions) = (channels(*index), cpu.instructions);
            let (weight, width) = (parameters.of(*index), 2 * instructions.lanes());
            let (area, depth) = (weight.len() / (outputs * inputs), weight.len() / outputs);
            // Of a panel's numbers, and those of one place of the window.
            let (columns, count) = match direction {
                Direction::Forward => (outputs, inputs * width),
                Direction::Backward => (inputs, outputs * width),
            };
            for (panel, target) in target.chunks_exact_mut(target.len() / (columns / width)).enumerate() {
                let first = panel * width;
                let places = &mut target[..area * count];
                match direction {
                    Direction::Forward => {
                        Panels::pack_panel(&weight[first * depth..], width, (1, depth), places);
                    }
                    Direction::Backward => {
                        for (row, target) in places.chunks_exact_mut(width).enumerate() {
                            let (place, output) = (area - 1 - row / outputs, row % outputs);
                            target.copy_from_slice(&weight[(output * area + place) * inputs + first..][..width]);
                        }
                    }
                }
                if is_filtering(*index) {
                    transform_filters(instructions, target, count);
                }
            }
            Ok(())
        })
    }

    /// Of a 1x1 convolution, from input channels to output channels.
    pub fn forward(&self, cpu: Cpu, index: usize) -> Panels<'_> {
        assert!(self.direction == Some(Direction::Forward) && !is_filtering(index));
        let (outputs, inputs) = channels(index);
        Panels::new(cpu.instructions, &self.values[self.places[index].clone()], (inputs, outputs))
    }

    /// Of a 1x1 convolution, from output channels to input channels.
    pub fn backward(&self, cpu: Cpu, index: usize) -> Panels<'_> {
        assert!(self.direction == Some(Direction::Backward) && !is_filtering(index));
        let (outputs, inputs) = channels(index);
        Panels::new(cpu.instructions, &self.values[self.places[index].clone()], (outputs, inputs))
    }

    /// Of a 3x3 convolution, from input channels to output channels, or back in a backward pass.
    pub fn filters(&self, cpu: Cpu, index: usize) -> Filters<'_> {
        let (outputs, inputs) = channels(index);
        let size = if self.direction == Some(Direction::Forward) { (inputs, outputs) } else { (outputs, inputs) };
        Filters::new(cpu.instructions, &self.values[self.places[index].clone()], size)
    }
}

/// Where the packed weights lie: nothing for what is not packed.
fn places() -> Vec<Range<usize>> {
    let mut end = 0;
    let parameters = LAYOUT.parameters().iter().enumerate();
    let length = |(index, spec): (usize, &lens_model::ParameterSpec)| match spec.role {
        _ if index == LAYOUT.stem => 0,
        Role::Convolution if is_filtering(index) => LAYOUT.count(index) / 9 * POINTS,
        Role::Convolution => LAYOUT.count(index),
        _ => 0,
    };
    let place = |length| {
        end += length;
        end - length..end
    };
    parameters.map(length).map(place).collect()
}
