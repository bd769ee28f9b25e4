//! The weights of all convolutions but the first as right factors, packed once for a pass. They take as many numbers as
//! they are, and so lie at the layout's places.

use super::parameters::{Parameters, channels};
use super::{Cpu, LAYOUT};
use crate::buffer::sized;
use crate::kernels::product::Panels;
use crate::parallel::for_each_job;
use lens_base::Result;
use lens_model::Role;

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
    direction: Option<Direction>,
}

impl Weights {
    /// For a forward pass: from a window's numbers to output channels.
    pub fn pack_forward(&mut self, cpu: Cpu, parameters: &Parameters) -> Result<()> {
        self.pack(cpu, parameters, Direction::Forward)
    }

    /// For a backward pass: from output channels, at each place of a mirrored window, to input channels.
    pub fn pack_backward(&mut self, cpu: Cpu, parameters: &Parameters) -> Result<()> {
        self.pack(cpu, parameters, Direction::Backward)
    }

    fn pack(&mut self, cpu: Cpu, parameters: &Parameters, direction: Direction) -> Result<()> {
        self.direction = Some(direction);
        let mut rest = sized(&mut self.values, parameters.values.len())?;
        let (mut jobs, mut first) = (Vec::new(), 0);
        for (index, spec) in LAYOUT.parameters().iter().enumerate() {
            if spec.role == Role::Convolution && index != LAYOUT.stem {
                let place = &parameters.places[index];
                let (target, after) = rest.split_at_mut(place.start - first).1.split_at_mut(place.len());
                jobs.push((index, target));
                (rest, first) = (after, place.end);
            }
        }
        for_each_job(cpu.pool, &mut jobs, |(index, target)| {
            let (count, inputs) = channels(*index);
            let weight = parameters.of(*index);
            let (area, instructions) = (weight.len() / (count * inputs), cpu.instructions);
            match direction {
                Direction::Forward => {
                    let depth = inputs * area;
                    Panels::pack(instructions, weight, (depth, count), (1, depth), target);
                }
                Direction::Backward => mirror(cpu, weight, (count, inputs, area), target),
            }
            Ok(())
        })
    }

    /// Of one convolution, from a window's numbers to output channels.
    pub fn forward(&self, cpu: Cpu, parameters: &Parameters, index: usize) -> Panels<'_> {
        assert_eq!(self.direction, Some(Direction::Forward));
        let (count, _) = channels(index);
        let values = &self.values[parameters.places[index].clone()];
        Panels::new(cpu.instructions, values, (values.len() / count, count))
    }

    /// Of one convolution, from output channels to input channels.
    pub fn backward(&self, cpu: Cpu, parameters: &Parameters, index: usize) -> Panels<'_> {
        assert_eq!(self.direction, Some(Direction::Backward));
        let (_, inputs) = channels(index);
        let values = &self.values[parameters.places[index].clone()];
        Panels::new(cpu.instructions, values, (values.len() / inputs, inputs))
    }
}

/// Packs (output, place, input) as `[panel of inputs][place from the last to the first][output][input]`.
fn mirror(cpu: Cpu, weight: &[f32], (count, inputs, area): (usize, usize, usize), target: &mut [f32]) {
    let width = 2 * cpu.instructions.lanes();
    for (panel, target) in target.chunks_exact_mut(width * count * area).enumerate() {
        for (row, target) in target.chunks_exact_mut(width).enumerate() {
            let (place, output) = (area - 1 - row / count, row % count);
            target.copy_from_slice(&weight[(output * area + place) * inputs + panel * width..][..width]);
        }
    }
}
