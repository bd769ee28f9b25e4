//! Elementwise kernels and reductions over pixels, compiled for each instruction set. Sums are over pixels, one for
//! each channel, in the same order for every instruction set, so that all give the same bits.
//!
//! `pixel_stride` is the distance of two pixels in floats; the number of channels is the length of `scale` or `mean`.

use crate::kernels::vector::{Instructions, Kernel, Vector};
use lens_model::relu;

/// Gives each function a first argument: the instruction set that its body is compiled for.
macro_rules! for_each_instruction_set {
    ($($(#[$doc:meta])* fn $name:ident<$life:lifetime>($($argument:ident: $type:ty),* $(,)?) $body:block)*) => { $(
        $(#[$doc])*
        #[allow(clippy::too_many_arguments)]
        pub fn $name<$life>(instructions: Instructions, $($argument: $type),*) {
            // A function of its own: references passed as arguments are known not to alias, fields of a struct are not.
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
            instructions.run(Body { $($argument),* });
        }
    )* };
}

#[inline(always)]
fn relu_backward(gradient: f32, normalized: f32) -> f32 {
    if normalized > 0.0 { gradient } else { 0.0 }
}

for_each_instruction_set! {
    /// Norm and ReLU.
    fn norm_relu<'a>(input: &'a [f32], pixel_stride: usize, scale: &'a [f32], shift: &'a [f32], output: &'a mut [f32]) {
        let channels = scale.len();
        let shift = &shift[..channels];
        for (input, output) in input.chunks(pixel_stride).zip(output.chunks_exact_mut(channels)) {
            let input = &input[..channels];
            for channel in 0..channels {
                output[channel] = relu(input[channel] * scale[channel] + shift[channel]);
            }
        }
    }

    /// Adds norm and ReLU of every pixel to `sums`.
    fn norm_relu_sum<'a>(input: &'a [f32], pixel_stride: usize, scale: &'a [f32], shift: &'a [f32], sums: &'a mut [f32]) {
        let channels = scale.len();
        let (shift, sums) = (&shift[..channels], &mut sums[..channels]);
        for input in input.chunks(pixel_stride) {
            let input = &input[..channels];
            for channel in 0..channels {
                sums[channel] += relu(input[channel] * scale[channel] + shift[channel]);
            }
        }
    }

    /// Norm, ReLU and the maximum over a window: pixels that begin at `starts`, with their taps. `argmax` gets the tap
    /// of the first maximum.
    fn norm_relu_max<'a>(
        input: &'a [f32],
        starts: &'a [(usize, u8)],
        scale: &'a [f32],
        shift: &'a [f32],
        output: &'a mut [f32],
        argmax: &'a mut [u8],
    ) {
        let channels = scale.len();
        let (shift, output, argmax) = (&shift[..channels], &mut output[..channels], &mut argmax[..channels]);
        output.fill(f32::NEG_INFINITY);
        for &(start, tap) in starts {
            let input = &input[start..][..channels];
            for channel in 0..channels {
                let value = relu(input[channel] * scale[channel] + shift[channel]);
                // NaN is the maximum, as in libtorch.
                let better = value > output[channel] || value.is_nan();
                output[channel] = if better { value } else { output[channel] };
                argmax[channel] = if better { tap } else { argmax[channel] };
            }
        }
    }

    /// Backward pass of max pooling for one pixel: the sum over the windows whose maximum it is. `windows` are pixels
    /// of the pooled image, with the tap of this pixel in their windows.
    fn max_unpool<'a>(gradient: &'a [f32], argmax: &'a [u8], windows: &'a [(usize, u8)], output: &'a mut [f32]) {
        let channels = output.len();
        output.fill(0.0);
        for &(pixel, tap) in windows {
            let gradient = &gradient[pixel * channels..][..channels];
            let argmax = &argmax[pixel * channels..][..channels];
            for channel in 0..channels {
                output[channel] += if argmax[channel] == tap { gradient[channel] } else { 0.0 };
            }
        }
    }

    /// Mean of every channel and the sum of squared distances from it.
    fn moments<'a>(input: &'a [f32], pixel_stride: usize, mean: &'a mut [f32], squares: &'a mut [f32]) {
        let channels = mean.len();
        let squares = &mut squares[..channels];
        mean.fill(0.0);
        squares.fill(0.0);
        for input in input.chunks(pixel_stride) {
            let input = &input[..channels];
            for channel in 0..channels {
                mean[channel] += input[channel];
            }
        }
        let share = 1.0 / input.len().div_ceil(pixel_stride) as f32;
        for mean in mean.iter_mut() {
            *mean *= share;
        }
        for input in input.chunks(pixel_stride) {
            let input = &input[..channels];
            for channel in 0..channels {
                let distance = input[channel] - mean[channel];
                squares[channel] += distance * distance;
            }
        }
    }

    /// Adds the sums that a norm's backward pass needs: of the gradient before the ReLU (dy), and of its product with
    /// the distance of the input from its mean (x - mu).
    fn norm_backward_sums<'a>(
        gradient: &'a [f32],
        input: &'a [f32],
        scale: &'a [f32],
        shift: &'a [f32],
        mean: &'a [f32],
        sum_dy: &'a mut [f32],
        sum_dy_xmu: &'a mut [f32],
    ) {
        let channels = scale.len();
        let (shift, mean) = (&shift[..channels], &mean[..channels]);
        let (sum_dy, sum_dy_xmu) = (&mut sum_dy[..channels], &mut sum_dy_xmu[..channels]);
        for (gradient, input) in gradient.chunks_exact(channels).zip(input.chunks_exact(channels)) {
            for channel in 0..channels {
                let passed = relu_backward(gradient[channel], input[channel] * scale[channel] + shift[channel]);
                sum_dy[channel] += passed;
                sum_dy_xmu[channel] += passed * (input[channel] - mean[channel]);
            }
        }
    }

    /// From the gradient after norm and ReLU to that before them, in place: `constant` and `slope` are the batch norm's
    /// gradient terms, as in `BatchNormTerms`.
    fn norm_relu_backward<'a>(
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
                let passed = relu_backward(gradient[channel], input[channel] * scale[channel] + shift[channel]);
                let batch_term = constant[channel] + slope[channel] * (input[channel] - mean[channel]);
                gradient[channel] = scale[channel] * passed - batch_term;
            }
        }
    }

    /// Adds to `total` the gradient before norm and ReLU, without the batch norm's gradient terms, and to `sum_dy` and
    /// `sum_dy_xmu` what `norm_backward_sums` adds.
    fn norm_relu_backward_add<'a>(
        gradient: &'a [f32],
        input: &'a [f32],
        pixel_stride: usize,
        scale: &'a [f32],
        shift: &'a [f32],
        mean: &'a [f32],
        total: &'a mut [f32],
        sum_dy: &'a mut [f32],
        sum_dy_xmu: &'a mut [f32],
    ) {
        let channels = scale.len();
        let (shift, mean) = (&shift[..channels], &mean[..channels]);
        let (sum_dy, sum_dy_xmu) = (&mut sum_dy[..channels], &mut sum_dy_xmu[..channels]);
        let pixels = gradient.chunks_exact(channels).zip(input.chunks(pixel_stride)).zip(total.chunks_mut(pixel_stride));
        for ((gradient, input), total) in pixels {
            let (input, total) = (&input[..channels], &mut total[..channels]);
            for channel in 0..channels {
                let passed = relu_backward(gradient[channel], input[channel] * scale[channel] + shift[channel]);
                sum_dy[channel] += passed;
                sum_dy_xmu[channel] += passed * (input[channel] - mean[channel]);
                total[channel] += scale[channel] * passed;
            }
        }
    }

    /// `norm_relu_backward_add` to a `total` of zeros, with one gradient for all pixels.
    fn norm_relu_backward_set<'a>(
        gradient: &'a [f32],
        input: &'a [f32],
        pixel_stride: usize,
        scale: &'a [f32],
        shift: &'a [f32],
        mean: &'a [f32],
        total: &'a mut [f32],
        sum_dy: &'a mut [f32],
        sum_dy_xmu: &'a mut [f32],
    ) {
        let channels = scale.len();
        let (gradient, shift, mean) = (&gradient[..channels], &shift[..channels], &mean[..channels]);
        let (sum_dy, sum_dy_xmu) = (&mut sum_dy[..channels], &mut sum_dy_xmu[..channels]);
        for (input, total) in input.chunks(pixel_stride).zip(total.chunks_mut(pixel_stride)) {
            let (input, total) = (&input[..channels], &mut total[..channels]);
            for channel in 0..channels {
                let passed = relu_backward(gradient[channel], input[channel] * scale[channel] + shift[channel]);
                sum_dy[channel] += passed;
                sum_dy_xmu[channel] += passed * (input[channel] - mean[channel]);
                total[channel] = scale[channel] * passed;
            }
        }
    }

    /// The complete gradient of some channels, densely: `total` minus the batch norms' gradient terms.
    fn subtract_batch_norm_terms<'a>(
        total: &'a [f32],
        input: &'a [f32],
        pixel_stride: usize,
        mean: &'a [f32],
        constant: &'a [f32],
        slope: &'a [f32],
        output: &'a mut [f32],
    ) {
        let channels = mean.len();
        let (constant, slope) = (&constant[..channels], &slope[..channels]);
        let pixels = total.chunks(pixel_stride).zip(input.chunks(pixel_stride)).zip(output.chunks_exact_mut(channels));
        for ((total, input), output) in pixels {
            let (total, input) = (&total[..channels], &input[..channels]);
            for channel in 0..channels {
                let batch_term = constant[channel] + slope[channel] * (input[channel] - mean[channel]);
                output[channel] = total[channel] - batch_term;
            }
        }
    }

    /// A step of Adam: `shares` are 1 - beta1 and 1 - beta2, `correction` and `step_size` contain the bias corrections.
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

    /// Adds columns `first..` of `input`, which has `count` columns, to the rows of `output`.
    fn add_transposed<'a>(input: &'a [f32], first: usize, count: usize, output: &'a mut [f32]) {
        let depth = input.len() / count;
        for (column, output) in output.chunks_exact_mut(depth).enumerate() {
            for (row, output) in input.chunks_exact(count).zip(output) {
                *output += row[first + column];
            }
        }
    }

    /// A step of SGD with momentum.
    fn sgd<'a>(values: &'a mut [f32], gradients: &'a [f32], moment: &'a mut [f32], momentum: f32, learning_rate: f32) {
        for ((value, gradient), moment) in values.iter_mut().zip(gradients).zip(moment) {
            *moment = *moment * momentum + gradient;
            *value -= learning_rate * *moment;
        }
    }

    /// Linear interpolation from `values` towards `end`.
    fn lerp<'a>(values: &'a mut [f32], end: &'a [f32], share: f32) {
        for (value, end) in values.iter_mut().zip(end) {
            *value += share * (end - *value);
        }
    }

    /// `output += input`.
    fn add<'a>(input: &'a [f32], output: &'a mut [f32]) {
        for (input, output) in input.iter().zip(output) {
            *output += input;
        }
    }
}
