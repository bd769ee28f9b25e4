//! The reference network: layer by layer as defined, by direct convolutions, nothing packed, folded or transformed.
//! Plans are checked against it before they are used; it shares no kernel with them.

use crate::kernels::vector::{Instructions, Kernel, Vector};
use crate::parallel::{for_each_job, split_rows, thread_parts};
use crate::pool::Pool;
use lens_base::{Result, zeros};
use lens_images::ImageView;
use lens_model::{EPSILON, LAYOUT, Norm, Parameters, activation_map, logit_of, relu, update_max};
use lens_system::fork::lock;
use std::sync::Mutex;

/// The feature map of an image, channels last.
#[derive(Clone, Debug)]
pub struct FeatureMap {
    pub height: usize,
    pub width: usize,
    pub channels: usize,
    pub values: Vec<f32>,
}

impl FeatureMap {
    fn zeroed(height: usize, width: usize, channels: usize) -> Result<Self> {
        let values = zeros(height * width * channels, "a feature map")?;
        Ok(FeatureMap { height, width, channels, values })
    }

    fn pixel(&self, y: usize, x: usize) -> &[f32] {
        &self.values[(y * self.width + x) * self.channels..][..self.channels]
    }

    fn max_value(&self) -> f32 {
        let mut max = f32::NEG_INFINITY;
        self.values.iter().for_each(|value| update_max(&mut max, *value));
        max
    }
}

/// Called for every convolution with the index of its weight in the layout and the largest of its inputs.
pub type ObserveInput<'a> = &'a mut dyn FnMut(usize, f32);

/// Computes the network.
pub struct Reference<'a> {
    pub parameters: &'a Parameters,
    pub pool: &'a Pool,
    pub instructions: Instructions,
}

impl Reference<'_> {
    /// The last feature map of an image, after its norm and before its ReLU.
    pub fn features(
        &self,
        image: &ImageView,
        (height, width): (usize, usize),
        observe: ObserveInput,
    ) -> Result<FeatureMap> {
        let stem = self.convolution(&to_rgb(image, height, width)?, LAYOUT.stem, 2, observe)?;
        let mut features = max_pool_3x3(&self.batch_norm(&stem, LAYOUT.stem_norm, true)?)?;
        for (index, block) in LAYOUT.blocks.iter().enumerate() {
            for layer in block {
                let bottleneck = self.batch_norm(&features, layer.norm1, true)?;
                let bottleneck = self.convolution(&bottleneck, layer.conv1, 1, observe)?;
                let bottleneck = self.batch_norm(&bottleneck, layer.norm2, true)?;
                let added = self.convolution(&bottleneck, layer.conv2, 1, observe)?;
                features = concat_channels(&features, &added)?;
            }
            if let Some(transition) = LAYOUT.transitions.get(index) {
                // Average pooling and a 1x1 convolution commute.
                let pooled = average_pool_2x2(&self.batch_norm(&features, transition.norm, true)?)?;
                features = self.convolution(&pooled, transition.conv, 1, observe)?;
            }
        }
        self.batch_norm(&features, LAYOUT.last_norm, false)
    }

    /// The logit of a feature map.
    pub fn logit(&self, features: &FeatureMap) -> f32 {
        let (weight, bias) = self.head();
        logit_of(&features.values, weight, bias)
    }

    /// What each pixel of a feature map adds to the logit.
    pub fn activation_map(&self, features: &FeatureMap) -> Vec<f32> {
        let (weight, bias) = self.head();
        activation_map(&features.values, weight, bias)
    }

    fn head(&self) -> (&[f32], f32) {
        (self.parameters.of(LAYOUT.head_weight), self.parameters.of(LAYOUT.head_bias)[0])
    }

    /// Batch norm by the running statistics, with or without ReLU.
    fn batch_norm(&self, input: &FeatureMap, norm: Norm, with_relu: bool) -> Result<FeatureMap> {
        let [weight, bias, mean, variance] =
            [norm.weight, norm.bias, norm.mean, norm.variance].map(|index| self.parameters.of(index));
        let inverse: Vec<f32> =
            variance.iter().map(|variance| (f64::from(*variance) + EPSILON).sqrt().recip() as f32).collect();
        let mut output = FeatureMap::zeroed(input.height, input.width, input.channels)?;
        let channels = input.channels;
        for (input, output) in input.values.chunks_exact(channels).zip(output.values.chunks_exact_mut(channels)) {
            for channel in 0..channels {
                let value = (input[channel] - mean[channel]) * inverse[channel] * weight[channel] + bias[channel];
                output[channel] = if with_relu { relu(value) } else { value };
            }
        }
        Ok(output)
    }

    /// A square convolution without bias, with padding that keeps the size if the stride is 1.
    fn convolution(
        &self,
        input: &FeatureMap,
        weight: usize,
        stride: usize,
        observe: ObserveInput,
    ) -> Result<FeatureMap> {
        observe(weight, input.max_value());
        let shape = &LAYOUT.parameters()[weight].shape;
        let (outputs, filter_side) = (shape[0], shape[2]);
        let (height, width) = (input.height.div_ceil(stride), input.width.div_ceil(stride));
        let weights =
            self.reordered_weights(self.parameters.of(weight), outputs, shape[1], filter_side * filter_side)?;
        let mut output = FeatureMap::zeroed(height, width, outputs)?;
        let rows: Vec<_> = output.values.chunks_mut(width * outputs).map(Mutex::new).collect();
        self.pool.run(vec![0..0; rows.len()], &|_, y| {
            let mut target = lock(&rows[y]);
            self.instructions.run(ConvolutionRow {
                input,
                weights: &weights,
                filter_side,
                stride,
                y,
                outputs,
                target: &mut target,
            });
        });
        drop(rows);
        Ok(output)
    }

    /// Weights in the order of use: tap, input, output.
    fn reordered_weights(&self, weight: &[f32], outputs: usize, inputs: usize, area: usize) -> Result<Vec<f32>> {
        let mut ordered = zeros(weight.len(), "weights of the reference network")?;
        let parts = thread_parts(self.pool, area * inputs);
        let targets = split_rows(&mut ordered, outputs, &parts);
        let mut jobs: Vec<_> = parts.into_iter().zip(targets).collect();
        for_each_job(self.pool, &mut jobs, |(part, target)| {
            for (row, target) in part.clone().zip(target.chunks_exact_mut(outputs)) {
                let (tap, input) = (row / inputs, row % inputs);
                for (output, target) in target.iter_mut().enumerate() {
                    *target = weight[(output * inputs + input) * area + tap];
                }
            }
            Ok(())
        })?;
        Ok(ordered)
    }
}

/// The image as RGB.
fn to_rgb(image: &ImageView, height: usize, width: usize) -> Result<FeatureMap> {
    let mut map = FeatureMap::zeroed(height, width, 3)?;
    for (y, row) in map.values.chunks_exact_mut(width * 3).enumerate() {
        for (x, pixel) in row.chunks_exact_mut(3).enumerate() {
            let samples = &image.row(y, width)[x * image.channels..][..image.channels];
            pixel.iter_mut().enumerate().for_each(|(colour, value)| *value = samples[colour % samples.len()]);
        }
    }
    Ok(map)
}

/// 3x3 max pooling with stride 2 and padding 1.
fn max_pool_3x3(input: &FeatureMap) -> Result<FeatureMap> {
    let mut output = FeatureMap::zeroed(input.height.div_ceil(2), input.width.div_ceil(2), input.channels)?;
    let (width, channels) = (output.width, output.channels);
    for (pixel, output) in output.values.chunks_exact_mut(channels).enumerate() {
        let (top, left) = (pixel / width * 2, pixel % width * 2);
        output.fill(f32::NEG_INFINITY);
        for y in top.saturating_sub(1)..(top + 2).min(input.height) {
            for x in left.saturating_sub(1)..(left + 2).min(input.width) {
                for (max, value) in output.iter_mut().zip(input.pixel(y, x)) {
                    if *value > *max || value.is_nan() {
                        *max = *value;
                    }
                }
            }
        }
    }
    Ok(output)
}

/// 2x2 average pooling with stride 2; an odd last row or column is ignored.
fn average_pool_2x2(input: &FeatureMap) -> Result<FeatureMap> {
    let mut output = FeatureMap::zeroed(input.height / 2, input.width / 2, input.channels)?;
    let (width, channels) = (output.width, output.channels);
    for (pixel, output) in output.values.chunks_exact_mut(channels).enumerate() {
        let (top, left) = (pixel / width * 2, pixel % width * 2);
        for (y, x) in [(top, left), (top, left + 1), (top + 1, left), (top + 1, left + 1)] {
            output.iter_mut().zip(input.pixel(y, x)).for_each(|(sum, value)| *sum += value);
        }
        output.iter_mut().for_each(|sum| *sum *= 0.25);
    }
    Ok(output)
}

/// The channels of both.
fn concat_channels(first: &FeatureMap, second: &FeatureMap) -> Result<FeatureMap> {
    let mut output = FeatureMap::zeroed(first.height, first.width, first.channels + second.channels)?;
    for (pixel, output) in output.values.chunks_exact_mut(first.channels + second.channels).enumerate() {
        let (left, right) = output.split_at_mut(first.channels);
        left.copy_from_slice(&first.values[pixel * first.channels..][..first.channels]);
        right.copy_from_slice(&second.values[pixel * second.channels..][..second.channels]);
    }
    Ok(output)
}

/// One row of a convolution's output.
struct ConvolutionRow<'a> {
    input: &'a FeatureMap,
    weights: &'a [f32],
    filter_side: usize,
    stride: usize,
    y: usize,
    outputs: usize,
    target: &'a mut [f32],
}

/// Pixels that are computed together, for which each weight is loaded once.
const TILE_PIXELS: usize = 4;

impl Kernel for ConvolutionRow<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let ConvolutionRow { input, weights, filter_side, stride, y, outputs, target } = self;
        let (inputs, width) = (input.channels, target.len() / outputs);
        let zeros = vec![0f32; inputs];
        assert!(outputs.is_multiple_of(V::NR) && weights.len() == filter_side * filter_side * inputs * outputs);
        for first in (0..width).step_by(TILE_PIXELS) {
            let count = TILE_PIXELS.min(width - first);
            for output in (0..outputs).step_by(V::NR) {
                let mut sums = [[V::splat(0.0); 2]; TILE_PIXELS];
                for tap in 0..filter_side * filter_side {
                    let mut pixels = [&zeros[..]; TILE_PIXELS];
                    for (index, pixel) in pixels.iter_mut().enumerate().take(count) {
                        let (row, column) =
                            (y * stride + tap / filter_side, (first + index) * stride + tap % filter_side);
                        let (row, column) = (row.wrapping_sub(filter_side / 2), column.wrapping_sub(filter_side / 2));
                        if row < input.height && column < input.width {
                            *pixel = input.pixel(row, column);
                        }
                    }
                    for channel in 0..inputs {
                        let weights = &weights[(tap * inputs + channel) * outputs + output..][..V::NR];
                        // SAFETY: the slice is two vectors long.
                        let [left, right] =
                            unsafe { [V::load(weights.as_ptr()), V::load(weights.as_ptr().add(V::LANES))] };
                        for (sums, pixel) in sums.iter_mut().zip(&pixels) {
                            let value = V::splat(pixel[channel]);
                            sums[0] = value.mul_add(left, sums[0]);
                            sums[1] = value.mul_add(right, sums[1]);
                        }
                    }
                }
                for (index, sums) in sums.iter().enumerate().take(count) {
                    let target = &mut target[(first + index) * outputs + output..][..V::NR];
                    // SAFETY: the slice is two vectors long.
                    unsafe {
                        sums[0].store(target.as_mut_ptr());
                        sums[1].store(target.as_mut_ptr().add(V::LANES));
                    }
                }
            }
        }
    }
}
