//! Gradient accumulation, abandoned steps, and training of the head alone.

use super::{NO_CHANGE, gradients, read};
use crate::batch::Batch;
use crate::error_norms::{relative_l2_error, to_f64};
use crate::golden::POS_WEIGHT;
use crate::parameters::{golden_parameters, stable_parameters, training};
use crate::subject::Subject;
use lens_engine::{Learner, LearnerSettings, OptimizerKind, Slot, UpdateStep, Weights};
use lens_model::LAYOUT;

fn accumulate(learner: &mut dyn Learner, batch: &Batch, share: f64) -> f64 {
    learner.accumulate(&batch.images(), &batch.targets, POS_WEIGHT, share).unwrap()
}

/// Gradients of parts are weighted by their share, whatever their sizes, and each part updates the running statistics.
pub fn accumulate_parts(subject: &Subject) {
    let start = training(&stable_parameters());
    let parts = [(Batch::with_even_areas([3, 64, 48]), 0.25), (Batch::with_even_areas([2, 40, 72]), 0.75)];
    let mut learner = subject.sgd_learner(&start);
    learner.begin(false).unwrap();
    let losses = parts.each_ref().map(|(batch, share)| accumulate(&mut *learner, batch, *share));
    let (statistics, found) = (read(&*learner, Slot::Statistics), gradients(&mut *learner));
    let mut expected = vec![0.0; found.len()];
    learner = subject.sgd_learner(&start);
    for ((batch, share), loss) in parts.iter().zip(losses) {
        // The loss is the mean of the part's own images, whatever its share.
        learner.begin(false).unwrap();
        let alone = accumulate(&mut *learner, batch, 1.0);
        assert!((loss - alone).abs() < subject.tolerances.loss * alone, "{subject}: losses of {loss} and {alone}");
        for (sum, gradient) in expected.iter_mut().zip(gradients(&mut *learner)) {
            *sum += share * f64::from(gradient);
        }
    }
    let error = relative_l2_error(&found, &expected);
    assert!(error < subject.tolerances.stable_gradient, "{subject}: gradients are off by {error:e}");
    let error = relative_l2_error(&statistics, &to_f64(&read(&*learner, Slot::Statistics)));
    assert!(error < subject.tolerances.statistics, "{subject}: running statistics are off by {error:e}");
}

pub fn abandoned_step_leaves_no_trace(subject: &Subject) {
    let start = training(&stable_parameters());
    let [batch, other] = [[3, 40, 48], [2, 64, 40]].map(Batch::with_even_areas);
    let mut learner = subject.sgd_learner(&start);
    learner.begin(false).unwrap();
    accumulate(&mut *learner, &other, 1.0);
    accumulate(&mut *learner, &batch, 1.0);
    assert!(read(&*learner, Slot::Statistics) != start.statistics, "{subject}");
    learner.abandon().unwrap();
    assert!(read(&*learner, Slot::Statistics) == start.statistics, "{subject}");
    assert!(read(&*learner, Slot::Values) == start.values, "{subject}");
    // The next step is as if there had been no other.
    learner.begin(false).unwrap();
    let loss = accumulate(&mut *learner, &batch, 1.0);
    let found = gradients(&mut *learner);
    let mut fresh = subject.sgd_learner(&start);
    fresh.begin(false).unwrap();
    let expected = accumulate(&mut *fresh, &batch, 1.0);
    assert!((loss - expected).abs() < subject.tolerances.loss * expected, "{subject}: {loss}, {expected} without");
    let error = relative_l2_error(&found, &to_f64(&gradients(&mut *fresh)));
    assert!(error < subject.tolerances.stable_gradient, "{subject}: gradients are off by {error:e}");
}

pub fn head_only_updates_head(subject: &Subject) {
    let (start, batch) = (training(&golden_parameters()), Batch::with_even_areas([5, 48, 64]));
    let mut learner = subject.sgd_learner(&start);
    let loss_of = |logits: &[f32]| {
        let loss = |(logit, target): (&f32, &f32)| {
            let (probability, target) = (1.0 / (1.0 + (-f64::from(*logit)).exp()), f64::from(*target));
            -POS_WEIGHT * target * probability.ln() - (1.0 - target) * (1.0 - probability).ln()
        };
        logits.iter().zip(&batch.targets).map(loss).sum::<f64>() / logits.len() as f64
    };
    learner.begin(true).unwrap();
    let loss = accumulate(&mut *learner, &batch, 1.0);
    let before = loss_of(&learner.logits(&batch.images(), Weights::Current).unwrap());
    assert!((loss - before).abs() < subject.tolerances.loss, "{subject}: a loss of {loss}, by the logits {before}");
    let step = UpdateStep { learning_rate: 1e-4, ..NO_CHANGE };
    assert!(learner.update(&step).unwrap());
    let gradient = read(&*learner, Slot::FirstMoment);
    let after = loss_of(&learner.logits(&batch.images(), Weights::Current).unwrap());
    // A short step lowers the loss by the learning rate times the squared norm of the gradient.
    let squares: f64 = gradient.iter().map(|value| f64::from(*value).powi(2)).sum();
    let lowered = (before - after) / (step.learning_rate * squares);
    assert!((lowered - 1.0).abs() < 0.02, "{subject}: {lowered} of what the gradient says");
    let (values, head) = (read(&*learner, Slot::Values), LAYOUT.parameter_ranges()[LAYOUT.head_weight].start);
    assert!(values[..head] == start.values[..head], "{subject}");
    for (at, (after, before)) in values.iter().zip(&start.values).enumerate().skip(head) {
        let expected = f64::from(*before) - step.learning_rate * f64::from(gradient[at]);
        assert!((f64::from(*after) - expected).abs() < 1e-7, "{subject}: {before} became {after}, not {expected}");
    }
    assert!(gradient[..head].iter().all(|value| *value == 0.0), "{subject}");
    assert!(read(&*learner, Slot::Statistics) == start.statistics, "{subject}");
}

/// Neither weight decay nor the moments of earlier steps change them.
pub fn head_only_ignores_decay_and_moments(subject: &Subject) {
    let (start, batch) = (training(&golden_parameters()), Batch::with_even_areas([2, 32, 40]));
    let (head, moments) =
        (LAYOUT.parameter_ranges()[LAYOUT.head_weight].start, vec![0.125; Slot::FirstMoment.length()]);
    for optimizer in [OptimizerKind::Adam, OptimizerKind::AdamW, OptimizerKind::Sgd] {
        let mut learner = subject.learner(&start, &LearnerSettings { optimizer, scaler: None, average: false });
        learner.write(Slot::FirstMoment, &moments).unwrap();
        learner.begin(true).unwrap();
        accumulate(&mut *learner, &batch, 1.0);
        let step = UpdateStep { weight_decay: 0.1, momentum: 0.9, ..UpdateStep::PYTORCH };
        assert!(learner.update(&step).unwrap());
        for (slot, before) in [(Slot::Values, &start.values), (Slot::FirstMoment, &moments)] {
            let after = read(&*learner, slot);
            assert!(after[..head] == before[..head], "{subject}, {optimizer:?}, {slot:?}");
            let mut of_head = after[head..].iter().zip(&before[head..]);
            assert!(of_head.all(|(after, before)| after != before), "{subject}, {optimizer:?}, {slot:?}: the head's");
        }
    }
}

/// Tolerance of gradients and logits of gray images, compared with three equal channels: weights that are summed
/// beforehand round differently, and norms amplify that.
const GRAY_TOLERANCE: f64 = 5e-5;

pub fn gray_equals_rgb(subject: &Subject) {
    let start = training(&stable_parameters());
    for size in [[4, 64, 64], [8, 33, 47]] {
        let gray = Batch::with_even_areas(size).to_gray();
        let rgb = gray.to_rgb();
        let mut mixed = rgb.images();
        mixed.views[1] = gray.images().views[1];
        for head_only in [false, true] {
            let [found, expected, of_mixed] = [gray.images(), rgb.images(), mixed.clone()].map(|images| {
                let mut learner = subject.sgd_learner(&start);
                learner.begin(head_only).unwrap();
                let loss = learner.accumulate(&images, &gray.targets, POS_WEIGHT, 1.0).unwrap();
                let gradients = gradients(&mut *learner);
                (loss, gradients, learner.logits(&images, Weights::Current).unwrap())
            });
            subject.check_same("gradients of gray among colours", &of_mixed.1, &expected.1);
            subject.check_same("logits of gray among colours", &of_mixed.2, &expected.2);
            let limit = subject.tolerances.loss * expected.0.max(1.0);
            assert!((found.0 - expected.0).abs() < limit, "{subject}: {} {}", found.0, expected.0);
            let first = LAYOUT.parameter_ranges()[if head_only { LAYOUT.head_weight } else { LAYOUT.stem }].clone();
            for part in [first.clone(), first.start..found.1.len()] {
                let error = relative_l2_error(&found.1[part.clone()], &to_f64(&expected.1[part]));
                assert!(error < GRAY_TOLERANCE, "{subject}, gray: gradients are off by {error:e}");
            }
            let error = relative_l2_error(&found.2, &to_f64(&expected.2));
            assert!(error < GRAY_TOLERANCE, "{subject}, gray: logits are off by {error:e}");
        }
    }
}
