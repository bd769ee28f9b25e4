//! Images in a batch.

use lens_runtime::{Classifier, Context};

/// Leaves the choice to the library.
pub const AUTOMATIC: u32 = 0;

/// Whole images that keep a CPU busy.
const IMAGES_ON_CPU: usize = 32;

/// What is automatic for whole images, in words.
pub const AUTOMATIC_WHOLE: &str = "automatic, 32 on the CPU, and on GPUs as many as have 4 million pixels";

/// More at once has no use, and an absurd number is a mistake.
pub const MOST_AT_ONCE: u32 = 65_536;

/// Images of a width and height in a batch: `requested`, or with `AUTOMATIC` on the CPU `on_cpu`, which keep its threads
/// busy, and on a GPU as many as have the pixels of the policy.
pub fn batch_limit(context: &Context, requested: u32, on_cpu: usize, size: (usize, usize)) -> usize {
    choose(context.policy().batch_pixels.value, requested, on_cpu, size)
}

/// The same for whole images, at the model's size.
pub fn whole_images(model: &Classifier, requested: u32) -> usize {
    let side = model.preprocessing().image_size as usize;
    batch_limit(model.context(), requested, IMAGES_ON_CPU, (side, side))
}

fn choose(pixels: Option<usize>, requested: u32, on_cpu: usize, (width, height): (usize, usize)) -> usize {
    match requested {
        AUTOMATIC => pixels.map_or(on_cpu, |pixels| (pixels / (width * height)).clamp(1, MOST_AT_ONCE as usize)),
        _ => requested as usize,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batch_limit_choice() {
        let gpu = Some(1 << 22);
        for (pixels, requested, size, expected) in [
            (None, AUTOMATIC, (64, 64), 32),
            (None, 7, (64, 64), 7),
            (gpu, AUTOMATIC, (64, 64), 1024),
            (gpu, AUTOMATIC, (224, 224), 83),
            (gpu, AUTOMATIC, (4096, 4096), 1),
            (gpu, AUTOMATIC, (1, 2), 65_536),
            (gpu, 65_536, (64, 64), 65_536),
        ] {
            assert_eq!(choose(pixels, requested, IMAGES_ON_CPU, size), expected, "{pixels:?} {requested} {size:?}");
        }
        assert!(AUTOMATIC_WHOLE.contains(&format!(" {IMAGES_ON_CPU} on the CPU")));
    }
}
