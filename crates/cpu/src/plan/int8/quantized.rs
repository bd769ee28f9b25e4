//! Weights as the kernels of bytes read them.

use super::convolution::{Convolution, WEIGHTS};
use super::kernel::{FOUR, PANEL};
use super::pointwise::{Pointwise, Target};
use crate::plan::filtering::{GROWTH, INNER};
use crate::plan::memory::{Buffer, Span};
use crate::plan::packing::{Affine, Packer, Place};
use crate::plan::pointwise::Reading;
use crate::plan::shape::Shape;
use crate::plan::vector::Vnni;
use lens_base::Result;
use lens_model::{ActivationRanges, LAYOUT, Parameters};
use std::ops::Range;

/// One convolution.
struct Packed {
    /// Among the bytes.
    weights: Range<usize>,
    /// What one of each column's sums is worth.
    factor: Place,
}

struct Layer {
    /// First norm, in steps of a byte.
    norm: [Place; 2],
    reduce: Packed,
    /// Second norm, in steps of a byte.
    addend: Place,
    expand: Packed,
}

struct Transition {
    norm: [Place; 2],
    reduce: Packed,
}

/// The 1x1 and 3x3 convolutions of blocks and transitions in bytes.
pub struct Quantized {
    instructions: Vnni,
    floats: Buffer,
    bytes: Buffer,
    byte_count: usize,
    layers: Vec<Vec<Layer>>,
    transitions: Vec<Transition>,
}

struct Quantizer {
    floats: Packer,
    bytes: Vec<i8>,
}

impl Quantizer {
    /// A norm whose outputs come in steps of so much.
    fn norm(&mut self, norm: Affine, step: f64) -> [Place; 2] {
        let in_steps = |values: Vec<f64>| values.into_iter().map(move |value| value / step);
        [self.floats.add(in_steps(norm.scale)), self.floats.add(in_steps(norm.shift))]
    }

    /// A matrix: its columns' largest weights become 127 or -127. `step` is the worth of one of input times one of
    /// output.
    fn matrix(&mut self, columns: usize, depth: usize, value: impl Fn(usize, usize) -> f64, step: f64) -> Packed {
        let steps: Vec<f64> = (0..columns)
            .map(|column| {
                let largest = (0..depth).map(|k| value(column, k).abs()).fold(0.0, f64::max);
                if largest > 0.0 { largest / 127.0 } else { 1.0 }
            })
            .collect();
        let start = self.bytes.len();
        for panel in (0..columns).step_by(PANEL) {
            for k in (0..depth).step_by(FOUR) {
                for (column, step) in steps.iter().enumerate().skip(panel).take(PANEL) {
                    self.bytes.extend((k..k + FOUR).map(|k| (value(column, k) / step).round() as i8));
                }
            }
        }
        let factor = self.floats.add(steps.into_iter().map(|one| one * step));
        Packed { weights: start..self.bytes.len(), factor }
    }
}

impl Quantized {
    /// Rounds the weights; none where the machine lacks the instructions.
    pub fn pack(ranges: &ActivationRanges, parameters: &Parameters) -> Result<Option<Self>> {
        let Some(instructions) = Vnni::available() else { return Ok(None) };
        let mut quantizer =
            Quantizer { floats: Packer::new(LAYOUT.trained_count())?, bytes: Vec::with_capacity(7 << 20) };
        let mut layers = Vec::new();
        for block in &LAYOUT.blocks {
            let mut packed = Vec::new();
            for layer in block {
                let (outer, inner) = (ranges.step(layer.conv1), ranges.step(layer.conv2));
                let norm = quantizer.norm(Affine::of(layer.norm1, parameters), outer);
                let Affine { scale, shift } = Affine::of(layer.norm2, parameters);
                let weight = parameters.of(layer.conv1);
                let depth = weight.len() / INNER;
                let value = |column: usize, k: usize| f64::from(weight[column * depth + k]) * scale[column];
                let reduce = quantizer.matrix(INNER, depth, value, outer / inner);
                let addend = quantizer.floats.add(shift.into_iter().map(|value| value / inner));
                let weight = parameters.of(layer.conv2);
                // Depth runs over taps, then channels.
                let value = |column: usize, k: usize| f64::from(weight[(column * INNER + k % INNER) * 9 + k / INNER]);
                let expand = quantizer.matrix(GROWTH, WEIGHTS / GROWTH, value, inner);
                packed.push(Layer { norm, reduce, addend, expand });
            }
            layers.push(packed);
        }
        let mut transitions = Vec::new();
        for transition in &LAYOUT.transitions {
            let step = ranges.step(transition.conv);
            // The mean of four.
            let norm = quantizer.norm(Affine::of(transition.norm, parameters), 4.0 * step);
            let weight = parameters.of(transition.conv);
            let depth = norm[0].len();
            let value = |column: usize, k: usize| f64::from(weight[column * depth + k]);
            let reduce = quantizer.matrix(weight.len() / depth, depth, value, step);
            transitions.push(Transition { norm, reduce });
        }
        let Quantizer { floats, bytes: packed } = quantizer;
        let mut bytes = Buffer::zeroed(packed.len().div_ceil(size_of::<f32>()))?;
        // SAFETY: the buffer has room for as many bytes, and is not the vector.
        unsafe { bytes.values_mut().as_mut_ptr().cast::<i8>().copy_from_nonoverlapping(packed.as_ptr(), packed.len()) };
        let (floats, byte_count) = (floats.finish(), packed.len());
        Ok(Some(Quantized { instructions, floats, bytes, byte_count, layers, transitions }))
    }

    fn at(&self, place: &Place) -> &[f32] {
        &self.floats.values()[place.clone()]
    }

    fn weights(&self, packed: &Packed) -> &[i8] {
        let bytes = self.bytes.values().as_ptr().cast::<i8>();
        // SAFETY: the buffer holds so many bytes.
        let bytes = unsafe { std::slice::from_raw_parts(bytes, self.byte_count) };
        &bytes[packed.weights.clone()]
    }

    /// A layer's 1x1 convolution, from the block's features to an inner buffer.
    pub fn reduce(
        &self,
        shape: &Shape,
        (block, layer): (usize, usize),
        (input, inner): (Span, Span),
        (pixels, columns): (Range<usize>, Range<usize>),
        scratch: &mut [f32],
    ) {
        let (stage, packed) = (&shape.stages[block], &self.layers[block][layer]);
        self.instructions.run(Pointwise {
            input,
            input_step: stage.step(),
            reading: Reading::Single,
            scale: self.at(&packed.norm[0]),
            shift: self.at(&packed.norm[1]),
            weights: self.weights(&packed.reduce),
            factor: self.at(&packed.reduce.factor),
            target: Target::Bytes { to: inner, width: stage.width, addend: self.at(&packed.addend) },
            pixels,
            columns,
            scratch,
        });
    }

    /// Lines of a layer's 3x3 convolution, from an inner buffer to the block's features.
    pub fn expand(
        &self,
        shape: &Shape,
        (block, layer): (usize, usize),
        (inner, target): (Span, Span),
        lines: Range<usize>,
    ) {
        let (stage, packed) = (&shape.stages[block], &self.layers[block][layer]);
        self.instructions.run(Convolution {
            input: inner,
            weights: self.weights(&packed.expand),
            factor: self.at(&packed.expand.factor),
            target,
            target_step: stage.step(),
            target_channel: stage.channels[layer],
            height: stage.height,
            width: stage.width,
            lines,
        });
    }

    /// Some pixels of the transition after a block, to the next block's images from number `first` on.
    pub fn transition(
        &self,
        shape: &Shape,
        block: usize,
        (input, to, first): (Span, Span, usize),
        (pixels, columns): (Range<usize>, Range<usize>),
        scratch: &mut [f32],
    ) {
        let (stage, next, packed) = (&shape.stages[block], &shape.stages[block + 1], &self.transitions[block]);
        self.instructions.run(Pointwise {
            input,
            input_step: stage.step(),
            reading: Reading::Pooled { height: stage.height, width: stage.width },
            scale: self.at(&packed.norm[0]),
            shift: self.at(&packed.norm[1]),
            weights: self.weights(&packed.reduce),
            factor: self.at(&packed.reduce.factor),
            target: Target::Floats { to, step: next.step(), pixel: first * next.pixels() },
            pixels,
            columns,
            scratch,
        });
    }
}
