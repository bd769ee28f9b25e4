//! Invalid use of a learner is an error, after which it stays usable.

use super::gradients;
use crate::batch::{Batch, subset};
use crate::parameters::{stable_parameters, training};
use crate::subject::Subject;
use lens_engine::{LearnerSettings, OptimizerKind, Slot, UpdateStep, Weights};
use lens_images::{ImageView, Images};
use lens_model::SMALLEST_SIDE;

pub fn invalid_steps_are_errors(subject: &Subject) {
    let batch = Batch::with_even_areas([3, 40, 40]);
    let (images, targets) = (batch.images(), &batch.targets);
    let mut learner = subject.sgd_learner(&training(&stable_parameters()));
    assert!(learner.accumulate(&images, targets, 1.0, 1.0).is_err(), "{subject}: no step was begun");
    assert!(learner.update(&UpdateStep::PYTORCH).is_err(), "{subject}: no step was begun");
    learner.abandon().unwrap();
    learner.begin(false).unwrap();
    assert!(learner.update(&UpdateStep { step: 0, ..UpdateStep::PYTORCH }).is_err(), "{subject}: step 0");
    let end = batch.values.len();
    let moved = |offset| Images { views: vec![images.views[0], ImageView { offset, ..images.views[1] }], ..images };
    for head_only in [false, true] {
        learner.begin(head_only).unwrap();
        for (what, images, targets) in [
            ("too few targets", images.clone(), &targets[..2]),
            ("too many targets", subset(&images, 0..2), &targets[..]),
            ("no images", subset(&images, 0..0), &[]),
            ("too narrow", Images { width: SMALLEST_SIDE - 1, ..images.clone() }, targets),
            ("too low", Images { height: SMALLEST_SIDE - 1, ..images.clone() }, targets),
            ("memory that ends", moved(end - 1), &targets[..2]),
            ("an offset beyond memory", moved(end + 1), &targets[..2]),
        ] {
            assert!(learner.accumulate(&images, targets, 1.0, 1.0).is_err(), "{subject}, {what}, head {head_only}");
        }
        learner.abandon().unwrap();
    }
    assert!(learner.logits(&moved(end + 1), Weights::Current).is_err(), "{subject}: an offset beyond memory");
    assert!(learner.logits(&images, Weights::Average).is_err(), "{subject}: no average");
    learner.begin(false).unwrap();
    learner.accumulate(&images, targets, 1.0, 1.0).unwrap();
    assert!(gradients(&mut *learner).iter().all(|value| value.is_finite()), "{subject}");
    assert!(learner.update(&UpdateStep::PYTORCH).is_err(), "{subject}: the step is over");
}

pub fn invalid_buffer_lengths_are_errors(subject: &Subject) {
    let start = training(&stable_parameters());
    let settings = LearnerSettings { optimizer: OptimizerKind::Adam, scaler: None, average: true };
    let mut learner = subject.learner(&start, &settings);
    for slot in Slot::ALL {
        for length in [0, slot.length() - 1, slot.length() + 1] {
            let mut values = vec![0.0; length];
            assert!(learner.read(slot, &mut values).is_err(), "{subject}, {slot:?}: {length} read");
            assert!(learner.write(slot, &values).is_err(), "{subject}, {slot:?}: {length} written");
        }
    }
    // There is no average, and SGD has no second moment.
    let mut learner = subject.sgd_learner(&start);
    for slot in [Slot::AverageValues, Slot::AverageStatistics, Slot::SecondMoment] {
        let mut values = vec![0.0; slot.length()];
        assert!(learner.read(slot, &mut values).is_err(), "{subject}, {slot:?} read");
        assert!(learner.write(slot, &values).is_err(), "{subject}, {slot:?} written");
    }
    assert!(learner.update_average(0.5).is_err(), "{subject}");
}
