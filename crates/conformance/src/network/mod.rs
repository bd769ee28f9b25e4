//! What networks that are ready to compute must do.

mod company;
mod observe;
mod outputs;
mod views;
mod wrong_use;

use crate::parameters::golden_parameters;
use crate::subject::Subject;

/// Runs all cases of networks.
pub fn networks(subject: &Subject) {
    let network = &*subject.network(golden_parameters());
    outputs::are_torchvisions(subject, network);
    outputs::of_no_images_are_none(subject, network);
    outputs::stay_without_eight_bits(subject, network);
    views::gray_is_three_equal_channels(subject, network);
    views::images_are_read_where_they_lie(subject, network);
    company::does_not_matter(subject, network);
    company::is_kept_by_several_threads(subject, network);
    observe::is_of_the_inputs_of_convolutions(subject, network);
    observe::only_raises(subject, network);
    observe::takes_the_largest_of_all_images(subject, network);
    wrong_use::is_an_error(subject, network);
}
