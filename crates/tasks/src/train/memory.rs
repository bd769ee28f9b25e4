//! How memory is divided between parts of batches and decoded images.

use lens_base::{Error, ErrorKind, Result};
use lens_engine::Footprint;

/// The division of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryPlan {
    /// Images that go through the network at once.
    pub micro_batch: usize,
    /// Bytes for decoded images.
    pub cache: u64,
}

/// Shares out `memory` bytes, when there is a limit: first the network, then a batch or as much of one as fits, then, up
/// to `cache` bytes, decoded images; these are in the main memory when the network is on a GPU.
pub fn plan_memory(
    memory: Option<u64>,
    cache: u64,
    batch_size: usize,
    image_size: u32,
    footprint: Footprint,
    on_gpu: bool,
) -> Result<MemoryPlan> {
    let Some(memory) = memory else {
        return Ok(MemoryPlan { micro_batch: batch_size, cache });
    };
    let side = image_size as usize;
    let image = footprint.image(side, side);
    let micro_batch = footprint.batch(Some(memory), batch_size, side, side);
    if micro_batch < 2 {
        return Err(Error::new(
            ErrorKind::OutOfMemory,
            format!(
                "training with 2 images of {image_size} x {image_size} pixels at once takes about {} MiB, but {} MiB may \
                 be used: use a smaller image_size, or a larger memory_cap if one is set",
                (footprint.fixed + 2 * image) >> 20,
                memory >> 20
            ),
        ));
    }
    let left = memory - footprint.fixed - micro_batch as u64 * image;
    Ok(MemoryPlan { micro_batch, cache: if on_gpu { cache } else { cache.min(left) } })
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
    use lens_engine::policy::Precision;

    const GIB: u64 = 1 << 30;

    #[test]
    fn batch_parts_for_memory() {
        let autograd = Footprint::training(Precision::F32, false);
        let written_out = Footprint::training(Precision::F32, true);
        for (memory, batch, size, engine, expected) in [
            (None, 128, 128, autograd, 128),
            (Some(64 * GIB), 128, 128, autograd, 128),
            (Some(4 * GIB), 128, 128, autograd, 75),
            (Some(4 * GIB), 128, 128, written_out, 128),
            (Some(4 * GIB), 128, 64, autograd, 128),
            (Some(GIB), 128, 128, autograd, 14),
            (Some(GIB), 128, 128, written_out, 56),
        ] {
            let plan = plan_memory(memory, GIB, batch, size, engine, false).unwrap();
            assert_eq!(plan.micro_batch, expected, "{memory:?} {batch} {size}");
            assert!(plan.cache <= GIB);
        }
        let plan = plan_memory(Some(4 * GIB), GIB, 128, 128, autograd, false).unwrap();
        assert!(plan.cache < autograd.image(128, 128), "the batch comes first");
        let plan = plan_memory(Some(4 * GIB), GIB, 128, 128, autograd, true).unwrap();
        assert_eq!((plan.micro_batch, plan.cache), (75, GIB), "images are not in the GPU's memory");
    }

    #[test]
    fn footprint_of_weights() {
        assert_eq!(lens_engine::TRAINED_PARAMETERS, lens_model::LAYOUT.trained_count() as u64);
    }

    #[test]
    fn insufficient_memory() {
        let message = plan_memory(Some(400 << 20), GIB, 128, 224, Footprint::training(Precision::F32, false), false)
            .unwrap_err()
            .to_string();
        assert!(message.contains("400 MiB") && message.contains("224 x 224"), "{message}");
    }

    #[test]
    fn part_sizes() {
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
