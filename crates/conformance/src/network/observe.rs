//! The largest inputs of convolutions.

use crate::batch::{Batch, some};
use crate::subject::Subject;
use lens_engine::Network;
use lens_model::{LAYOUT, Role};

const COUNT: usize = 3;

fn batch() -> Batch {
    Batch::golden([COUNT, 40, 56])
}

/// By the index of a convolution's weight; `before` is what is known already.
fn observed(network: &dyn Network, range: std::ops::Range<usize>, before: f32) -> Vec<f32> {
    let mut largest = vec![before; LAYOUT.parameters().len()];
    network.observe(&some(&batch().images(), range), &mut largest).unwrap();
    largest
}

pub fn is_of_the_inputs_of_convolutions(subject: &Subject, network: &dyn Network) {
    let largest = observed(network, 0..COUNT, -1.0);
    for (spec, value) in LAYOUT.parameters().iter().zip(&largest) {
        match spec.role {
            // Of ReLUs, or of pixels, which are from 0 to 1.
            Role::Convolution => assert!(*value > 0.0 && value.is_finite(), "{subject}, {}: {value}", spec.name),
            _ => assert_eq!(*value, -1.0, "{subject}, {}", spec.name),
        }
    }
    assert_eq!(largest[LAYOUT.stem], batch().values.iter().copied().fold(0.0, f32::max), "{subject}");
}

pub fn only_raises(subject: &Subject, network: &dyn Network) {
    assert!(observed(network, 0..COUNT, 1e9).iter().all(|value| *value == 1e9), "{subject}");
    assert!(observed(network, 0..COUNT, f32::NAN).iter().all(|value| value.is_nan()), "{subject}");
}

pub fn takes_the_largest_of_all_images(subject: &Subject, network: &dyn Network) {
    let all = observed(network, 0..COUNT, 0.0);
    let mut expected = vec![0.0f32; all.len()];
    for image in 0..COUNT {
        let alone = observed(network, image..image + 1, 0.0);
        assert_ne!(alone, all, "{subject}: image {image} has them all");
        expected.iter_mut().zip(alone).for_each(|(expected, alone)| *expected = expected.max(alone));
    }
    for ((spec, found), expected) in LAYOUT.parameters().iter().zip(&all).zip(&expected) {
        let error = f64::from((found - expected).abs());
        assert!(error <= subject.tolerances.outputs * f64::from(*expected), "{subject}, {}: {found}", spec.name);
    }
}
