//! Logits and feature maps.

use crate::batch::{Batch, subset};
use crate::error_norms::{max_relative_error, to_f64};
use crate::golden::{EVALUATION, Golden};
use crate::parameters::golden_parameters;
use crate::subject::Subject;
use lens_engine::{FeatureMaps, Network};
use lens_model::{ActivationRanges, LAYOUT, logit_of};

pub fn match_torchvision(subject: &Subject, network: &dyn Network) {
    let (golden, parameters) = (Golden::new(), golden_parameters());
    for (shape, with_features) in EVALUATION {
        let [images, height, width] = shape;
        let (name, batch) = (format!("eval.{images}x3x{height}x{width}"), Batch::golden(shape));
        let logits = network.logits(&batch.images()).unwrap();
        let error = max_relative_error(&logits, &golden.values(&format!("{name}.logits")));
        assert!(error < subject.tolerances.outputs, "{subject}, {name}: logits are off by {error:e}");
        let maps = network.features(&batch.images()).unwrap();
        let last = [height, width].map(|side| side.div_ceil(4) / 8);
        assert_eq!([maps.height, maps.width], last, "{subject}, {name}");
        if with_features {
            let expected = channels_last(&golden.values(&format!("{name}.features")), &maps);
            let error = max_relative_error(&maps.values, &expected);
            assert!(error < subject.tolerances.outputs, "{subject}, {name}: feature maps are off by {error:e}");
        }
        let (weight, bias) = (parameters.of(LAYOUT.head_weight), parameters.of(LAYOUT.head_bias)[0]);
        let of_maps = maps.values.chunks_exact(maps.values.len() / images).map(|map| logit_of(map, weight, bias));
        let error = max_relative_error(&logits, &to_f64(&of_maps.collect::<Vec<_>>()));
        assert!(error < subject.tolerances.outputs, "{subject}, {name}: logits are {error:e} from their features'");
    }
    assert_eq!(network.engine(), subject.name, "it fell back");
}

/// From NCHW.
fn channels_last(values: &[f64], maps: &FeatureMaps) -> Vec<f64> {
    let (channels, area) = (LAYOUT.count(LAYOUT.head_weight), maps.height * maps.width);
    let image =
        |image: &[f64]| (0..area * channels).map(|at| image[at % channels * area + at / channels]).collect::<Vec<_>>();
    values.chunks_exact(area * channels).flat_map(image).collect()
}

pub fn of_empty_batch(subject: &Subject, network: &dyn Network) {
    let batch = Batch::golden([1, 32, 32]);
    let none = subset(&batch.images(), 0..0);
    assert!(network.logits(&none).unwrap().is_empty(), "{subject}");
    assert!(network.features(&none).unwrap().values.is_empty(), "{subject}");
    let mut maxima = vec![-1.0; LAYOUT.parameters().len()];
    network.observe(&none, &mut maxima).unwrap();
    assert!(maxima.iter().all(|value| *value == -1.0), "{subject}");
}

/// Activation ranges change nothing if nothing is computed in int8.
pub fn ignore_unused_ranges(subject: &Subject, network: &dyn Network) {
    let batch = Batch::golden([2, 40, 48]);
    let logits = network.logits(&batch.images()).unwrap();
    let mut maxima = vec![0.0; LAYOUT.parameters().len()];
    network.observe(&batch.images(), &mut maxima).unwrap();
    let ranges = ActivationRanges::from_maxima(&maxima).unwrap();
    for ranges in [None, Some(&ranges)] {
        let other = network.with_ranges(ranges);
        assert_eq!(other.engine(), subject.name);
        assert_eq!(other.logits(&batch.images()).unwrap(), logits, "{subject}, {}", ranges.is_some());
    }
}
