//! Logits and feature maps.

use crate::batch::{Batch, some};
use crate::golden::{EVALUATION, Golden};
use crate::measure::{wide, worst};
use crate::parameters::golden_parameters;
use crate::subject::Subject;
use lens_engine::{FeatureMaps, Network};
use lens_model::{ActivationRanges, LAYOUT, logit_of};

pub fn are_torchvisions(subject: &Subject, network: &dyn Network) {
    let (golden, parameters) = (Golden::new(), golden_parameters());
    for (shape, with_features) in EVALUATION {
        let [images, height, width] = shape;
        let (name, batch) = (format!("eval.{images}x3x{height}x{width}"), Batch::golden(shape));
        let logits = network.logits(&batch.images()).unwrap();
        let error = worst(&logits, &golden.values(&format!("{name}.logits")));
        assert!(error < subject.tolerances.outputs, "{subject}, {name}: logits are off by {error:e}");
        let maps = network.features(&batch.images()).unwrap();
        let last = [height, width].map(|side| side.div_ceil(4) / 8);
        assert_eq!([maps.height, maps.width], last, "{subject}, {name}");
        if with_features {
            let expected = channels_last(&golden.values(&format!("{name}.features")), &maps);
            let error = worst(&maps.values, &expected);
            assert!(error < subject.tolerances.outputs, "{subject}, {name}: feature maps are off by {error:e}");
        }
        let (weight, bias) = (parameters.of(LAYOUT.head_weight), parameters.of(LAYOUT.head_bias)[0]);
        let of_maps = maps.values.chunks_exact(maps.values.len() / images).map(|map| logit_of(map, weight, bias));
        let error = worst(&logits, &wide(&of_maps.collect::<Vec<_>>()));
        assert!(error < subject.tolerances.outputs, "{subject}, {name}: logits are {error:e} from their features'");
    }
    assert_eq!(network.engine(), subject.name, "it fell back");
}

/// What lies channel by channel in each image.
fn channels_last(values: &[f64], maps: &FeatureMaps) -> Vec<f64> {
    let (channels, area) = (LAYOUT.count(LAYOUT.head_weight), maps.height * maps.width);
    let image =
        |image: &[f64]| (0..area * channels).map(|at| image[at % channels * area + at / channels]).collect::<Vec<_>>();
    values.chunks_exact(area * channels).flat_map(image).collect()
}

pub fn of_no_images_are_none(subject: &Subject, network: &dyn Network) {
    let batch = Batch::golden([1, 32, 32]);
    let none = some(&batch.images(), 0..0);
    assert!(network.logits(&none).unwrap().is_empty(), "{subject}");
    assert!(network.features(&none).unwrap().values.is_empty(), "{subject}");
    let mut largest = vec![-1.0; LAYOUT.parameters().len()];
    network.observe(&none, &mut largest).unwrap();
    assert!(largest.iter().all(|value| *value == -1.0), "{subject}");
}

/// Ranges change nothing where nothing is computed in 8 bits.
pub fn stay_without_eight_bits(subject: &Subject, network: &dyn Network) {
    let batch = Batch::golden([2, 40, 48]);
    let logits = network.logits(&batch.images()).unwrap();
    let mut largest = vec![0.0; LAYOUT.parameters().len()];
    network.observe(&batch.images(), &mut largest).unwrap();
    let ranges = ActivationRanges::of_largest(&largest).unwrap();
    for ranges in [None, Some(&ranges)] {
        let other = network.with_ranges(ranges);
        assert_eq!(other.engine(), subject.name);
        assert_eq!(other.logits(&batch.images()).unwrap(), logits, "{subject}, {}", ranges.is_some());
    }
}
