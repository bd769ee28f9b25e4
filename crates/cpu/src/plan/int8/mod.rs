//! Int8 convolutions, for processors with AVX-512 VNNI: four products of bytes in the time of one of floats.
//!
//! The 1x1 and 3x3 convolutions of blocks and transitions are quantised: their inputs, which come out of a ReLU, to u8
//! with one scale for each convolution, found by calibration; their weights to i8 with one scale for each output
//! channel. Sums are exact; feature maps, stem, norms and head stay in single precision. As sums of integers do not
//! depend on their order, the bits of a result do not depend on the batch or the number of threads either.

#[cfg(target_arch = "x86_64")]
#[allow(clippy::needless_range_loop)]
mod conv1x1;
#[cfg(target_arch = "x86_64")]
#[allow(clippy::needless_range_loop)]
mod conv3x3;
#[cfg(target_arch = "x86_64")]
#[allow(clippy::needless_range_loop)]
mod micro_kernel;
#[cfg(target_arch = "x86_64")]
mod quantized;
#[cfg(not(target_arch = "x86_64"))]
mod unsupported;

#[cfg(target_arch = "x86_64")]
pub use quantized::QuantizedWeights;
#[cfg(not(target_arch = "x86_64"))]
pub use unsupported::QuantizedWeights;

/// Whether this processor has the instructions.
pub fn is_available() -> bool {
    #[cfg(target_arch = "x86_64")]
    return super::vector::Vnni::available().is_some();
    #[cfg(not(target_arch = "x86_64"))]
    return false;
}
