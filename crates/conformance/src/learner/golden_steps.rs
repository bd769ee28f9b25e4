//! A training step, and logits with running statistics, compared with torchvision's.

use super::{gradients, read};
use crate::batch::Batch;
use crate::error_norms::{l2_norm, max_relative_error, relative_l2_error, to_f64};
use crate::golden::{EVALUATION, Golden, POS_WEIGHT, TRAINING};
use crate::parameters::{golden_parameters, training};
use crate::subject::Subject;
use lens_engine::{Slot, Weights};
use lens_model::{LAYOUT, TrainingParameters};

/// Sampled elements of each parameter's gradient.
const SAMPLES: usize = 8;

pub fn match_torchvision(subject: &Subject) {
    let (golden, batch, limits) = (Golden::new(), Batch::golden(TRAINING), subject.tolerances);
    let mut learner = subject.sgd_learner(&training(&golden_parameters()));
    learner.begin(false).unwrap();
    let loss = learner.accumulate(&batch.images(), &batch.targets, POS_WEIGHT, 1.0).unwrap();
    let expected = golden.values("step_1.loss")[0];
    assert!((loss - expected).abs() < limits.loss * expected, "{subject}: a loss of {loss}, torchvision's {expected}");
    let statistics = read(&*learner, Slot::Statistics);
    for (spec, range) in
        LAYOUT.parameters().iter().zip(LAYOUT.parameter_ranges()).filter(|(spec, _)| !spec.role.is_trained())
    {
        let error = relative_l2_error(&statistics[range], &golden.values(&format!("step_1.{}", spec.name)));
        assert!(error < limits.statistics, "{subject}, {}: off by {error:e}", spec.name);
    }
    // In torchvision's order.
    let trained = TrainingParameters { values: gradients(&mut *learner), statistics };
    let all = trained.to_parameters().unwrap();
    let parameters = (0..LAYOUT.parameters().len()).filter(|index| LAYOUT.parameters()[*index].role.is_trained());
    let (norms, expected) = (golden.values("step_1.gradient.norm"), golden.values("step_1.gradient.samples"));
    let (mut samples, mut errors) = (Vec::new(), Vec::new());
    for (index, norm) in parameters.zip(&norms) {
        let gradient = all.of(index);
        errors.push((l2_norm(&to_f64(gradient)) / norm - 1.0).abs());
        samples.extend((0..SAMPLES).map(|sample| gradient[sample * gradient.len() / SAMPLES]));
    }
    assert_eq!(errors.len(), norms.len());
    errors.sort_by(f64::total_cmp);
    let median = errors[errors.len() / 2];
    let whole = relative_l2_error(&samples, &expected);
    println!(
        "{subject}: norms of gradients are off by {median:.1e} at the median, {:.1e} at most, samples by {whole:.1e}",
        errors[errors.len() - 1]
    );
    assert!(errors.iter().all(|error| *error < limits.gradient), "{subject}: norms of gradients {errors:?}");
    assert!(median < limits.median_gradient, "{subject}: norms of gradients are off by {median:e} at the median");
    assert!(whole < limits.gradient, "{subject}: gradients are off by {whole:e}");
}

pub fn logits_match_torchvision(subject: &Subject) {
    let (golden, start) = (Golden::new(), training(&golden_parameters()));
    let mut learner = subject.sgd_learner(&start);
    for (shape, _) in EVALUATION {
        let [images, height, width] = shape;
        let found = learner.logits(&Batch::golden(shape).images(), Weights::Current).unwrap();
        let error = max_relative_error(&found, &golden.values(&format!("eval.{images}x3x{height}x{width}.logits")));
        assert!(error < subject.tolerances.outputs, "{subject}, {width} x {height}: off by {error:e}");
    }
    assert!(read(&*learner, Slot::Statistics) == start.statistics, "{subject}");
}
