//! Loops over pixels and their channels, compiled for each instruction set. Sums run over pixels, one for each channel,
//! in the same order whatever the instruction set, so that all of them give the same bits.
//!
//! `step` is the distance of two pixels in memory; the number of channels is the length of `scale` or `mean`.

use crate::kernels::vector::{Instructions, Kernel, Vector};
use lens_model::relu;

/// Gives each function a first argument: the instructions that its body is compiled for.
macro_rules! for_each_instruction_set {
    ($($(#[$doc:meta])* fn $name:ident<$life:lifetime>($($argument:ident: $type:ty),* $(,)?) $body:block)*) => { $(
        $(#[$doc])*
        #[allow(clippy::too_many_arguments)]
        pub fn $name<$life>(set: Instructions, $($argument: $type),*) {
            // A function of its own: that arguments do not overlap is known of references that are passed, but not of a
            // structure's.
            #[allow(clippy::too_many_arguments)]
            #[inline(always)]
            fn body<$life>($($argument: $type),*) $body
            struct Body<$life> { $($argument: $type),* }
            impl Kernel for Body<'_> {
                #[inline(always)]
                unsafe fn run<V: Vector>(self) {
                    body($(self.$argument),*);
                }
            }
            set.run(Body { $($argument),* });
        }
    )* };
}

#[inline(always)]
fn pass(gradient: f32, normalized: f32) -> f32 {
    if normalized > 0.0 { gradient } else { 0.0 }
}

for_each_instruction_set! {
    /// Norm and ReLU.
    fn normalize<'a>(input: &'a [f32], step: usize, scale: &'a [f32], shift: &'a [f32], output: &'a mut [f32]) {
        let channels = scale.len();
        let shift = &shift[..channels];
        for (input, output) in input.chunks(step).zip(output.chunks_exact_mut(channels)) {
            let input = &input[..channels];
            for channel in 0..channels {
                output[channel] = relu(input[channel] * scale[channel] + shift[channel]);
            }
        }
    }

    /// Adds norm and ReLU of every pixel to `sums`.
    fn normalize_summed<'a>(input: &'a [f32], step: usize, scale: &'a [f32], shift: &'a [f32], sums: &'a mut [f32]) {
        let channels = scale.len();
        let (shift, sums) = (&shift[..channels], &mut sums[..channels]);
        for input in input.chunks(step) {
            let input = &input[..channels];
            for channel in 0..channels {
                sums[channel] += relu(input[channel] * scale[channel] + shift[channel]);
            }
        }
    }

    /// Norm, ReLU and the largest of the pixels that begin at `starts`, with the place of the first that is as large.
    fn normalize_largest<'a>(
        input: &'a [f32],
        starts: &'a [(usize, u8)],
        scale: &'a [f32],
        shift: &'a [f32],
        output: &'a mut [f32],
        winners: &'a mut [u8],
    ) {
        let channels = scale.len();
        let (shift, output, winners) = (&shift[..channels], &mut output[..channels], &mut winners[..channels]);
        output.fill(f32::NEG_INFINITY);
        for &(start, place) in starts {
            let input = &input[start..][..channels];
            for channel in 0..channels {
                let value = relu(input[channel] * scale[channel] + shift[channel]);
                // NaN wins, as in libtorch.
                let better = value > output[channel] || value.is_nan();
                output[channel] = if better { value } else { output[channel] };
                winners[channel] = if better { place } else { winners[channel] };
            }
        }
    }

    /// The gradient of one pixel before the choice of the largest: the sum over the windows that it won, given as the
    /// pixel of the pooled image and the place in its window.
    fn unpool<'a>(gradient: &'a [f32], winners: &'a [u8], windows: &'a [(usize, u8)], output: &'a mut [f32]) {
        let channels = output.len();
        output.fill(0.0);
        for &(pixel, place) in windows {
            let gradient = &gradient[pixel * channels..][..channels];
            let winners = &winners[pixel * channels..][..channels];
            for channel in 0..channels {
                output[channel] += if winners[channel] == place { gradient[channel] } else { 0.0 };
            }
        }
    }

    /// Mean of every channel and the sum of squared distances from it.
    fn moments<'a>(input: &'a [f32], step: usize, mean: &'a mut [f32], squares: &'a mut [f32]) {
        let channels = mean.len();
        let squares = &mut squares[..channels];
        mean.fill(0.0);
        squares.fill(0.0);
        for input in input.chunks(step) {
            let input = &input[..channels];
            for channel in 0..channels {
                mean[channel] += input[channel];
            }
        }
        let share = 1.0 / input.len().div_ceil(step) as f32;
        for mean in mean.iter_mut() {
            *mean *= share;
        }
        for input in input.chunks(step) {
            let input = &input[..channels];
            for channel in 0..channels {
                let distance = input[channel] - mean[channel];
                squares[channel] += distance * distance;
            }
        }
    }

    /// Adds to `first` and `second` the sums that a norm's backward pass needs: of the gradient before the ReLU, and of
    /// that times the distance from the mean.
    fn norm_sums<'a>(
        gradient: &'a [f32],
        input: &'a [f32],
        scale: &'a [f32],
        shift: &'a [f32],
        mean: &'a [f32],
        first: &'a mut [f32],
        second: &'a mut [f32],
    ) {
        let channels = scale.len();
        let (shift, mean) = (&shift[..channels], &mean[..channels]);
        let (first, second) = (&mut first[..channels], &mut second[..channels]);
        for (gradient, input) in gradient.chunks_exact(channels).zip(input.chunks_exact(channels)) {
            for channel in 0..channels {
                let passed = pass(gradient[channel], input[channel] * scale[channel] + shift[channel]);
                first[channel] += passed;
                second[channel] += passed * (input[channel] - mean[channel]);
            }
        }
    }

    /// The gradient after norm and ReLU becomes the one before them: `constant` and `slope` are what the norm's own
    /// dependence on its batch takes away, the latter for each unit of distance from the mean.
    fn norm_gradient<'a>(
        gradient: &'a mut [f32],
        input: &'a [f32],
        scale: &'a [f32],
        shift: &'a [f32],
        mean: &'a [f32],
        constant: &'a [f32],
        slope: &'a [f32],
    ) {
        let channels = scale.len();
        let (shift, mean) = (&shift[..channels], &mean[..channels]);
        let (constant, slope) = (&constant[..channels], &slope[..channels]);
        for (gradient, input) in gradient.chunks_exact_mut(channels).zip(input.chunks_exact(channels)) {
            for channel in 0..channels {
                let passed = pass(gradient[channel], input[channel] * scale[channel] + shift[channel]);
                let taken = constant[channel] + slope[channel] * (input[channel] - mean[channel]);
                gradient[channel] = scale[channel] * passed - taken;
            }
        }
    }

    /// Adds to `total` the part of the gradient before norm and ReLU that does not wait for sums over the batch, and to
    /// `first` and `second` what `norm_sums` adds.
    fn spread_add<'a>(
        gradient: &'a [f32],
        input: &'a [f32],
        step: usize,
        scale: &'a [f32],
        shift: &'a [f32],
        mean: &'a [f32],
        total: &'a mut [f32],
        first: &'a mut [f32],
        second: &'a mut [f32],
    ) {
        let channels = scale.len();
        let (shift, mean) = (&shift[..channels], &mean[..channels]);
        let (first, second) = (&mut first[..channels], &mut second[..channels]);
        let pixels = gradient.chunks_exact(channels).zip(input.chunks(step)).zip(total.chunks_mut(step));
        for ((gradient, input), total) in pixels {
            let (input, total) = (&input[..channels], &mut total[..channels]);
            for channel in 0..channels {
                let passed = pass(gradient[channel], input[channel] * scale[channel] + shift[channel]);
                first[channel] += passed;
                second[channel] += passed * (input[channel] - mean[channel]);
                total[channel] += scale[channel] * passed;
            }
        }
    }

    /// `spread_add` for a `total` that holds nothing yet, with one gradient for all pixels.
    fn spread_set<'a>(
        gradient: &'a [f32],
        input: &'a [f32],
        step: usize,
        scale: &'a [f32],
        shift: &'a [f32],
        mean: &'a [f32],
        total: &'a mut [f32],
        first: &'a mut [f32],
        second: &'a mut [f32],
    ) {
        let channels = scale.len();
        let (gradient, shift, mean) = (&gradient[..channels], &shift[..channels], &mean[..channels]);
        let (first, second) = (&mut first[..channels], &mut second[..channels]);
        for (input, total) in input.chunks(step).zip(total.chunks_mut(step)) {
            let (input, total) = (&input[..channels], &mut total[..channels]);
            for channel in 0..channels {
                let passed = pass(gradient[channel], input[channel] * scale[channel] + shift[channel]);
                first[channel] += passed;
                second[channel] += passed * (input[channel] - mean[channel]);
                total[channel] = scale[channel] * passed;
            }
        }
    }

    /// The finished gradient of some channels, densely: `total` less what the norms' dependence on the batch takes away.
    fn settle<'a>(
        total: &'a [f32],
        input: &'a [f32],
        step: usize,
        mean: &'a [f32],
        constant: &'a [f32],
        slope: &'a [f32],
        output: &'a mut [f32],
    ) {
        let channels = mean.len();
        let (constant, slope) = (&constant[..channels], &slope[..channels]);
        let pixels = total.chunks(step).zip(input.chunks(step)).zip(output.chunks_exact_mut(channels));
        for ((total, input), output) in pixels {
            let (total, input) = (&total[..channels], &input[..channels]);
            for channel in 0..channels {
                let taken = constant[channel] + slope[channel] * (input[channel] - mean[channel]);
                output[channel] = total[channel] - taken;
            }
        }
    }

    /// One step of Adam: see `AdamStep`.
    fn adam<'a>(
        values: &'a mut [f32],
        gradients: &'a [f32],
        first_moment: &'a mut [f32],
        second_moment: &'a mut [f32],
        shares: (f32, f32),
        correction: f32,
        epsilon: f32,
        step_size: f32,
    ) {
        let count = values.len();
        let (gradients, first_moment) = (&gradients[..count], &mut first_moment[..count]);
        let second_moment = &mut second_moment[..count];
        for index in 0..count {
            let gradient = gradients[index];
            let first = first_moment[index] + shares.0 * (gradient - first_moment[index]);
            let second = second_moment[index] + shares.1 * (gradient * gradient - second_moment[index]);
            first_moment[index] = first;
            second_moment[index] = second;
            values[index] -= step_size * first / (second.sqrt() * correction + epsilon);
        }
    }

    /// Adds columns from `first` on, of `count` in each row of `input`, to the rows of `output`.
    fn add_transposed<'a>(input: &'a [f32], first: usize, count: usize, output: &'a mut [f32]) {
        let depth = input.len() / count;
        for (column, output) in output.chunks_exact_mut(depth).enumerate() {
            for (row, output) in input.chunks_exact(count).zip(output) {
                *output += row[first + column];
            }
        }
    }

    /// One step of gradient descent with momentum.
    fn descend<'a>(values: &'a mut [f32], gradients: &'a [f32], moment: &'a mut [f32], momentum: f32, learning_rate: f32) {
        for ((value, gradient), moment) in values.iter_mut().zip(gradients).zip(moment) {
            *moment = *moment * momentum + gradient;
            *value -= learning_rate * *moment;
        }
    }

    /// Moves `values` by a share of their distance towards others.
    fn blend<'a>(values: &'a mut [f32], towards: &'a [f32], share: f32) {
        for (value, towards) in values.iter_mut().zip(towards) {
            *value += share * (towards - *value);
        }
    }

    /// `output += input`.
    fn add<'a>(input: &'a [f32], output: &'a mut [f32]) {
        for (input, output) in input.iter().zip(output) {
            *output += input;
        }
    }
}
