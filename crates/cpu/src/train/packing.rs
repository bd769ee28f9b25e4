//! The weights of all convolutions but the stem's, packed once for each pass: as packed B for 1x1 convolutions, as
//! Winograd-transformed filters for 3x3.

use super::parameters::{Parameters, channels};
use super::winograd::{POINTS, WinogradFilters, transform_filters};
use super::{CpuContext, LAYOUT};
use crate::buffer::sized;
use crate::kernels::gemm::PackedB;
use crate::parallel::for_each_job;
use lens_base::Result;
use lens_model::Role;
use std::ops::Range;

/// The pass that weights are packed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    Forward,
    Backward,
}

/// Packed weights of one pass.
#[derive(Default)]
pub struct PassWeights {
    values: Vec<f32>,
    /// The range of each convolution's packed weights, by its index in the layout.
    ranges: Vec<Range<usize>>,
    direction: Option<Direction>,
}

/// Whether a convolution is 3x3.
fn is_3x3(index: usize) -> bool {
    LAYOUT.parameters()[index].shape[2..] == [3, 3]
}

impl PassWeights {
    /// From input channels to output channels.
    pub fn pack_forward(&mut self, cpu: CpuContext, parameters: &Parameters) -> Result<()> {
        self.pack(cpu, parameters, Direction::Forward)
    }

    /// From output channels, with flipped filters, to input channels.
    pub fn pack_backward(&mut self, cpu: CpuContext, parameters: &Parameters) -> Result<()> {
        self.pack(cpu, parameters, Direction::Backward)
    }

    fn pack(&mut self, cpu: CpuContext, parameters: &Parameters, direction: Direction) -> Result<()> {
        if self.ranges.is_empty() {
            self.ranges = packed_ranges();
        }
        self.direction = Some(direction);
        let mut rest = sized(&mut self.values, self.ranges.last().map_or(0, |range| range.end))?;
        let mut jobs = Vec::new();
        for (index, range) in self.ranges.iter().enumerate() {
            let (target, after) = rest.split_at_mut(range.len());
            if !target.is_empty() {
                jobs.push((index, target));
            }
            rest = after;
        }
        for_each_job(cpu.pool, &mut jobs, |(index, target)| {
            let ((outputs, inputs), instructions) = (channels(*index), cpu.instructions);
            let (weight, width) = (parameters.of(*index), instructions.nr());
            let (area, depth) = (weight.len() / (outputs * inputs), weight.len() / outputs);
            // Columns of the matrix, and floats of one tap in a panel.
            let (columns, count) = match direction {
                Direction::Forward => (outputs, inputs * width),
                Direction::Backward => (inputs, outputs * width),
            };
            for (panel, target) in target.chunks_exact_mut(target.len() / (columns / width)).enumerate() {
                let first = panel * width;
                let untransformed = &mut target[..area * count];
                match direction {
                    Direction::Forward => {
                        PackedB::pack_panel(&weight[first * depth..], width, (1, depth), untransformed);
                    }
                    Direction::Backward => {
                        for (row, target) in untransformed.chunks_exact_mut(width).enumerate() {
                            let (tap, output) = (area - 1 - row / outputs, row % outputs);
                            target.copy_from_slice(&weight[(output * area + tap) * inputs + first..][..width]);
                        }
                    }
                }
                if is_3x3(*index) {
                    transform_filters(instructions, target, count);
                }
            }
            Ok(())
        })
    }

    /// A 1x1 convolution, from input channels to output channels.
    pub fn forward(&self, cpu: CpuContext, index: usize) -> PackedB<'_> {
        assert!(self.direction == Some(Direction::Forward) && !is_3x3(index));
        let (outputs, inputs) = channels(index);
        PackedB::new(cpu.instructions, &self.values[self.ranges[index].clone()], (inputs, outputs))
    }

    /// A 1x1 convolution, from output channels to input channels.
    pub fn backward(&self, cpu: CpuContext, index: usize) -> PackedB<'_> {
        assert!(self.direction == Some(Direction::Backward) && !is_3x3(index));
        let (outputs, inputs) = channels(index);
        PackedB::new(cpu.instructions, &self.values[self.ranges[index].clone()], (outputs, inputs))
    }

    /// A 3x3 convolution, in the direction of the pass.
    pub fn filters(&self, cpu: CpuContext, index: usize) -> WinogradFilters<'_> {
        let (outputs, inputs) = channels(index);
        let size = if self.direction == Some(Direction::Forward) { (inputs, outputs) } else { (outputs, inputs) };
        WinogradFilters::new(cpu.instructions, &self.values[self.ranges[index].clone()], size)
    }
}

/// Ranges of the packed weights; empty for parameters that are not packed.
fn packed_ranges() -> Vec<Range<usize>> {
    let mut end = 0;
    let parameters = LAYOUT.parameters().iter().enumerate();
    let length = |(index, spec): (usize, &lens_model::ParameterSpec)| match spec.role {
        _ if index == LAYOUT.stem => 0,
        Role::Convolution if is_3x3(index) => LAYOUT.count(index) / 9 * POINTS,
        Role::Convolution => LAYOUT.count(index),
        _ => 0,
    };
    let range = |length| {
        end += length;
        end - length..end
    };
    parameters.map(length).map(range).collect()
}
