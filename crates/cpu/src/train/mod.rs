//! A training step of the network in single precision: loss and gradients, written out for DenseNet's fixed graph.
//!
//! What automatic differentiation would compute, in another order: a block's layers write beside each other, so nothing is
//! concatenated; the batch statistics of a channel are computed once, for all norms that read it; norms and ReLUs are
//! computed on their way into a convolution and again on the way back; 3x3 convolutions, their input's and their weights'
//! gradients are Winograd's; what a norm's dependence on its batch takes from a gradient is linear in the norm's input, so
//! a channel collects it from all its readers and pays once.

mod block;
// Loops over indices of small arrays, which the compiler unrolls into registers.
#[allow(clippy::needless_range_loop)]
mod convolution;
mod head;
mod kernels;
mod loss;
mod memory;
mod packing;
mod parameters;
mod pointwise;
mod shape;
mod sources;
mod statistics;
mod stem;
mod transition;
mod update;
mod winograd;

pub use kernels::blend;
pub use loss::Loss;
pub use parameters::{Parameters, Running};
pub use update::{adam_step, clip, decay, descend};

use crate::kernels::vector::Instructions;
use crate::pool::Pool;
use block::{Block, BlockGradient};
use head::Head;
use lens_base::{Error, Result};
use lens_engine::check_images;
use lens_images::Images;
use lens_model::LAYOUT;
use memory::Memory;
use packing::Weights;
use parameters::Gradients;
use shape::Shape;
use statistics::Taken;
use std::ops::Range;
use stem::Stem;

/// What computes.
#[derive(Clone, Copy)]
pub struct Cpu<'a> {
    pub pool: &'a Pool,
    pub instructions: Instructions,
}

/// The memory of passes through the network, which is kept from one to the next.
pub struct TrainStep {
    places: Vec<Range<usize>>,
    weights: Weights,
    input: Vec<f32>,
    stem: Stem,
    blocks: Vec<Block>,
    head: Head,
    gradient: BlockGradient,
    memory: Memory,
}

impl Default for TrainStep {
    fn default() -> Self {
        TrainStep {
            places: LAYOUT.places(),
            weights: Weights::default(),
            input: Vec::new(),
            stem: Stem::default(),
            blocks: LAYOUT.blocks.iter().map(|_| Block::default()).collect(),
            head: Head::default(),
            gradient: BlockGradient { values: Vec::new(), taken: Taken::new(0) },
            memory: Memory::default(),
        }
    }
}

impl TrainStep {
    /// Where each parameter lies.
    pub fn places(&self) -> &[Range<usize>] {
        &self.places
    }

    /// Adds `scale` times the gradients of the images' mean loss to `gradients`: all trained parameters one after the other
    /// in the layout's order, convolutions channels last. `running` follows the batch. `targets` are the probabilities, from
    /// 0 to 1, that the images should be given. Returns the mean loss. A failure, for lack of memory say, leaves gradients
    /// and running statistics half done.
    pub fn accumulate(
        &mut self,
        cpu: Cpu,
        (values, running): (&[f32], &mut [f32]),
        images: &Images,
        (targets, loss, scale): (&[f32], Loss, f64),
        gradients: &mut [f32],
    ) -> Result<f64> {
        check(images.len(), targets.len())?;
        if gradients.len() != LAYOUT.trained_count() {
            return Err(Error::internal(format!("{} gradients for {}", gradients.len(), LAYOUT.trained_count())));
        }
        let places = self.places.clone();
        let mut parameters = Parameters { values, running: Running::Followed(running), places: &places };
        let shape = self.gather(images)?;
        let logits = self.forward(cpu, &mut parameters, shape)?;
        let (value, mut of_logits) = loss.of(&logits, targets);
        of_logits.iter_mut().for_each(|gradient| *gradient *= scale);
        self.backward(cpu, &parameters, shape, &of_logits, gradients)?;
        Ok(value)
    }

    /// The same for the linear layer alone, on features by the running statistics.
    pub fn accumulate_head(
        &mut self,
        cpu: Cpu,
        (values, running): (&[f32], &[f32]),
        images: &Images,
        (targets, loss, scale): (&[f32], Loss, f64),
        gradients: &mut [f32],
    ) -> Result<f64> {
        check(images.len(), targets.len())?;
        let logits = self.logits(cpu, (values, running), images)?;
        let (value, mut of_logits) = loss.of(&logits, targets);
        of_logits.iter_mut().for_each(|gradient| *gradient *= scale);
        self.head.linear_backward(&of_logits, &mut Gradients { values: gradients, places: &self.places });
        Ok(value)
    }

    /// Logits by the running statistics.
    pub fn logits(&mut self, cpu: Cpu, (values, running): (&[f32], &[f32]), images: &Images) -> Result<Vec<f32>> {
        let places = self.places.clone();
        let mut parameters = Parameters { values, running: Running::Used(running), places: &places };
        let shape = self.gather(images)?;
        self.forward(cpu, &mut parameters, shape)
    }

    /// Copies the images, with three channels each unless all are gray.
    fn gather(&mut self, images: &Images) -> Result<Shape> {
        check_images(images)?;
        let (height, width, channels) = (images.height, images.width, images.channels());
        let shape = Shape { images: images.len(), height, width, channels };
        crate::buffer::reserved(&mut self.input, shape.len())?;
        images.gather(channels, &mut self.input);
        Ok(shape)
    }

    fn forward(&mut self, cpu: Cpu, parameters: &mut Parameters, input: Shape) -> Result<Vec<f32>> {
        let TrainStep { weights, stem, blocks, head, memory, .. } = self;
        weights.pack_forward(cpu, parameters)?;
        let (_, mut shape) = stem::shapes(input);
        for (index, layers) in LAYOUT.blocks.iter().enumerate() {
            let (before, rest) = blocks.split_at_mut(index);
            let block = &mut rest[0];
            let channels = LAYOUT.block_channels(index);
            block.reset(shape.with(*channels.last().expect("a block has layers")), layers.len())?;
            match before.last() {
                None => stem.forward(cpu, (&self.input, input), block, parameters, memory)?,
                Some(from) => {
                    transition::forward(cpu, from, block, &LAYOUT.transitions[index - 1], parameters, weights)?;
                }
            }
            for (number, layer) in layers.iter().enumerate() {
                block.forward(cpu, (number, channels[number]), layer, parameters, (weights, memory))?;
            }
            shape = Shape { height: shape.height / 2, width: shape.width / 2, ..shape };
        }
        head.forward(cpu, blocks.last().expect("there are blocks"), parameters)
    }

    fn backward(
        &mut self,
        cpu: Cpu,
        parameters: &Parameters,
        input: Shape,
        of_logits: &[f64],
        gradients: &mut [f32],
    ) -> Result<()> {
        let TrainStep { weights, places, stem, blocks, head, gradient, memory, .. } = self;
        weights.pack_backward(cpu, parameters)?;
        let gradients = &mut Gradients { values: gradients, places };
        let last = blocks.last().expect("there are blocks");
        head.backward(cpu, last, of_logits, parameters, gradient, gradients)?;
        for (index, layers) in LAYOUT.blocks.iter().enumerate().rev() {
            let block = &blocks[index];
            let channels = LAYOUT.block_channels(index);
            for (number, layer) in layers.iter().enumerate().rev() {
                let place = (number, channels[number]);
                block.backward(cpu, place, layer, (parameters, weights), gradient, (gradients, memory))?;
            }
            if index > 0 {
                let (pair, transition) = ((&blocks[index - 1], block), &LAYOUT.transitions[index - 1]);
                transition::backward(cpu, pair, transition, (parameters, weights), gradient, (gradients, memory))?;
            }
        }
        stem.backward(cpu, (&self.input, input), (&blocks[0], gradient), parameters, (gradients, memory))
    }
}

fn check(images: usize, targets: usize) -> Result<()> {
    if images >= 2 && images == targets {
        return Ok(());
    }
    Err(Error::argument(format!(
        "a batch of {images} images with {targets} targets; there must be at least 2, and as many targets"
    )))
}
