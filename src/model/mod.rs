//! The network, its initial weights, and its file.

mod artifact;
mod densenet;
mod initial;
mod layout;

pub(crate) use artifact::check_threshold;
pub use artifact::{FileFormat, Metadata, Model};
pub use densenet::{DenseNet, SMALLEST_SIDE};
pub use initial::initial_value;
pub use layout::{LAYOUT, Layout, ParameterSpec, Role};
