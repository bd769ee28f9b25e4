//! The end of the network: last norm, ReLU, global average pooling and the linear head.

use super::memory::Span;
use super::vector::{Kernel, Vector};

/// Where the requested output goes.
pub enum HeadOutput<'a> {
    /// The logit.
    Logit(&'a mut f32),
    /// What each pixel of the last feature map adds to the logit, which is the mean over pixels.
    ActivationMap(&'a mut [f32]),
    /// The last feature map after its norm and before its ReLU, channels last.
    Features(&'a mut [f32]),
}

/// The end of the network for one image.
pub struct Head<'a> {
    /// Input: channels of pixels `input_stride` floats apart, the image's first at `input_pixel`.
    pub input: Span<'a>,
    pub input_stride: usize,
    pub input_pixel: usize,
    pub height: usize,
    pub width: usize,
    /// Scale and shift of the last norm.
    pub scale: &'a [f32],
    pub shift: &'a [f32],
    pub weight: &'a [f32],
    pub bias: f32,
    pub output: HeadOutput<'a>,
}

impl Head<'_> {
    #[inline(always)]
    fn pixel(&self, index: usize) -> *const f32 {
        self.input.at((self.input_pixel + index) * self.input_stride, self.scale.len())
    }

    /// # Safety
    /// The machine has `V`'s instructions and `channel` is the first of a vector.
    #[inline(always)]
    unsafe fn normalized<V: Vector>(&self, pixel: *const f32, channel: usize) -> V {
        // SAFETY: pixel, scale and shift have as many floats as there are channels.
        unsafe {
            let (scale, shift) = (V::load(self.scale.as_ptr().add(channel)), V::load(self.shift.as_ptr().add(channel)));
            V::load(pixel.add(channel)).mul_add(scale, shift)
        }
    }
}

/// The dot product in double precision.
#[inline(always)]
fn dot(one: &[f32], other: &[f32]) -> f64 {
    one.iter().zip(other).map(|(one, other)| f64::from(*one) * f64::from(*other)).sum()
}

/// The largest `Vector::LANES`.
const MAX_LANES: usize = 16;

impl Kernel for Head<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(mut self) {
        let (channels, pixels) = (self.scale.len(), self.height * self.width);
        assert!(self.shift.len() == channels && self.weight.len() == channels && channels.is_multiple_of(V::LANES));
        match std::mem::replace(&mut self.output, HeadOutput::ActivationMap(&mut [])) {
            HeadOutput::Logit(logit) => {
                let mut sum = 0.0;
                for channel in (0..channels).step_by(V::LANES) {
                    let mut total = V::splat(0.0);
                    for y in 0..self.height {
                        // Summed by rows, which loses less to rounding than one long sum.
                        let mut line = V::splat(0.0);
                        for x in 0..self.width {
                            // SAFETY: by contract.
                            let value: V = unsafe { self.normalized(self.pixel(y * self.width + x), channel) };
                            line = line.add(value.relu());
                        }
                        total = total.add(line);
                    }
                    let mut lanes = [0f32; MAX_LANES];
                    // SAFETY: room for the longest vector.
                    unsafe { total.store(lanes.as_mut_ptr()) };
                    sum += dot(&lanes[..V::LANES], &self.weight[channel..]);
                }
                *logit = (sum / pixels as f64 + f64::from(self.bias)) as f32;
            }
            HeadOutput::ActivationMap(map) => {
                for (pixel, value) in map.iter_mut().enumerate() {
                    let mut sum = f64::from(self.bias);
                    for channel in (0..channels).step_by(V::LANES) {
                        let mut lanes = [0f32; MAX_LANES];
                        // SAFETY: by contract; room for the longest vector.
                        unsafe { self.normalized::<V>(self.pixel(pixel), channel).relu().store(lanes.as_mut_ptr()) };
                        sum += dot(&lanes[..V::LANES], &self.weight[channel..]);
                    }
                    *value = sum as f32;
                }
            }
            HeadOutput::Features(features) => {
                for (pixel, features) in features.chunks_exact_mut(channels).enumerate() {
                    for channel in (0..channels).step_by(V::LANES) {
                        // SAFETY: by contract; the chunk has as many floats as there are channels.
                        unsafe {
                            self.normalized::<V>(self.pixel(pixel), channel).store(features.as_mut_ptr().add(channel));
                        }
                    }
                }
            }
        }
    }
}
