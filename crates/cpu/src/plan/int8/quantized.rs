//! Quantised weights, packed for the int8 kernels.

use super::conv1x1::{Int8Conv1x1, Int8Output};
use super::conv3x3::{Int8Conv3x3, WEIGHT_BYTES};
use super::micro_kernel::{K_GROUP, NR};
use crate::plan::conv1x1::PixelSource;
use crate::plan::memory::{Buffer, Span};
use crate::plan::packing::{FoldedNorm, PackedRange, Packer};
use crate::plan::shape::NetworkShape;
use crate::plan::vector::Vnni;
use crate::plan::winograd_transform::{BOTTLENECK, GROWTH_RATE};
use lens_base::Result;
use lens_model::{ActivationRanges, LAYOUT, Parameters};
use std::ops::Range;

/// One convolution.
struct QuantizedConv {
    /// Range of the bytes.
    weights: Range<usize>,
    /// Dequantisation scale of each column.
    output_scale: PackedRange,
}

struct QuantizedLayer {
    /// First norm, divided by the scale of its output.
    norm: [PackedRange; 2],
    conv1x1: QuantizedConv,
    /// Second norm's shift, divided by the scale of its output.
    conv1x1_shift: PackedRange,
    conv3x3: QuantizedConv,
}

struct QuantizedTransition {
    norm: [PackedRange; 2],
    conv1x1: QuantizedConv,
}

/// The quantised 1x1 and 3x3 convolutions of blocks and transitions.
pub struct QuantizedWeights {
    instructions: Vnni,
    floats: Buffer,
    bytes: Buffer,
    byte_count: usize,
    layers: Vec<Vec<QuantizedLayer>>,
    transitions: Vec<QuantizedTransition>,
}

struct Quantizer {
    floats: Packer,
    bytes: Vec<i8>,
}

impl Quantizer {
    /// A norm whose output is quantised with this scale.
    fn norm(&mut self, norm: FoldedNorm, scale: f64) -> [PackedRange; 2] {
        let divided = |values: Vec<f64>| values.into_iter().map(move |value| value / scale);
        [self.floats.add(divided(norm.scale)), self.floats.add(divided(norm.shift))]
    }

    /// Quantises a matrix: each column's largest weight becomes 127 or -127. `scale` is the input's scale divided by
    /// the output's.
    fn matrix(
        &mut self,
        columns: usize,
        depth: usize,
        value: impl Fn(usize, usize) -> f64,
        scale: f64,
    ) -> QuantizedConv {
        let scales: Vec<f64> = (0..columns)
            .map(|column| {
                let max = (0..depth).map(|k| value(column, k).abs()).fold(0.0, f64::max);
                if max > 0.0 { max / 127.0 } else { 1.0 }
            })
            .collect();
        let start = self.bytes.len();
        for panel in (0..columns).step_by(NR) {
            for k in (0..depth).step_by(K_GROUP) {
                for (column, scale) in scales.iter().enumerate().skip(panel).take(NR) {
                    self.bytes.extend((k..k + K_GROUP).map(|k| (value(column, k) / scale).round() as i8));
                }
            }
        }
        let output_scale = self.floats.add(scales.into_iter().map(|one| one * scale));
        QuantizedConv { weights: start..self.bytes.len(), output_scale }
    }
}

impl QuantizedWeights {
    /// Quantises the weights; none if the machine lacks the instructions.
    pub fn pack(ranges: &ActivationRanges, parameters: &Parameters) -> Result<Option<Self>> {
        let Some(instructions) = Vnni::available() else { return Ok(None) };
        let mut quantizer =
            Quantizer { floats: Packer::new(LAYOUT.trained_count())?, bytes: Vec::with_capacity(7 << 20) };
        let mut layers = Vec::new();
        for block in &LAYOUT.blocks {
            let mut packed = Vec::new();
            for layer in block {
                let (input_scale, bottleneck_scale) = (ranges.scale(layer.conv1), ranges.scale(layer.conv2));
                let norm = quantizer.norm(FoldedNorm::of(layer.norm1, parameters), input_scale);
                let FoldedNorm { scale, shift } = FoldedNorm::of(layer.norm2, parameters);
                let weight = parameters.of(layer.conv1);
                let depth = weight.len() / BOTTLENECK;
                let value = |column: usize, k: usize| f64::from(weight[column * depth + k]) * scale[column];
                let conv1x1 = quantizer.matrix(BOTTLENECK, depth, value, input_scale / bottleneck_scale);
                let conv1x1_shift = quantizer.floats.add(shift.into_iter().map(|value| value / bottleneck_scale));
                let weight = parameters.of(layer.conv2);
                // k runs over taps, then channels.
                let value = |column: usize, k: usize| {
                    f64::from(weight[(column * BOTTLENECK + k % BOTTLENECK) * 9 + k / BOTTLENECK])
                };
                let conv3x3 = quantizer.matrix(GROWTH_RATE, WEIGHT_BYTES / GROWTH_RATE, value, bottleneck_scale);
                packed.push(QuantizedLayer { norm, conv1x1, conv1x1_shift, conv3x3 });
            }
            layers.push(packed);
        }
        let mut transitions = Vec::new();
        for transition in &LAYOUT.transitions {
            let scale = ranges.scale(transition.conv);
            // The mean of four pixels.
            let norm = quantizer.norm(FoldedNorm::of(transition.norm, parameters), 4.0 * scale);
            let weight = parameters.of(transition.conv);
            let depth = norm[0].len();
            let value = |column: usize, k: usize| f64::from(weight[column * depth + k]);
            let conv1x1 = quantizer.matrix(weight.len() / depth, depth, value, scale);
            transitions.push(QuantizedTransition { norm, conv1x1 });
        }
        let Quantizer { floats, bytes: packed } = quantizer;
        let mut bytes = Buffer::zeroed(packed.len().div_ceil(size_of::<f32>()))?;
        // SAFETY: the buffer has room for as many bytes, and is not the vector.
        unsafe { bytes.values_mut().as_mut_ptr().cast::<i8>().copy_from_nonoverlapping(packed.as_ptr(), packed.len()) };
        let (floats, byte_count) = (floats.finish(), packed.len());
        Ok(Some(QuantizedWeights { instructions, floats, bytes, byte_count, layers, transitions }))
    }

    fn at(&self, range: &PackedRange) -> &[f32] {
        &self.floats.values()[range.clone()]
    }

    fn weights(&self, packed: &QuantizedConv) -> &[i8] {
        let bytes = self.bytes.values().as_ptr().cast::<i8>();
        // SAFETY: the buffer holds `byte_count` bytes.
        let bytes = unsafe { std::slice::from_raw_parts(bytes, self.byte_count) };
        &bytes[packed.weights.clone()]
    }

    /// A layer's 1x1 convolution, from the block's features to a bottleneck buffer.
    pub fn conv1x1(
        &self,
        shape: &NetworkShape,
        (block, layer): (usize, usize),
        (input, bottleneck): (Span, Span),
        (pixels, columns): (Range<usize>, Range<usize>),
        scratch: &mut [f32],
    ) {
        let (stage, packed) = (&shape.stages[block], &self.layers[block][layer]);
        self.instructions.run(Int8Conv1x1 {
            input,
            input_stride: stage.pixel_stride(),
            pixel_source: PixelSource::Single,
            scale: self.at(&packed.norm[0]),
            shift: self.at(&packed.norm[1]),
            weights: self.weights(&packed.conv1x1),
            output_scale: self.at(&packed.conv1x1.output_scale),
            target: Int8Output::U8 { to: bottleneck, width: stage.width, output_shift: self.at(&packed.conv1x1_shift) },
            pixels,
            columns,
            scratch,
        });
    }

    /// Lines of a layer's 3x3 convolution, from a bottleneck buffer to the block's features.
    pub fn conv3x3(
        &self,
        shape: &NetworkShape,
        (block, layer): (usize, usize),
        (bottleneck, target): (Span, Span),
        lines: Range<usize>,
    ) {
        let (stage, packed) = (&shape.stages[block], &self.layers[block][layer]);
        self.instructions.run(Int8Conv3x3 {
            input: bottleneck,
            weights: self.weights(&packed.conv3x3),
            output_scale: self.at(&packed.conv3x3.output_scale),
            target,
            target_stride: stage.pixel_stride(),
            target_channel: stage.channels[layer],
            height: stage.height,
            width: stage.width,
            lines,
        });
    }

    /// Some output pixels of the transition after a block, to the next block's images from number `first` on.
    pub fn transition(
        &self,
        shape: &NetworkShape,
        block: usize,
        (input, to, first): (Span, Span, usize),
        (pixels, columns): (Range<usize>, Range<usize>),
        scratch: &mut [f32],
    ) {
        let (stage, next, packed) = (&shape.stages[block], &shape.stages[block + 1], &self.transitions[block]);
        self.instructions.run(Int8Conv1x1 {
            input,
            input_stride: stage.pixel_stride(),
            pixel_source: PixelSource::AveragePool2x2 { height: stage.height, width: stage.width },
            scale: self.at(&packed.norm[0]),
            shift: self.at(&packed.norm[1]),
            weights: self.weights(&packed.conv1x1),
            output_scale: self.at(&packed.conv1x1.output_scale),
            target: Int8Output::F32 { to, pixel_stride: next.pixel_stride(), pixel: first * next.pixels() },
            pixels,
            columns,
            scratch,
        });
    }
}
