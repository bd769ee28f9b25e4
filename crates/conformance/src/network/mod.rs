//! Cases for networks.

mod batch_invariance;
mod observe;
mod outputs;
mod views;
mod wrong_use;

use crate::parameters::golden_parameters;
use crate::subject::Subject;

/// Runs all cases of networks.
pub fn networks(subject: &Subject) {
    let network = &*subject.network(golden_parameters());
    outputs::match_torchvision(subject, network);
    outputs::of_empty_batch(subject, network);
    outputs::ignore_unused_ranges(subject, network);
    views::gray_equals_rgb(subject, network);
    views::strided_images(subject, network);
    batch_invariance::results_do_not_depend_on_batch(subject, network);
    batch_invariance::concurrent_calls_agree(subject, network);
    observe::records_convolution_inputs(subject, network);
    observe::keeps_larger_maxima(subject, network);
    observe::covers_all_images(subject, network);
    wrong_use::invalid_images_are_errors(subject, network);
}
