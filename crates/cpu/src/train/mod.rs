//! A training step in single precision: loss and gradients, written out for DenseNet's fixed graph.
//!
//! The same gradients as automatic differentiation in another order. Layers of a block write beside each other, so
//! nothing is concatenated; batch statistics of a channel are computed once for all norms that read it; norms and ReLUs
//! are computed while a matrix is packed, and again in the backward pass; 3x3 convolutions and their gradients are
//! Winograd's. The terms of a batch norm's gradient that stem from the batch statistics are linear in the norm's input,
//! so a channel sums them over all norms that read it and subtracts them once.

mod block;
mod conv1x1;
// Loops over indices of small arrays, which the compiler unrolls into registers.
#[allow(clippy::needless_range_loop)]
mod convolution;
mod head;
mod kernels;
mod loss;
mod memory;
mod packing;
mod parameters;
mod row_sources;
mod shape;
mod statistics;
mod stem;
mod transition;
mod update;
mod winograd;

pub use kernels::lerp;
pub use loss::Loss;
pub use parameters::{Parameters, RunningStatistics};
pub use update::{adam_step, apply_weight_decay, clip_gradient_norm, sgd_step};

use crate::kernels::vector::Instructions;
use crate::pool::Pool;
use block::{Block, BlockGradient};
use head::Head;
use lens_base::{Error, Result};
use lens_engine::check_images;
use lens_images::Images;
use lens_model::LAYOUT;
use memory::StepWorkspace;
use packing::PassWeights;
use parameters::Gradients;
use shape::TensorShape;
use statistics::BatchNormTerms;
use std::ops::Range;
use stem::Stem;

/// Threads and instruction set to compute with.
#[derive(Clone, Copy)]
pub struct CpuContext<'a> {
    pub pool: &'a Pool,
    pub instructions: Instructions,
}

/// The buffers of forward and backward passes, kept from one step to the next.
pub struct TrainStep {
    ranges: Vec<Range<usize>>,
    weights: PassWeights,
    input: Vec<f32>,
    stem: Stem,
    blocks: Vec<Block>,
    head: Head,
    gradient: BlockGradient,
    memory: StepWorkspace,
}

impl Default for TrainStep {
    fn default() -> Self {
        TrainStep {
            ranges: LAYOUT.parameter_ranges(),
            weights: PassWeights::default(),
            input: Vec::new(),
            stem: Stem::default(),
            blocks: LAYOUT.blocks.iter().map(|_| Block::default()).collect(),
            head: Head::default(),
            gradient: BlockGradient { values: Vec::new(), norm_terms: BatchNormTerms::new(0) },
            memory: StepWorkspace::default(),
        }
    }
}

impl TrainStep {
    /// The range of each parameter in the flat vectors, in the layout's order.
    pub fn ranges(&self) -> &[Range<usize>] {
        &self.ranges
    }

    /// Adds `scale` times the gradients of the images' mean loss to `gradients`: all trained parameters in the layout's
    /// order, convolutions channels last. Updates the running statistics `running`. `targets` are probabilities from 0
    /// to 1. Returns the mean loss. After an error, such as lack of memory, gradients and running statistics are
    /// undefined.
    pub fn accumulate(
        &mut self,
        cpu: CpuContext,
        (values, running): (&[f32], &mut [f32]),
        images: &Images,
        (targets, loss, scale): (&[f32], Loss, f64),
        gradients: &mut [f32],
    ) -> Result<f64> {
        check(images.len(), targets.len())?;
        if gradients.len() != LAYOUT.trained_count() {
            return Err(Error::internal(format!("{} gradients for {}", gradients.len(), LAYOUT.trained_count())));
        }
        let ranges = self.ranges.clone();
        let mut parameters = Parameters { values, running: RunningStatistics::Updated(running), ranges: &ranges };
        let shape = self.gather(images)?;
        let logits = self.forward(cpu, &mut parameters, shape)?;
        let (value, mut logit_gradients) = loss.of(&logits, targets);
        logit_gradients.iter_mut().for_each(|gradient| *gradient *= scale);
        self.backward(cpu, &parameters, shape, &logit_gradients, gradients)?;
        Ok(value)
    }

    /// The same for the linear layer alone, on features normalised by the running statistics.
    pub fn accumulate_head(
        &mut self,
        cpu: CpuContext,
        (values, running): (&[f32], &[f32]),
        images: &Images,
        (targets, loss, scale): (&[f32], Loss, f64),
        gradients: &mut [f32],
    ) -> Result<f64> {
        check(images.len(), targets.len())?;
        let logits = self.logits(cpu, (values, running), images)?;
        let (value, mut logit_gradients) = loss.of(&logits, targets);
        logit_gradients.iter_mut().for_each(|gradient| *gradient *= scale);
        self.head.linear_backward(&logit_gradients, &mut Gradients { values: gradients, ranges: &self.ranges });
        Ok(value)
    }

    /// Logits with the running statistics.
    pub fn logits(
        &mut self,
        cpu: CpuContext,
        (values, running): (&[f32], &[f32]),
        images: &Images,
    ) -> Result<Vec<f32>> {
        let ranges = self.ranges.clone();
        let mut parameters = Parameters { values, running: RunningStatistics::Fixed(running), ranges: &ranges };
        let shape = self.gather(images)?;
        self.forward(cpu, &mut parameters, shape)
    }

    /// Copies the images, as RGB unless all are gray.
    fn gather(&mut self, images: &Images) -> Result<TensorShape> {
        check_images(images)?;
        let (height, width, channels) = (images.height, images.width, images.channels());
        let shape = TensorShape { images: images.len(), height, width, channels };
        crate::buffer::reserved(&mut self.input, shape.len())?;
        images.gather(channels, &mut self.input);
        Ok(shape)
    }

    fn forward(&mut self, cpu: CpuContext, parameters: &mut Parameters, input: TensorShape) -> Result<Vec<f32>> {
        let TrainStep { weights, stem, blocks, head, memory, .. } = self;
        weights.pack_forward(cpu, parameters)?;
        let (_, mut shape) = stem::shapes(input);
        for (index, layers) in LAYOUT.blocks.iter().enumerate() {
            let (before, rest) = blocks.split_at_mut(index);
            let block = &mut rest[0];
            let channels = LAYOUT.block_channels(index);
            block.reset(shape.with_channels(*channels.last().expect("a block has layers")), layers.len())?;
            match before.last() {
                None => stem.forward(cpu, (&self.input, input), block, parameters, memory)?,
                Some(from) => {
                    transition::forward(cpu, from, block, &LAYOUT.transitions[index - 1], parameters, weights)?;
                }
            }
            for (number, layer) in layers.iter().enumerate() {
                block.forward(cpu, (number, channels[number]), layer, parameters, (weights, memory))?;
            }
            shape = TensorShape { height: shape.height / 2, width: shape.width / 2, ..shape };
        }
        head.forward(cpu, blocks.last().expect("there are blocks"), parameters)
    }

    fn backward(
        &mut self,
        cpu: CpuContext,
        parameters: &Parameters,
        input: TensorShape,
        logit_gradients: &[f64],
        gradients: &mut [f32],
    ) -> Result<()> {
        let TrainStep { weights, ranges, stem, blocks, head, gradient, memory, .. } = self;
        weights.pack_backward(cpu, parameters)?;
        let gradients = &mut Gradients { values: gradients, ranges };
        let last = blocks.last().expect("there are blocks");
        head.backward(cpu, last, logit_gradients, parameters, gradient, gradients)?;
        for (index, layers) in LAYOUT.blocks.iter().enumerate().rev() {
            let block = &blocks[index];
            let channels = LAYOUT.block_channels(index);
            for (number, layer) in layers.iter().enumerate().rev() {
                let layer_index = (number, channels[number]);
                block.backward(cpu, layer_index, layer, (parameters, weights), gradient, (gradients, memory))?;
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
