//! Estimates of the network's memory, and batch sizes that fit.

use super::policy::Precision;
use serde::Serialize;

/// Trained parameters of DenseNet-121 with one output.
pub const TRAINED_PARAMETERS: u64 = 6_954_881;

/// Copies of all trained parameters during training: weights, gradients, two moments, temporaries of a step, the
/// average, the best model, and a checkpoint being written. 300 MiB were measured.
const TRAINING_COPIES: u64 = 12;

/// Memory of a batch of images.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Footprint {
    /// Bytes independent of the batch.
    pub fixed: u64,
    /// Bytes per input pixel of the batch.
    pub per_pixel: u64,
}

impl Footprint {
    /// Training: copies of the weights, activations for the backward pass, and gradients of some of them. Bytes per
    /// pixel are peaks measured on CPU at 128 pixels with several batch sizes, rounded up: 2600 with libtorch's
    /// autograd in f32, 1375 in half precision, and 730 with this library's explicit backward pass. In f32 on an H200
    /// it was 3070, including workspaces of the convolutions.
    pub fn training(precision: Precision, explicit_backward: bool) -> Self {
        let per_pixel = match precision {
            Precision::F32 if explicit_backward => 800,
            Precision::F32 => 3200,
            Precision::Bf16 | Precision::F16 => 1500,
        };
        Footprint { fixed: TRAINED_PARAMETERS * 4 * TRAINING_COPIES, per_pixel }
    }

    /// Inference: the weights and the activations of a few layers, measured in the same way: 238 in f32, 183 in half
    /// precision, which also keeps a copy of the weights.
    pub fn inference(precision: Precision) -> Self {
        match precision {
            Precision::F32 => Footprint { fixed: TRAINED_PARAMETERS * 4, per_pixel: 260 },
            Precision::Bf16 | Precision::F16 => Footprint { fixed: TRAINED_PARAMETERS * 6, per_pixel: 200 },
        }
    }

    /// Bytes of an image.
    pub fn image(self, width: usize, height: usize) -> u64 {
        width as u64 * height as u64 * self.per_pixel
    }

    /// How many of `wanted` images of this size fit into `free` bytes at once; all if that is unknown.
    pub fn batch(self, free: Option<u64>, wanted: usize, width: usize, height: usize) -> usize {
        let Some(free) = free else {
            return wanted;
        };
        let max = free.saturating_sub(self.fixed) / self.image(width, height).max(1);
        usize::try_from(max).unwrap_or(usize::MAX).min(wanted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reference_batch_by_memory() {
        const MIB: u64 = 1 << 20;
        for (free, precision, training, inference) in [
            (None, Precision::F32, 128, 128),
            (Some(2700 * MIB), Precision::Bf16, 101, 128),
            (Some(2700 * MIB), Precision::F32, 47, 128),
            (Some(14_000 * MIB), Precision::Bf16, 128, 128),
            (Some(200 * MIB), Precision::F16, 0, 51),
            (Some(0), Precision::F32, 0, 0),
        ] {
            let batch = |footprint: Footprint| footprint.batch(free, 128, 128, 128);
            assert_eq!(batch(Footprint::training(precision, false)), training, "{free:?} {precision:?}");
            assert_eq!(batch(Footprint::inference(precision)), inference, "{free:?} {precision:?}");
        }
    }
}
