//! The network with 8-bit convolutions, for processors with AVX-512 VNNI: four products of bytes in the time of one of
//! floats.
//!
//! Only what the 1x1 and 3x3 convolutions of blocks and transitions read is rounded: each input, which comes out of a
//! ReLU, to an unsigned byte with one scale for the convolution, found by calibration; each output channel's
//! weights to signed bytes with a scale of their own. Sums are exact, feature maps, stem, norms and head stay in single
//! precision. As sums of integers do not depend on their order, the bits of a result do not depend on the batch or the
//! number of threads either.

#[cfg(not(target_arch = "x86_64"))]
mod absent;
#[cfg(target_arch = "x86_64")]
#[allow(clippy::needless_range_loop)]
mod convolution;
#[cfg(target_arch = "x86_64")]
#[allow(clippy::needless_range_loop)]
mod kernel;
#[cfg(target_arch = "x86_64")]
#[allow(clippy::needless_range_loop)]
mod pointwise;
#[cfg(target_arch = "x86_64")]
mod quantized;

#[cfg(not(target_arch = "x86_64"))]
pub use absent::Quantized;
#[cfg(target_arch = "x86_64")]
pub use quantized::Quantized;

/// Whether this processor has the instructions.
pub fn is_available() -> bool {
    #[cfg(target_arch = "x86_64")]
    return super::vector::Vnni::available().is_some();
    #[cfg(not(target_arch = "x86_64"))]
    return false;
}
