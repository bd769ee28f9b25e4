//! What networks in training must do.

mod buffers;
mod golden_steps;
mod optimizers;
mod steps;
mod wrong_use;

use crate::subject::Subject;
use lens_engine::{Learner, Slot, UpdateStep};

/// Runs all cases of learners.
pub fn learners(subject: &Subject) {
    golden_steps::are_torchvisions(subject);
    golden_steps::logits_by_running_statistics_are_torchvisions(subject);
    optimizers::are_pytorchs(subject);
    optimizers::move_every_number_by_their_formula(subject);
    optimizers::shorten_long_gradients(subject);
    steps::add_up_their_parts(subject);
    steps::can_be_abandoned(subject);
    steps::of_the_head_move_nothing_else(subject);
    steps::of_the_head_leave_everything_else_to_itself(subject);
    steps::see_gray_as_three_equal_channels(subject);
    buffers::begin_at_the_start(subject);
    buffers::come_back_as_they_were_written(subject);
    buffers::of_the_average_follow(subject);
    buffers::are_found_finite_or_not(subject);
    wrong_use::is_an_error(subject);
    wrong_use::of_buffers_is_an_error(subject);
}

/// A step that moves nothing; SGD's first moment is then the gradient.
const STILL: UpdateStep = UpdateStep { learning_rate: 0.0, ..UpdateStep::PYTORCH };

fn read(learner: &dyn Learner, slot: Slot) -> Vec<f32> {
    let mut values = vec![f32::NAN; slot.length()];
    learner.read(slot, &mut values).unwrap_or_else(|error| panic!("{slot:?}: {error}"));
    values
}

/// Of a learner that descends: what was accumulated. Ends the step.
fn gradients(learner: &mut dyn Learner) -> Vec<f32> {
    assert!(learner.update(&STILL).unwrap());
    read(learner, Slot::FirstMoment)
}
