//! A training step of the network on the CPU in single precision: loss and gradients, written out for DenseNet's fixed
//! graph.
//!
//! What libtorch's autograd would compute, in another order: a block's layers write beside each other, so nothing is
//! concatenated; the batch statistics of a channel are computed once, for all norms that read it; norms and ReLUs are
//! computed on their way into a convolution and again on the way back; what a norm's dependence on its batch takes from
//! a gradient is linear in the norm's input, so a channel collects it from all its readers and pays once.

mod block;
mod head;
#[allow(unsafe_code)]
mod kernels;
mod loss;
mod memory;
mod pointwise;
mod statistics;
mod stem;
#[cfg(test)]
mod tests;
mod transition;
mod update;

pub use kernels::InstructionSet;
pub use loss::Loss;
pub use update::AdamStep;

use crate::error::{Error, Result};
use crate::model::{DenseNet, LAYOUT, SMALLEST_SIDE};
use crate::runtime::parallel::{Shape, channels_last, floats, floats_mut};
use block::{Block, BlockGradient};
use head::Head;
use memory::{Gradients, Memory};
use statistics::Taken;
use std::ops::Range;
use stem::Stem;
use tch::{Device, Kind, Tensor};

/// What a step found.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Mean loss of the batch.
    pub loss: f64,
    /// Logits of the batch, before the parameters change.
    pub logits: Vec<f32>,
}

/// The memory of training steps, which is kept from step to step.
pub struct TrainStep {
    set: InstructionSet,
    places: Vec<Range<usize>>,
    stem: Stem,
    blocks: Vec<Block>,
    head: Head,
    gradient: BlockGradient,
    memory: Memory,
}

impl TrainStep {
    /// With these instructions.
    pub fn new(set: InstructionSet) -> Self {
        TrainStep {
            set,
            places: LAYOUT.places(),
            stem: Stem::default(),
            blocks: LAYOUT.blocks.iter().map(|_| Block::default()).collect(),
            head: Head::default(),
            gradient: BlockGradient { values: Vec::new(), taken: Taken::new(0) },
            memory: Memory::default(),
        }
    }

    /// The instructions it uses.
    pub fn instruction_set(&self) -> InstructionSet {
        self.set
    }

    /// Whether such tensors can be trained this way.
    pub fn supports(device: Device, kind: Kind) -> bool {
        device == Device::Cpu && kind == Kind::Float
    }

    /// Adds `scale` times the loss's gradients to `gradients`: all trained parameters one after the other in the
    /// layout's order, convolutions channels last. The network's running statistics are updated. `targets` are the
    /// probabilities, from 0 to 1, that the N x 3 x H x W batch should be given. A failure, for lack
    /// of memory say, leaves gradients and running statistics half done.
    pub fn accumulate(
        &mut self,
        network: &mut DenseNet<Tensor>,
        input: &Tensor,
        targets: &[f32],
        loss: Loss,
        scale: f64,
        gradients: &mut Tensor,
    ) -> Result<Outcome> {
        let _guard = tch::no_grad_guard();
        let shape = check_input(input, targets.len())?;
        let values = floats_mut(gradients)?;
        if values.len() as i64 != LAYOUT.trained_count() {
            return Err(Error::internal(format!("{} gradients for {}", values.len(), LAYOUT.trained_count())));
        }
        let input = channels_last(input)?;
        let input = (floats(&input)?, shape);
        let logits = self.forward(network.parameters_mut(), input)?;
        let (value, mut of_logits) = loss.of(&logits, targets);
        of_logits.iter_mut().for_each(|gradient| *gradient *= scale);
        self.backward(network.parameters_mut(), input, &of_logits, values)?;
        Ok(Outcome { loss: value, logits })
    }

    fn forward(&mut self, parameters: &mut [Tensor], input: (&[f32], Shape)) -> Result<Vec<f32>> {
        let TrainStep { set, stem, blocks, head, memory, .. } = self;
        let set = *set;
        let first_channels = parameters[LAYOUT.stem].size()[0] as usize;
        let (_, mut shape) = stem::shapes(input.1, first_channels);
        for (index, layers) in LAYOUT.blocks.iter().enumerate() {
            let (before, rest) = blocks.split_at_mut(index);
            let block = &mut rest[0];
            let channels = LAYOUT.block_channels(index);
            block.reset(Shape { channels: *channels.last().expect("a block has layers"), ..shape }, layers.len())?;
            match before.last() {
                None => stem.forward(set, input, block, parameters)?,
                Some(from) => {
                    transition::forward(set, from, block, &LAYOUT.transitions[index - 1], parameters, memory)?;
                }
            }
            for (number, layer) in layers.iter().enumerate() {
                block.forward(set, (number, channels[number]), layer, parameters, memory)?;
            }
            shape = Shape { height: shape.height / 2, width: shape.width / 2, ..shape };
        }
        head.forward(set, blocks.last().expect("there are blocks"), parameters)
    }

    fn backward(
        &mut self,
        parameters: &[Tensor],
        input: (&[f32], Shape),
        of_logits: &[f64],
        gradients: &mut [f32],
    ) -> Result<()> {
        let TrainStep { set, places, stem, blocks, head, gradient, memory } = self;
        let set = *set;
        let gradients = &mut Gradients { values: gradients, places };
        let last = blocks.last().expect("there are blocks");
        head.backward(set, last, of_logits, parameters, gradient, gradients)?;
        for (index, layers) in LAYOUT.blocks.iter().enumerate().rev() {
            let block = &blocks[index];
            let channels = LAYOUT.block_channels(index);
            for (number, layer) in layers.iter().enumerate().rev() {
                let place = (number, channels[number]);
                block.backward(set, place, layer, parameters, gradient, (gradients, memory))?;
            }
            if index > 0 {
                let (pair, transition) = ((&blocks[index - 1], block), &LAYOUT.transitions[index - 1]);
                transition::backward(set, pair, transition, parameters, gradient, (gradients, memory))?;
            }
        }
        stem.backward(set, input, (&blocks[0], gradient), parameters, (gradients, memory))
    }
}

impl Default for TrainStep {
    fn default() -> Self {
        TrainStep::new(InstructionSet::best())
    }
}

fn check_input(input: &Tensor, targets: usize) -> Result<Shape> {
    let size: Vec<usize> = input.size().iter().map(|size| *size as usize).collect();
    match size[..] {
        [images, 3, height, width] if images >= 2 && images == targets && height.min(width) >= SMALLEST_SIDE => {
            Ok(Shape { images, height, width, channels: 3 })
        }
        _ => Err(Error::internal(format!(
            "a batch of {size:?} with {targets} targets; it must be N x 3 x H x W with N of at least 2, as many targets, \
             and sides of at least {SMALLEST_SIDE}"
        ))),
    }
}
