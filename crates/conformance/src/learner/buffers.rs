//! Buffers of a learner: read and write.

use super::read;
use crate::batch::Batch;
use crate::parameters::{golden_parameters, training};
use crate::subject::Subject;
use lens_engine::{LearnerSettings, OptimizerKind, ScalerState, Slot, Weights};

const ADAM_WITH_AVERAGE: LearnerSettings =
    LearnerSettings { optimizer: OptimizerKind::Adam, scaler: None, average: true };

pub fn initial_contents(subject: &Subject) {
    let start = training(&golden_parameters());
    let learner = subject.learner(&start, &ADAM_WITH_AVERAGE);
    for slot in Slot::ALL {
        let found = read(&*learner, slot);
        let is_right = match slot {
            Slot::Values | Slot::AverageValues => found == start.values,
            Slot::Statistics | Slot::AverageStatistics => found == start.statistics,
            Slot::FirstMoment | Slot::SecondMoment => found.iter().all(|value| *value == 0.0),
        };
        assert!(is_right, "{subject}, {slot:?}");
    }
    assert_eq!(learner.scaler().unwrap(), None, "{subject}");
}

pub fn write_then_read(subject: &Subject) {
    let mut learner = subject.learner(&training(&golden_parameters()), &ADAM_WITH_AVERAGE);
    let written = |slot: Slot| -> Vec<f32> {
        (0..slot.length()).map(|at| (at % 8191) as f32 + 10_000.0 * (slot as u32 as f32 + 1.0)).collect()
    };
    for slot in Slot::ALL {
        learner.write(slot, &written(slot)).unwrap();
    }
    // After all were written, so that buffers that share memory show.
    for slot in Slot::ALL {
        assert!(read(&*learner, slot) == written(slot), "{subject}, {slot:?}");
    }
}

pub fn average_update(subject: &Subject) {
    let (start, batch) = (training(&golden_parameters()), Batch::golden([2, 40, 40]));
    let mut learner = subject.learner(&start, &ADAM_WITH_AVERAGE);
    let logits = [Weights::Current, Weights::Average].map(|weights| learner.logits(&batch.images(), weights).unwrap());
    assert_eq!(logits[0], logits[1], "{subject}");
    let moved: Vec<f32> = start.values.iter().map(|value| value * 1.25).collect();
    learner.write(Slot::Values, &moved).unwrap();
    let after = [Weights::Current, Weights::Average].map(|weights| learner.logits(&batch.images(), weights).unwrap());
    assert_ne!(after[0], logits[0], "{subject}");
    assert_eq!(after[1], logits[1], "{subject}");
    for (slot, value) in
        [(Slot::Values, 1.0), (Slot::Statistics, 2.0), (Slot::AverageValues, 0.0), (Slot::AverageStatistics, 0.0)]
    {
        learner.write(slot, &vec![value; slot.length()]).unwrap();
    }
    let mut left = 1.0;
    for share in [0.75, 0.5, 0.001] {
        learner.update_average(share).unwrap();
        left *= 1.0 - share;
        for (slot, target) in [(Slot::AverageValues, 1.0), (Slot::AverageStatistics, 2.0)] {
            let expected = target * (1.0 - left);
            let close = |value: &f32| (f64::from(*value) - expected).abs() < 1e-6;
            assert!(read(&*learner, slot).iter().all(close), "{subject}, {slot:?} after {share}: not {expected}");
        }
    }
    // The parameters are unchanged.
    for (slot, value) in [(Slot::Values, 1.0), (Slot::Statistics, 2.0)] {
        assert!(read(&*learner, slot).iter().all(|found| *found == value), "{subject}, {slot:?}");
    }
}

pub fn finiteness_check(subject: &Subject) {
    let start = training(&golden_parameters());
    let mut learner = subject.sgd_learner(&start);
    assert!(learner.is_finite().unwrap(), "{subject}");
    let mut values = start.values;
    for (index, bad) in [(3, f32::NAN), (values.len() / 2, f32::INFINITY), (values.len() - 1, f32::NEG_INFINITY)] {
        let good = std::mem::replace(&mut values[index], bad);
        learner.write(Slot::Values, &values).unwrap();
        assert!(!learner.is_finite().unwrap(), "{subject}: {bad} at {index}");
        values[index] = good;
    }
    learner.write(Slot::Values, &values).unwrap();
    assert!(learner.is_finite().unwrap(), "{subject}");
    // In single precision losses are not scaled.
    assert_eq!(learner.scaler().unwrap(), None, "{subject}");
    assert!(learner.set_scaler(ScalerState { scale: 1.0, good_steps: 0 }).is_err(), "{subject}");
}
