//! The maxima of convolutions' inputs.

use crate::batch::{Batch, subset};
use crate::subject::Subject;
use lens_engine::Network;
use lens_model::{LAYOUT, Role};

const COUNT: usize = 3;

fn batch() -> Batch {
    Batch::golden([COUNT, 40, 56])
}

/// Maxima by the index of a convolution's weight, starting from `before`.
fn observed(network: &dyn Network, range: std::ops::Range<usize>, before: f32) -> Vec<f32> {
    let mut maxima = vec![before; LAYOUT.parameters().len()];
    network.observe(&subset(&batch().images(), range), &mut maxima).unwrap();
    maxima
}

pub fn records_convolution_inputs(subject: &Subject, network: &dyn Network) {
    let maxima = observed(network, 0..COUNT, -1.0);
    for (spec, value) in LAYOUT.parameters().iter().zip(&maxima) {
        match spec.role {
            // Outputs of ReLUs, or pixels from 0 to 1.
            Role::Convolution => assert!(*value > 0.0 && value.is_finite(), "{subject}, {}: {value}", spec.name),
            _ => assert_eq!(*value, -1.0, "{subject}, {}", spec.name),
        }
    }
    assert_eq!(maxima[LAYOUT.stem], batch().values.iter().copied().fold(0.0, f32::max), "{subject}");
}

pub fn keeps_larger_maxima(subject: &Subject, network: &dyn Network) {
    assert!(observed(network, 0..COUNT, 1e9).iter().all(|value| *value == 1e9), "{subject}");
    assert!(observed(network, 0..COUNT, f32::NAN).iter().all(|value| value.is_nan()), "{subject}");
}

pub fn covers_all_images(subject: &Subject, network: &dyn Network) {
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
