//! Images in a batch.

use lens_base::{Error, Result};
use lens_runtime::{Classifier, Context};

/// Leaves the choice to the library.
pub const AUTOMATIC: u32 = 0;

/// Whole images that keep a CPU busy.
const IMAGES_ON_CPU: usize = 32;

/// More at once has no use, and an absurd number is a mistake.
const MOST: u32 = 65_536;

/// Images of a width and height in a batch: `requested`, or with `AUTOMATIC` on the CPU `on_cpu`, which keep its threads
/// busy, and on a GPU as many as have the pixels of the policy.
pub fn batch_limit(context: &Context, requested: u32, on_cpu: usize, size: (usize, usize)) -> Result<usize> {
    choose(context.policy().batch_pixels.value, requested, on_cpu, size)
}

/// The same for whole images, at the model's size.
pub fn whole_images(model: &Classifier, requested: u32) -> Result<usize> {
    let side = model.preprocessing().image_size as usize;
    batch_limit(model.context(), requested, IMAGES_ON_CPU, (side, side))
}

fn choose(pixels: Option<usize>, requested: u32, on_cpu: usize, (width, height): (usize, usize)) -> Result<usize> {
    match requested {
        AUTOMATIC => Ok(pixels.map_or(on_cpu, |pixels| (pixels / (width * height)).clamp(1, MOST as usize))),
        1..=MOST => Ok(requested as usize),
        _ => Err(Error::argument(format!("batch_limit is {requested}; it must be at most {MOST}, or 0 (automatic)"))),
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
            assert_eq!(choose(pixels, requested, 32, size).unwrap(), expected, "{pixels:?} {requested} {size:?}");
        }
        let message = choose(None, 65_537, 32, (64, 64)).unwrap_err().to_string();
        assert!(message.contains("batch_limit is 65537") && message.contains("65536"), "{message}");
    }
}
