//! The end: norm, ReLU, global average pooling and the linear head; or what comes before the pooling.

use super::memory::Span;
use super::vector::{Kernel, Vector};

/// What of the last feature map is wanted.
pub enum Wanted<'a> {
    /// The logit.
    Logit(&'a mut f32),
    /// What each place adds to the logit, whose mean over places it is.
    Map(&'a mut [f32]),
    /// The feature map after its norm, before its ReLU: all channels of each place.
    Features(&'a mut [f32]),
}

/// Computes the end of one image.
pub struct Head<'a> {
    /// Channels of pixels `input_step` apart, the image's first at `input_pixel`.
    pub input: Span<'a>,
    pub input_step: usize,
    pub input_pixel: usize,
    pub height: usize,
    pub width: usize,
    /// The last norm.
    pub scale: &'a [f32],
    pub shift: &'a [f32],
    pub weight: &'a [f32],
    pub bias: f32,
    pub wanted: Wanted<'a>,
}

impl Head<'_> {
    #[inline(always)]
    fn pixel(&self, place: usize) -> *const f32 {
        self.input.at((self.input_pixel + place) * self.input_step, self.scale.len())
    }

    /// # Safety
    /// The machine has `V`'s instructions and `channel` is a vector's first.
    #[inline(always)]
    unsafe fn normalized<V: Vector>(&self, pixel: *const f32, channel: usize) -> V {
        // SAFETY: pixel, scale and shift have as many floats as there are channels.
        unsafe {
            let (scale, shift) = (V::load(self.scale.as_ptr().add(channel)), V::load(self.shift.as_ptr().add(channel)));
            V::load(pixel.add(channel)).times_plus(scale, shift)
        }
    }
}

/// The sum of the products, in double precision: there are as many terms as channels.
#[inline(always)]
fn dot(one: &[f32], other: &[f32]) -> f64 {
    one.iter().zip(other).map(|(one, other)| f64::from(*one) * f64::from(*other)).sum()
}

/// The largest `Vector::LANES`.
const MOST_LANES: usize = 16;

impl Kernel for Head<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(mut self) {
        let (channels, places) = (self.scale.len(), self.height * self.width);
        assert!(self.shift.len() == channels && self.weight.len() == channels && channels.is_multiple_of(V::LANES));
        match std::mem::replace(&mut self.wanted, Wanted::Map(&mut [])) {
            Wanted::Logit(logit) => {
                let mut sum = 0.0;
                for channel in (0..channels).step_by(V::LANES) {
                    let mut total = V::splat(0.0);
                    for y in 0..self.height {
                        // Row by row: sums of many terms lose less that way.
                        let mut line = V::splat(0.0);
                        for x in 0..self.width {
                            // SAFETY: by contract.
                            let value: V = unsafe { self.normalized(self.pixel(y * self.width + x), channel) };
                            line = line.plus(value.relu());
                        }
                        total = total.plus(line);
                    }
                    let mut lanes = [0f32; MOST_LANES];
                    // SAFETY: room for the longest vector.
                    unsafe { total.store(lanes.as_mut_ptr()) };
                    sum += dot(&lanes[..V::LANES], &self.weight[channel..]);
                }
                *logit = (sum / places as f64 + f64::from(self.bias)) as f32;
            }
            Wanted::Map(map) => {
                for (place, value) in map.iter_mut().enumerate() {
                    let mut sum = f64::from(self.bias);
                    for channel in (0..channels).step_by(V::LANES) {
                        let mut lanes = [0f32; MOST_LANES];
                        // SAFETY: by contract; room for the longest vector.
                        unsafe { self.normalized::<V>(self.pixel(place), channel).relu().store(lanes.as_mut_ptr()) };
                        sum += dot(&lanes[..V::LANES], &self.weight[channel..]);
                    }
                    *value = sum as f32;
                }
            }
            Wanted::Features(features) => {
                for (place, features) in features.chunks_exact_mut(channels).enumerate() {
                    for channel in (0..channels).step_by(V::LANES) {
                        // SAFETY: by contract; the chunk has as many floats as there are channels.
                        unsafe {
                            self.normalized::<V>(self.pixel(place), channel).store(features.as_mut_ptr().add(channel));
                        }
                    }
                }
            }
        }
    }
}
