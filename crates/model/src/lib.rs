//! The network as data: layout, parameters, metadata, and file formats. Depends on images only for the record of their
//! preprocessing; computes nothing but the head.

#![deny(unsafe_code)]

mod calibration;
mod graph;
mod head;
mod initial;
mod layout;
mod model;
mod model_parameters;
mod onnx;
mod parameters;
mod ranges;
mod start;
pub mod weights;

pub use calibration::{
    CalibrationData, OperatingPoint, OperatingRule, Rate, StoredOperatingPoint, TEMPERATURE_RANGE, TemperatureRecord,
};
pub use graph::{GraphBuilder, features};
pub use head::{activation_map, cross_entropy, logit_of, relu};
pub use initial::initial_value;
pub use layout::{DenseLayer, EPSILON, LAYOUT, Layout, MOMENTUM, Norm, ParameterSpec, Role, SMALLEST_SIDE, Transition};
pub use model::{Metadata, Model, check_threshold};
pub use parameters::{Parameters, TrainingParameters, float_bytes};
pub use ranges::{ActivationRanges, update_max};
pub use start::{ImportedParameters, start_parameters};
