//! Comparison of engines with a reference engine, for many image sizes and batch sizes.

use crate::batch::{Batch, subset};
use crate::subject::Subject;
use lens_images::Images;
use lens_model::{LAYOUT, Parameters, Role};

/// Height and width, with odd sides and border tiles of every kind.
pub const SIZES: [(usize, usize); 10] =
    [(32, 32), (33, 33), (64, 64), (72, 72), (96, 96), (128, 128), (160, 160), (224, 224), (300, 257), (512, 512)];
/// Batch sizes that leave incomplete groups.
pub const BATCHES: [usize; 6] = [1, 2, 3, 7, 64, 65];

/// Largest allowed error of a logit in single precision, relative to the largest logit, and of the median.
const MAX_ERROR: f32 = 3e-5;
const MAX_MEDIAN_ERROR: f32 = 1e-5;
/// Largest allowed error of an activation range, relative to it.
const MAX_RANGE_ERROR: f32 = 1e-4;

/// Smooth pictures with noise; one of three has equal channels.
pub fn pictures(count: usize, height: usize, width: usize) -> Batch {
    let mut state = 12345u32;
    let mut values = Vec::with_capacity(count * height * width * 3);
    for image in 0..count {
        for pixel_index in 0..height * width {
            let (y, x) = ((pixel_index / width) as f32, (pixel_index % width) as f32);
            let mut pixel: [f32; 3] = std::array::from_fn(|channel| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let noise = (state >> 8) as f32 / (1 << 24) as f32;
                let wave = ((x * 0.11 + image as f32).sin() + (y * 0.07 + channel as f32).cos()) * 0.2 + 0.4;
                0.8 * wave + 0.2 * noise
            });
            if image % 3 == 1 {
                pixel = [pixel[0]; 3];
            }
            values.extend(pixel);
        }
    }
    Batch { width, height, channels: 3, values, targets: vec![0.0; count] }
}

/// How many different pictures of a size there are; larger batches repeat them.
fn picture_count(height: usize, width: usize) -> usize {
    match height * width {
        ..=5184 => 65,
        5185..=50_176 => 7,
        _ => 3,
    }
}

/// Compares each subject with `reference` for every image size and every batch of up to so many pixels: the logits
/// agree, and are the same bits in every batch.
pub fn engines_agree(reference: &Subject, subjects: &[(Subject, usize)], parameters: &Parameters) {
    let of_reference = reference.network(parameters.try_clone().unwrap());
    let networks: Vec<_> =
        subjects.iter().map(|(subject, _)| subject.network(parameters.try_clone().unwrap())).collect();
    let mut errors = vec![Vec::new(); subjects.len()];
    for (height, width) in SIZES {
        let batch = pictures(picture_count(height, width), height, width);
        let images = batch.images();
        let expected = of_reference.logits(&images).unwrap();
        // A logit close to 0 is a sum of terms that are not.
        let scale = expected.iter().fold(0f32, |max, logit| max.max(logit.abs()));
        for (((subject, max_pixels), network), errors) in subjects.iter().zip(&networks).zip(&mut errors) {
            let about = format!("{subject} against {reference}, {width} x {height}");
            let one = |image| network.logits(&subset(&images, image..image + 1)).unwrap()[0];
            let alone: Vec<f32> = (0..images.len()).map(one).collect();
            for (image, (found, expected)) in alone.iter().zip(&expected).enumerate() {
                let error = (found - expected).abs() / scale;
                assert!(error < MAX_ERROR, "{about}, image {image}: {found} {expected}");
                errors.push(error);
            }
            for count in BATCHES.into_iter().filter(|count| count * height * width <= *max_pixels) {
                let views = images.views.iter().cycle().take(count).copied().collect();
                let expected: Vec<f32> = alone.iter().cycle().take(count).copied().collect();
                let found = network.logits(&Images { views, ..images }).unwrap();
                subject.check_same(&format!("{count} images of {width} x {height}"), &found, &expected);
            }
            assert_eq!(network.engine(), subject.name, "it fell back");
        }
    }
    for ((subject, _), errors) in subjects.iter().zip(&mut errors) {
        errors.sort_by(f32::total_cmp);
        let (median, worst) = (errors[errors.len() / 2], errors[errors.len() - 1]);
        println!("{subject}: off by {median:.1e} at the median, {worst:.1e} at most");
        assert!(median < MAX_MEDIAN_ERROR, "{subject}: {median}");
    }
}

/// Compares the activation ranges of a subject with those of `reference`.
pub fn activation_ranges_agree(reference: &Subject, subject: &Subject, parameters: &Parameters) {
    let observed = |subject: &Subject| {
        let (network, mut maxima) =
            (subject.network(parameters.try_clone().unwrap()), vec![0.0f32; LAYOUT.parameters().len()]);
        for (height, width) in [(64, 64), (96, 72)] {
            network.observe(&pictures(4, height, width).images(), &mut maxima).unwrap();
        }
        maxima
    };
    let all = LAYOUT.parameters().iter().zip(observed(subject).into_iter().zip(observed(reference)));
    for (spec, (found, expected)) in all.filter(|(spec, _)| spec.role == Role::Convolution) {
        assert!((found - expected).abs() <= MAX_RANGE_ERROR * expected, "{subject}, {}: {found} {expected}", spec.name);
    }
}
