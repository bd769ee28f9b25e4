//! The network, its initial weights, its file, and the files it can start from.

mod artifact;
mod calibration;
mod compiled;
mod densenet;
mod graph;
mod initial;
mod layout;
mod onnx;
mod optimize;
mod ranges;
mod script;
mod start;
pub mod weights;

pub(crate) use artifact::check_threshold;
pub use artifact::{FileFormat, Metadata, Model};
pub use calibration::{
    CalibrationData, OperatingPoint, OperatingRule, Rate, StoredOperatingPoint, TEMPERATURE_RANGE, TemperatureRecord,
};
pub use compiled::Compiled;
pub use densenet::{DenseNet, SMALLEST_SIDE};
pub(crate) use densenet::{EPSILON, MOMENTUM};
pub use initial::initial_value;
pub(crate) use layout::{DenseLayer, Norm, Transition};
pub use layout::{LAYOUT, Layout, ParameterSpec, Role};
pub use optimize::Variant;
pub use ranges::{ActivationRanges, RangeObserver};
pub use start::start_network;
