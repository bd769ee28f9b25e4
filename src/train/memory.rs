//! How much of a batch goes through the network at once.

use crate::error::{Error, ErrorKind, Result};
use crate::model::LAYOUT;

/// Bytes that a training step holds for each input pixel of a batch: activations that the backward pass needs, and the
/// gradients of some of them. Measured (peaks of the process with batches of different size, at 128 pixels), rounded up.
#[derive(Clone, Copy, Debug)]
pub struct BytesPerPixel(u64);

impl BytesPerPixel {
    /// With libtorch's autograd: 2600 were measured.
    pub const AUTOGRAD: Self = BytesPerPixel(2800);
    /// With the step that is written out: 730 were measured.
    pub const WRITTEN_OUT: Self = BytesPerPixel(800);
}

/// Copies of all weights that training holds at once: weights, gradients, two moments, a step's temporaries, the average,
/// the best model, and a checkpoint being written. 300 MiB were measured.
const WEIGHT_COPIES: u64 = 12;

/// How memory is shared out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryPlan {
    /// Images that go through the network at once.
    pub micro_batch: usize,
    /// Bytes for decoded images.
    pub cache: u64,
}

/// Shares out `memory` bytes, when there is a limit: first the network, then a batch or as much of one as fits, then, up
/// to `cache` bytes, decoded images.
pub fn plan_memory(
    memory: Option<u64>,
    cache: u64,
    batch_size: usize,
    image_size: u32,
    bytes_per_pixel: BytesPerPixel,
) -> Result<MemoryPlan> {
    let Some(memory) = memory else {
        return Ok(MemoryPlan { micro_batch: batch_size, cache });
    };
    let network = LAYOUT.trained_count() as u64 * 4 * WEIGHT_COPIES;
    let image = u64::from(image_size).pow(2) * bytes_per_pixel.0;
    let free = memory.saturating_sub(network);
    let micro_batch = (free / image).min(batch_size as u64) as usize;
    if micro_batch < 2 {
        return Err(Error::new(
            ErrorKind::OutOfMemory,
            format!(
                "training with 2 images of {image_size} x {image_size} pixels at once takes about {} MiB, but {} MiB may \
                 be used: use a smaller image_size, or a larger memory_cap if one is set",
                (network + 2 * image) >> 20,
                memory >> 20
            ),
        ));
    }
    Ok(MemoryPlan { micro_batch, cache: cache.min(free - micro_batch as u64 * image) })
}

/// Cuts `count` images into equal parts of at most `limit`, or of one or two more where a part would else have a single
/// image: batch statistics of one image do not exist.
pub fn micro_batches(count: usize, limit: usize) -> Vec<std::ops::Range<usize>> {
    let parts = count.div_ceil(limit.max(2)).min(count / 2).max(1);
    (0..parts).map(|part| part * count / parts..(part + 1) * count / parts).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    #[test]
    fn batches_shrink_to_what_fits() {
        let (autograd, written_out) = (BytesPerPixel::AUTOGRAD, BytesPerPixel::WRITTEN_OUT);
        for (memory, batch, size, engine, expected) in [
            (None, 128, 128, autograd, 128),
            (Some(64 * GIB), 128, 128, autograd, 128),
            (Some(4 * GIB), 128, 128, autograd, 86),
            (Some(4 * GIB), 128, 128, written_out, 128),
            (Some(4 * GIB), 128, 64, autograd, 128),
            (Some(GIB), 128, 128, autograd, 16),
            (Some(GIB), 128, 128, written_out, 56),
        ] {
            let plan = plan_memory(memory, GIB, batch, size, engine).unwrap();
            assert_eq!(plan.micro_batch, expected, "{memory:?} {batch} {size}");
            assert!(plan.cache <= GIB);
        }
        let plan = plan_memory(Some(4 * GIB), GIB, 128, 128, autograd).unwrap();
        assert!(plan.cache < 128 * 128 * autograd.0, "the batch comes first");
    }

    #[test]
    fn too_little_memory_is_refused_with_both_figures() {
        let message = plan_memory(Some(400 << 20), GIB, 128, 224, BytesPerPixel::AUTOGRAD).unwrap_err().to_string();
        assert!(message.contains("400 MiB") && message.contains("224 x 224"), "{message}");
    }

    #[test]
    fn parts_are_even_cover_the_batch_and_never_have_a_single_image() {
        for count in 2..70 {
            for limit in 2..70 {
                let parts = micro_batches(count, limit);
                assert_eq!(parts.iter().map(ExactSizeIterator::len).sum::<usize>(), count);
                assert!(parts.windows(2).all(|pair| pair[0].end == pair[1].start));
                let sizes = || parts.iter().map(ExactSizeIterator::len);
                assert!(sizes().min() >= Some(2), "{count} {limit} {parts:?}");
                assert!(sizes().max() <= Some(limit.max(3)), "{count} {limit} {parts:?}");
                assert!(sizes().max().unwrap() - sizes().min().unwrap() <= 1);
            }
        }
    }
}
