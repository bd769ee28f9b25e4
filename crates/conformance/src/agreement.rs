//! One engine against another, at sizes and batches of every kind.

use crate::batch::{Batch, some};
use crate::subject::Subject;
use lens_images::Images;
use lens_model::{LAYOUT, Parameters, Role};

/// Height and width: odd sides and borders of every kind.
pub const SIZES: [(usize, usize); 10] =
    [(32, 32), (33, 33), (64, 64), (72, 72), (96, 96), (128, 128), (160, 160), (224, 224), (300, 257), (512, 512)];
/// Batches that leave ragged groups.
pub const BATCHES: [usize; 6] = [1, 2, 3, 7, 64, 65];

/// Largest difference of a logit between engines in single precision, by the largest logit, and that of half of them.
const WORST: f32 = 3e-5;
const MEDIAN: f32 = 1e-5;
/// The same of the largest input of a convolution, by itself.
const RANGE: f32 = 1e-4;

/// Smooth pictures with noise; one of three is gray, in three channels.
pub fn pictures(count: usize, height: usize, width: usize) -> Batch {
    let mut state = 12345u32;
    let mut values = Vec::with_capacity(count * height * width * 3);
    for image in 0..count {
        for place in 0..height * width {
            let (y, x) = ((place / width) as f32, (place % width) as f32);
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

/// How many different pictures of a size are compared; larger batches repeat them.
fn different(height: usize, width: usize) -> usize {
    match height * width {
        ..=5184 => 65,
        5185..=50_176 => 7,
        _ => 3,
    }
}

/// Runs every subject on every size and batch of up to so many pixels: logits are `reference`'s, and the same bits in
/// every batch.
pub fn agree(reference: &Subject, subjects: &[(Subject, usize)], parameters: &Parameters) {
    let of_reference = reference.network(parameters.copied().unwrap());
    let networks: Vec<_> = subjects.iter().map(|(subject, _)| subject.network(parameters.copied().unwrap())).collect();
    let mut errors = vec![Vec::new(); subjects.len()];
    for (height, width) in SIZES {
        let batch = pictures(different(height, width), height, width);
        let images = batch.images();
        let expected = of_reference.logits(&images).unwrap();
        // What a logit close to 0 is the sum of is not.
        let scale = expected.iter().fold(0f32, |most, logit| most.max(logit.abs()));
        for (((subject, most_pixels), network), errors) in subjects.iter().zip(&networks).zip(&mut errors) {
            let about = format!("{subject} against {reference}, {width} x {height}");
            let one = |image| network.logits(&some(&images, image..image + 1)).unwrap()[0];
            let alone: Vec<f32> = (0..images.len()).map(one).collect();
            for (image, (found, expected)) in alone.iter().zip(&expected).enumerate() {
                let error = (found - expected).abs() / scale;
                assert!(error < WORST, "{about}, image {image}: {found} {expected}");
                errors.push(error);
            }
            for count in BATCHES.into_iter().filter(|count| count * height * width <= *most_pixels) {
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
        assert!(median < MEDIAN, "{subject}: {median}");
    }
}

/// The largest inputs of convolutions are `reference`'s.
pub fn agree_on_ranges(reference: &Subject, subject: &Subject, parameters: &Parameters) {
    let observed = |subject: &Subject| {
        let (network, mut largest) =
            (subject.network(parameters.copied().unwrap()), vec![0.0f32; LAYOUT.parameters().len()]);
        for (height, width) in [(64, 64), (96, 72)] {
            network.observe(&pictures(4, height, width).images(), &mut largest).unwrap();
        }
        largest
    };
    let all = LAYOUT.parameters().iter().zip(observed(subject).into_iter().zip(observed(reference)));
    for (spec, (found, expected)) in all.filter(|(spec, _)| spec.role == Role::Convolution) {
        assert!((found - expected).abs() <= RANGE * expected, "{subject}, {}: {found} {expected}", spec.name);
    }
}
