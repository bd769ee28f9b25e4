//! The network as its definition says, layer by layer: direct convolutions, nothing packed, folded or transformed. Plans
//! are compared with it before they are believed; it shares no kernel with them.

use crate::kernels::vector::{Instructions, Kernel, Vector};
use crate::parallel::{for_each_job, parts, split_rows};
use crate::pool::Pool;
use lens_base::{Result, zeros};
use lens_images::ImageView;
use lens_model::{EPSILON, LAYOUT, Norm, Parameters, activation_map, logit_of, raise, relu};
use parking_lot::Mutex;

/// Pixels and channels of an image, the channels of a pixel beside each other.
#[derive(Clone, Debug)]
pub struct Map {
    pub height: usize,
    pub width: usize,
    pub channels: usize,
    pub values: Vec<f32>,
}

impl Map {
    fn zeroed(height: usize, width: usize, channels: usize) -> Result<Self> {
        let values = zeros(height * width * channels, "a feature map")?;
        Ok(Map { height, width, channels, values })
    }

    fn pixel(&self, y: usize, x: usize) -> &[f32] {
        &self.values[(y * self.width + x) * self.channels..][..self.channels]
    }

    fn largest(&self) -> f32 {
        let mut largest = f32::NEG_INFINITY;
        self.values.iter().for_each(|value| raise(&mut largest, *value));
        largest
    }
}

/// Is told of every convolution: the index of its weight in the layout, and the largest of its inputs.
pub type Seen<'a> = &'a mut dyn FnMut(usize, f32);

/// Computes the network.
pub struct Reference<'a> {
    pub parameters: &'a Parameters,
    pub pool: &'a Pool,
    pub instructions: Instructions,
}

impl Reference<'_> {
    /// The last feature map of an image, after its norm and before its ReLU.
    pub fn features(&self, image: &ImageView, (height, width): (usize, usize), seen: Seen) -> Result<Map> {
        let stem = self.convolution(&coloured(image, height, width)?, LAYOUT.stem, 2, seen)?;
        let mut features = largest_of_3x3(&self.normalised(&stem, LAYOUT.stem_norm, true)?)?;
        for (index, block) in LAYOUT.blocks.iter().enumerate() {
            for layer in block {
                let inner = self.normalised(&features, layer.norm1, true)?;
                let inner = self.convolution(&inner, layer.conv1, 1, seen)?;
                let inner = self.normalised(&inner, layer.norm2, true)?;
                let added = self.convolution(&inner, layer.conv2, 1, seen)?;
                features = concatenated(&features, &added)?;
            }
            if let Some(transition) = LAYOUT.transitions.get(index) {
                // Pooling and a 1x1 convolution may change places.
                let pooled = mean_of_2x2(&self.normalised(&features, transition.norm, true)?)?;
                features = self.convolution(&pooled, transition.conv, 1, seen)?;
            }
        }
        self.normalised(&features, LAYOUT.last_norm, false)
    }

    /// The logit of a feature map.
    pub fn logit(&self, features: &Map) -> f32 {
        let (weight, bias) = self.head();
        logit_of(&features.values, weight, bias)
    }

    /// What each place of a feature map adds to the logit.
    pub fn activation_map(&self, features: &Map) -> Vec<f32> {
        let (weight, bias) = self.head();
        activation_map(&features.values, weight, bias)
    }

    fn head(&self) -> (&[f32], f32) {
        (self.parameters.of(LAYOUT.head_weight), self.parameters.of(LAYOUT.head_bias)[0])
    }

    /// Batch normalisation by the running statistics, and ReLU if wanted.
    fn normalised(&self, input: &Map, norm: Norm, with_relu: bool) -> Result<Map> {
        let [weight, bias, mean, variance] =
            [norm.weight, norm.bias, norm.mean, norm.variance].map(|index| self.parameters.of(index));
        let inverse: Vec<f32> =
            variance.iter().map(|variance| (f64::from(*variance) + EPSILON).sqrt().recip() as f32).collect();
        let mut output = Map::zeroed(input.height, input.width, input.channels)?;
        let channels = input.channels;
        for (input, output) in input.values.chunks_exact(channels).zip(output.values.chunks_exact_mut(channels)) {
            for channel in 0..channels {
                let value = (input[channel] - mean[channel]) * inverse[channel] * weight[channel] + bias[channel];
                output[channel] = if with_relu { relu(value) } else { value };
            }
        }
        Ok(output)
    }

    /// A square convolution without bias, padded so that with stride 1 the size stays.
    fn convolution(&self, input: &Map, weight: usize, stride: usize, seen: Seen) -> Result<Map> {
        seen(weight, input.largest());
        let shape = &LAYOUT.parameters()[weight].shape;
        let (outputs, side) = (shape[0], shape[2]);
        let (height, width) = (input.height.div_ceil(stride), input.width.div_ceil(stride));
        let weights = self.taps(self.parameters.of(weight), outputs, shape[1], side * side)?;
        let mut output = Map::zeroed(height, width, outputs)?;
        let rows: Vec<_> = output.values.chunks_mut(width * outputs).map(Mutex::new).collect();
        self.pool.run(vec![0..0; rows.len()], &|_, y| {
            let mut target = rows[y].lock();
            self.instructions.run(Row { input, weights: &weights, side, stride, y, outputs, target: &mut target });
        });
        drop(rows);
        Ok(output)
    }

    /// Weights in the order in which they are used: tap, input, output.
    fn taps(&self, weight: &[f32], outputs: usize, inputs: usize, area: usize) -> Result<Vec<f32>> {
        let mut ordered = zeros(weight.len(), "weights of the plain network")?;
        let parts = parts(self.pool, area * inputs);
        let targets = split_rows(&mut ordered, outputs, &parts);
        let mut jobs: Vec<_> = parts.into_iter().zip(targets).collect();
        for_each_job(self.pool, &mut jobs, |(part, target)| {
            for (place, target) in part.clone().zip(target.chunks_exact_mut(outputs)) {
                let (tap, input) = (place / inputs, place % inputs);
                for (output, target) in target.iter_mut().enumerate() {
                    *target = weight[(output * inputs + input) * area + tap];
                }
            }
            Ok(())
        })?;
        Ok(ordered)
    }
}

/// The image with three channels.
fn coloured(image: &ImageView, height: usize, width: usize) -> Result<Map> {
    let mut map = Map::zeroed(height, width, 3)?;
    for (y, row) in map.values.chunks_exact_mut(width * 3).enumerate() {
        for (x, pixel) in row.chunks_exact_mut(3).enumerate() {
            let samples = &image.row(y, width)[x * image.channels..][..image.channels];
            pixel.iter_mut().enumerate().for_each(|(colour, value)| *value = samples[colour % samples.len()]);
        }
    }
    Ok(map)
}

/// Over 3 x 3 pixels in steps of 2, padded by 1.
fn largest_of_3x3(input: &Map) -> Result<Map> {
    let mut output = Map::zeroed(input.height.div_ceil(2), input.width.div_ceil(2), input.channels)?;
    let (width, channels) = (output.width, output.channels);
    for (place, output) in output.values.chunks_exact_mut(channels).enumerate() {
        let (top, left) = (place / width * 2, place % width * 2);
        output.fill(f32::NEG_INFINITY);
        for y in top.saturating_sub(1)..(top + 2).min(input.height) {
            for x in left.saturating_sub(1)..(left + 2).min(input.width) {
                for (most, value) in output.iter_mut().zip(input.pixel(y, x)) {
                    if *value > *most || value.is_nan() {
                        *most = *value;
                    }
                }
            }
        }
    }
    Ok(output)
}

/// Over 2 x 2 pixels in steps of 2; an odd last row or column is left out.
fn mean_of_2x2(input: &Map) -> Result<Map> {
    let mut output = Map::zeroed(input.height / 2, input.width / 2, input.channels)?;
    let (width, channels) = (output.width, output.channels);
    for (place, output) in output.values.chunks_exact_mut(channels).enumerate() {
        let (top, left) = (place / width * 2, place % width * 2);
        for (y, x) in [(top, left), (top, left + 1), (top + 1, left), (top + 1, left + 1)] {
            output.iter_mut().zip(input.pixel(y, x)).for_each(|(sum, value)| *sum += value);
        }
        output.iter_mut().for_each(|sum| *sum *= 0.25);
    }
    Ok(output)
}

/// The channels of both.
fn concatenated(first: &Map, second: &Map) -> Result<Map> {
    let mut output = Map::zeroed(first.height, first.width, first.channels + second.channels)?;
    for (place, output) in output.values.chunks_exact_mut(first.channels + second.channels).enumerate() {
        let (left, right) = output.split_at_mut(first.channels);
        left.copy_from_slice(&first.values[place * first.channels..][..first.channels]);
        right.copy_from_slice(&second.values[place * second.channels..][..second.channels]);
    }
    Ok(output)
}

/// One row of a convolution's output.
struct Row<'a> {
    input: &'a Map,
    weights: &'a [f32],
    side: usize,
    stride: usize,
    y: usize,
    outputs: usize,
    target: &'a mut [f32],
}

/// Pixels that share a look at the weights.
const PIXELS: usize = 4;

impl Kernel for Row<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let Row { input, weights, side, stride, y, outputs, target } = self;
        let (inputs, width) = (input.channels, target.len() / outputs);
        let zeros = vec![0f32; inputs];
        assert!(outputs.is_multiple_of(2 * V::LANES) && weights.len() == side * side * inputs * outputs);
        for first in (0..width).step_by(PIXELS) {
            let count = PIXELS.min(width - first);
            for output in (0..outputs).step_by(2 * V::LANES) {
                let mut sums = [[V::splat(0.0); 2]; PIXELS];
                for tap in 0..side * side {
                    let mut pixels = [&zeros[..]; PIXELS];
                    for (index, pixel) in pixels.iter_mut().enumerate().take(count) {
                        let (row, column) = (y * stride + tap / side, (first + index) * stride + tap % side);
                        let (row, column) = (row.wrapping_sub(side / 2), column.wrapping_sub(side / 2));
                        if row < input.height && column < input.width {
                            *pixel = input.pixel(row, column);
                        }
                    }
                    for channel in 0..inputs {
                        let weights = &weights[(tap * inputs + channel) * outputs + output..][..2 * V::LANES];
                        // SAFETY: the slice is two vectors long.
                        let [left, right] =
                            unsafe { [V::load(weights.as_ptr()), V::load(weights.as_ptr().add(V::LANES))] };
                        for (sums, pixel) in sums.iter_mut().zip(&pixels) {
                            let value = V::splat(pixel[channel]);
                            sums[0] = value.times_plus(left, sums[0]);
                            sums[1] = value.times_plus(right, sums[1]);
                        }
                    }
                }
                for (index, sums) in sums.iter().enumerate().take(count) {
                    let target = &mut target[(first + index) * outputs + output..][..2 * V::LANES];
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
