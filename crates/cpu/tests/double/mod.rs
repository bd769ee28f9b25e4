//! The network's loss and gradients in double precision by straightforward loops: what the training step is compared
//! with. Written from the layout alone; shares no code with what it checks.

use lens_model::{EPSILON, LAYOUT, MOMENTUM, Norm};
use std::collections::HashMap;

/// Images, channels last.
#[derive(Clone)]
struct Pixels {
    images: usize,
    height: usize,
    width: usize,
    channels: usize,
    values: Vec<f64>,
}

impl Pixels {
    fn zeros(images: usize, height: usize, width: usize, channels: usize) -> Self {
        Pixels { images, height, width, channels, values: vec![0.0; images * height * width * channels] }
    }

    fn like(&self, channels: usize) -> Self {
        Pixels::zeros(self.images, self.height, self.width, channels)
    }

    fn at(&self, image: usize, y: usize, x: usize) -> usize {
        ((image * self.height + y) * self.width + x) * self.channels
    }

    fn count(&self) -> usize {
        self.values.len() / self.channels
    }

    /// Some channels of every pixel.
    fn part(&self, first: usize, channels: usize) -> Self {
        let pixels = self.values.chunks(self.channels);
        Pixels {
            channels,
            values: pixels.flat_map(|pixel| &pixel[first..first + channels]).copied().collect(),
            ..*self
        }
    }

    /// The channels of both.
    fn concat(&self, other: &Pixels) -> Self {
        let pixels = self.values.chunks(self.channels).zip(other.values.chunks(other.channels));
        let values = pixels.flat_map(|(one, other)| one.iter().chain(other)).copied().collect();
        Pixels { channels: self.channels + other.channels, values, ..*self }
    }

    /// Adds to the first channels.
    fn add(&mut self, other: &Pixels) {
        let channels = self.channels;
        for (target, source) in self.values.chunks_mut(channels).zip(other.values.chunks(other.channels)) {
            target.iter_mut().zip(source).for_each(|(target, source)| *target += source);
        }
    }
}

/// What the network found for a batch.
pub struct Found {
    pub loss: f64,
    pub logits: Vec<f64>,
    /// By parameter, in the order of training (channels last).
    pub gradients: HashMap<usize, Vec<f64>>,
    /// Running statistics after the batch.
    pub statistics: HashMap<usize, Vec<f64>>,
}

/// The network with these parameters, by their index, in the order of training.
pub struct Network<F> {
    parameter: F,
    found: Found,
}

struct Normalized {
    input: Pixels,
    output: Pixels,
    mean: Vec<f64>,
    inverse: Vec<f64>,
}

/// Calls `work` with the first element of an output pixel, of an input pixel in its window, and of the weights of the
/// tap between them.
fn windows(
    (input, output): (&Pixels, &Pixels),
    (side, stride, padding): (usize, usize, usize),
    mut work: impl FnMut(usize, usize, usize),
) {
    for image in 0..output.images {
        for y in 0..output.height {
            for x in 0..output.width {
                for tap in 0..side * side {
                    let (in_y, in_x) = (y * stride + tap / side, x * stride + tap % side);
                    if (padding..input.height + padding).contains(&in_y)
                        && (padding..input.width + padding).contains(&in_x)
                    {
                        work(output.at(image, y, x), input.at(image, in_y - padding, in_x - padding), tap);
                    }
                }
            }
        }
    }
}

impl<F: Fn(usize) -> Vec<f64>> Network<F> {
    /// Loss and gradients of images with three channels, row by row, and the running statistics after them.
    pub fn train(
        parameter: F,
        (images, height, width): (usize, usize, usize),
        values: &[f32],
        targets: &[f32],
        pos_weight: f64,
    ) -> Found {
        let found = Found { loss: 0.0, logits: Vec::new(), gradients: HashMap::new(), statistics: HashMap::new() };
        let input = Pixels {
            images,
            height,
            width,
            channels: 3,
            values: values.iter().map(|value| f64::from(*value)).collect(),
        };
        let mut network = Network { parameter, found };
        network.run(&input, targets, pos_weight);
        network.found
    }

    fn run(&mut self, input: &Pixels, targets: &[f32], pos_weight: f64) {
        let convolved = self.convolve(input, LAYOUT.stem, 2);
        let stem = self.norm_relu(&convolved, &LAYOUT.stem_norm);
        let (mut pixels, argmax) = max_pool(&stem.output);
        let (mut blocks, mut transitions) = (Vec::new(), Vec::new());
        for (block, layers) in LAYOUT.blocks.iter().enumerate() {
            let mut kept = Vec::new();
            for layer in layers {
                let outer = self.norm_relu(&pixels, &layer.norm1);
                let bottleneck = self.convolve(&outer.output, layer.conv1, 1);
                let bottleneck = self.norm_relu(&bottleneck, &layer.norm2);
                pixels = pixels.concat(&self.convolve(&bottleneck.output, layer.conv2, 1));
                kept.push((outer, bottleneck));
            }
            blocks.push(kept);
            if let Some(transition) = LAYOUT.transitions.get(block) {
                let outer = self.norm_relu(&pixels, &transition.norm);
                let reduced = self.convolve(&outer.output, transition.conv, 1);
                pixels = average_pool(&reduced);
                transitions.push((outer, reduced));
            }
        }
        let last = self.norm_relu(&pixels, &LAYOUT.last_norm);
        let mut gradient = self.head(&last.output, targets, pos_weight);
        gradient = self.norm_relu_back(&last, &gradient, &LAYOUT.last_norm);
        for (block, layers) in LAYOUT.blocks.iter().enumerate().rev() {
            for (layer, (outer, bottleneck)) in layers.iter().zip(&blocks[block]).rev() {
                let before = outer.input.channels;
                let added = gradient.part(before, gradient.channels - before);
                gradient = gradient.part(0, before);
                let of_bottleneck = self.convolve_back(&bottleneck.output, &added, layer.conv2, 1);
                let of_bottleneck = self.norm_relu_back(bottleneck, &of_bottleneck, &layer.norm2);
                let of_outer = self.convolve_back(&outer.output, &of_bottleneck, layer.conv1, 1);
                gradient.add(&self.norm_relu_back(outer, &of_outer, &layer.norm1));
            }
            if block > 0 {
                let ((outer, reduced), transition) = (&transitions[block - 1], &LAYOUT.transitions[block - 1]);
                let of_reduced = average_pool_back(&gradient, reduced);
                let of_outer = self.convolve_back(&outer.output, &of_reduced, transition.conv, 1);
                gradient = self.norm_relu_back(outer, &of_outer, &transition.norm);
            }
        }
        let mut of_stem = stem.output.like(gradient.channels);
        for (index, gradient) in argmax.iter().zip(&gradient.values) {
            of_stem.values[*index] += gradient;
        }
        let of_convolved = self.norm_relu_back(&stem, &of_stem, &LAYOUT.stem_norm);
        self.convolve_back(input, &of_convolved, LAYOUT.stem, 2);
    }

    /// A convolution whose padding keeps the size if the stride is 1.
    fn convolve(&self, input: &Pixels, weight: usize, stride: usize) -> Pixels {
        let (shape, weight) = (&LAYOUT.parameters()[weight].shape, (self.parameter)(weight));
        let (count, side) = (shape[0], shape[2]);
        let size = |size: usize| (size - 1) / stride + 1;
        let mut output = Pixels::zeros(input.images, size(input.height), size(input.width), count);
        // (tap, input, output): outputs are contiguous.
        let (depth, channels) = (weight.len() / count, input.channels);
        let turned: Vec<f64> = (0..weight.len()).map(|at| weight[at % count * depth + at / count]).collect();
        let mut values = std::mem::take(&mut output.values);
        windows((input, &output), (side, stride, side / 2), |to, from, tap| {
            for channel in 0..channels {
                let factor = input.values[from + channel];
                let weights = &turned[(tap * channels + channel) * count..][..count];
                values[to..to + count].iter_mut().zip(weights).for_each(|(sum, weight)| *sum += factor * weight);
            }
        });
        Pixels { values, ..output }
    }

    /// Stores the gradient of the weight and returns that of the input.
    fn convolve_back(&mut self, input: &Pixels, gradient: &Pixels, index: usize, stride: usize) -> Pixels {
        let weight = (self.parameter)(index);
        let (count, side) = (gradient.channels, LAYOUT.parameters()[index].shape[2]);
        let (depth, channels) = (weight.len() / count, input.channels);
        let mut of_input = input.like(channels);
        let mut of_weight = vec![0.0; weight.len()];
        windows((input, gradient), (side, stride, side / 2), |to, from, tap| {
            let source = &input.values[from..from + channels];
            let target = &mut of_input.values[from..from + channels];
            for (output, factor) in gradient.values[to..to + count].iter().enumerate() {
                let tap = output * depth + tap * channels;
                let (weight, of_weight) = (&weight[tap..][..channels], &mut of_weight[tap..][..channels]);
                for channel in 0..channels {
                    target[channel] += factor * weight[channel];
                    of_weight[channel] += factor * source[channel];
                }
            }
        });
        self.found.gradients.insert(index, of_weight);
        of_input
    }

    fn norm_relu(&mut self, input: &Pixels, norm: &Norm) -> Normalized {
        let (channels, count) = (input.channels, input.count() as f64);
        let [weight, bias, running_mean, running_variance] =
            [norm.weight, norm.bias, norm.mean, norm.variance].map(|index| (self.parameter)(index));
        let mean_of = |value: &dyn Fn(usize, f64) -> f64| {
            let mut sums = vec![0.0; channels];
            for (at, pixel) in input.values.iter().enumerate() {
                sums[at % channels] += value(at % channels, *pixel) / count;
            }
            sums
        };
        let mean = mean_of(&|_, value| value);
        let variance = mean_of(&|channel, value| (value - mean[channel]).powi(2));
        let follow = |running: &[f64], new: &dyn Fn(usize) -> f64| {
            let moved = |channel: usize| (1.0 - MOMENTUM) * running[channel] + MOMENTUM * new(channel);
            (0..channels).map(moved).collect::<Vec<f64>>()
        };
        let statistics = &mut self.found.statistics;
        statistics.insert(norm.mean, follow(&running_mean, &|channel| mean[channel]));
        let unbiased = count / (count - 1.0);
        statistics.insert(norm.variance, follow(&running_variance, &|channel| variance[channel] * unbiased));
        let inverse: Vec<f64> = variance.iter().map(|variance| (variance + EPSILON).sqrt().recip()).collect();
        let mut output = input.clone();
        for (at, value) in output.values.iter_mut().enumerate() {
            let channel = at % channels;
            *value = ((*value - mean[channel]) * inverse[channel] * weight[channel] + bias[channel]).max(0.0);
        }
        Normalized { input: input.clone(), output, mean, inverse }
    }

    /// Stores the norm's gradients and returns that of its input.
    fn norm_relu_back(&mut self, normalized: &Normalized, gradient: &Pixels, norm: &Norm) -> Pixels {
        let Normalized { input, output, mean, inverse } = normalized;
        let (channels, count) = (input.channels, input.count() as f64);
        let weight = (self.parameter)(norm.weight);
        let (mut of_weight, mut of_bias) = (vec![0.0; channels], vec![0.0; channels]);
        let standard = |at: usize| (input.values[at] - mean[at % channels]) * inverse[at % channels];
        let passed = |at: usize| if output.values[at] > 0.0 { gradient.values[at] } else { 0.0 };
        for at in 0..input.values.len() {
            of_bias[at % channels] += passed(at);
            of_weight[at % channels] += passed(at) * standard(at);
        }
        let mut of_input = input.like(channels);
        for (at, value) in of_input.values.iter_mut().enumerate() {
            let channel = at % channels;
            let batch_term = of_bias[channel] / count + standard(at) * of_weight[channel] / count;
            *value = weight[channel] * inverse[channel] * (passed(at) - batch_term);
        }
        self.found.gradients.insert(norm.weight, of_weight);
        self.found.gradients.insert(norm.bias, of_bias);
        of_input
    }

    /// Global average pooling, linear layer and loss, and the gradient of the pixels.
    fn head(&mut self, pixels: &Pixels, targets: &[f32], pos_weight: f64) -> Pixels {
        let (area, channels) = (pixels.height * pixels.width, pixels.channels);
        let (weight, bias) = ((self.parameter)(LAYOUT.head_weight), (self.parameter)(LAYOUT.head_bias)[0]);
        let (mut of_weight, mut of_bias) = (vec![0.0; channels], 0.0);
        let mut of_pixels = pixels.like(channels);
        for (image, target) in targets.iter().enumerate() {
            let mut means = vec![0.0; channels];
            let values = &pixels.values[image * area * channels..][..area * channels];
            values.iter().enumerate().for_each(|(at, value)| means[at % channels] += value / area as f64);
            let logit = bias + means.iter().zip(&weight).map(|(mean, weight)| mean * weight).sum::<f64>();
            let (probability, target) = (1.0 / (1.0 + (-logit).exp()), f64::from(*target));
            let share = 1.0 / targets.len() as f64;
            let (positive, negative) = (pos_weight * target, 1.0 - target);
            self.found.loss -= share * (positive * probability.ln() + negative * (1.0 - probability).ln());
            self.found.logits.push(logit);
            let of_logit = share * (negative * probability - positive * (1.0 - probability));
            of_bias += of_logit;
            of_weight.iter_mut().zip(&means).for_each(|(sum, mean)| *sum += of_logit * mean);
            for (at, value) in of_pixels.values[image * area * channels..][..area * channels].iter_mut().enumerate() {
                *value = of_logit * weight[at % channels] / area as f64;
            }
        }
        self.found.gradients.insert(LAYOUT.head_weight, of_weight);
        self.found.gradients.insert(LAYOUT.head_bias, vec![of_bias]);
        of_pixels
    }
}

/// 3x3 max pooling with stride 2, and the index of each first maximum.
fn max_pool(input: &Pixels) -> (Pixels, Vec<usize>) {
    let (height, width) = (input.height.div_ceil(2), input.width.div_ceil(2));
    let mut output = Pixels::zeros(input.images, height, width, input.channels);
    let mut argmax = vec![usize::MAX; output.values.len()];
    let mut values = vec![f64::NEG_INFINITY; argmax.len()];
    windows((input, &output), (3, 2, 1), |to, from, _| {
        for channel in 0..input.channels {
            if input.values[from + channel] > values[to + channel] {
                values[to + channel] = input.values[from + channel];
                argmax[to + channel] = from + channel;
            }
        }
    });
    output.values = values;
    (output, argmax)
}

/// 2x2 average pooling; an odd last row or column is ignored.
fn average_pool(input: &Pixels) -> Pixels {
    let mut output = Pixels::zeros(input.images, input.height / 2, input.width / 2, input.channels);
    let mut values = std::mem::take(&mut output.values);
    windows((input, &output), (2, 2, 0), |to, from, _| {
        for channel in 0..input.channels {
            values[to + channel] += input.values[from + channel] / 4.0;
        }
    });
    Pixels { values, ..output }
}

/// The backward pass of `average_pool`.
fn average_pool_back(gradient: &Pixels, input: &Pixels) -> Pixels {
    let mut output = input.like(input.channels);
    let mut values = std::mem::take(&mut output.values);
    windows((input, gradient), (2, 2, 0), |to, from, _| {
        for channel in 0..input.channels {
            values[from + channel] = gradient.values[to + channel] / 4.0;
        }
    });
    Pixels { values, ..output }
}
