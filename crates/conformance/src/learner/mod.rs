//! Cases for learners.

mod buffers;
mod golden_steps;
mod optimizers;
mod steps;
mod wrong_use;

use crate::subject::Subject;
use lens_engine::{Learner, Slot, UpdateStep};

/// Runs all cases of learners.
pub fn learners(subject: &Subject) {
    golden_steps::match_torchvision(subject);
    golden_steps::logits_match_torchvision(subject);
    optimizers::match_pytorch(subject);
    optimizers::match_update_formula(subject);
    optimizers::clip_gradient_norm(subject);
    steps::accumulate_parts(subject);
    steps::abandoned_step_leaves_no_trace(subject);
    steps::head_only_updates_head(subject);
    steps::head_only_ignores_decay_and_moments(subject);
    steps::gray_equals_rgb(subject);
    buffers::initial_contents(subject);
    buffers::write_then_read(subject);
    buffers::average_update(subject);
    buffers::finiteness_check(subject);
    wrong_use::invalid_steps_are_errors(subject);
    wrong_use::invalid_buffer_lengths_are_errors(subject);
}

/// A step that changes nothing; SGD's first moment is then the gradient.
const NO_CHANGE: UpdateStep = UpdateStep { learning_rate: 0.0, ..UpdateStep::PYTORCH };

fn read(learner: &dyn Learner, slot: Slot) -> Vec<f32> {
    let mut values = vec![f32::NAN; slot.length()];
    learner.read(slot, &mut values).unwrap_or_else(|error| panic!("{slot:?}: {error}"));
    values
}

/// The accumulated gradients of an SGD learner. Ends the step.
fn gradients(learner: &mut dyn Learner) -> Vec<f32> {
    assert!(learner.update(&NO_CHANGE).unwrap());
    read(learner, Slot::FirstMoment)
}
