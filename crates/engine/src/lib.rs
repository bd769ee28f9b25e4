//! The interface of engines, above which training, evaluation and heatmaps are written; the plain data that is passed
//! to the library with libtorch; and the policy, which decides from hardware and request how to compute. Computes
//! nothing and loads nothing.

#![deny(unsafe_code)]

mod footprint;
mod gpu_report;
mod images;
mod interface;
pub mod policy;
pub mod rocm;
pub mod torch_table;

#[cfg(test)]
#[path = "../../system/machines/mod.rs"]
mod machines;

pub use footprint::{Footprint, TRAINED_PARAMETERS};
pub use gpu_report::{GpuReport, ReportedGpu};
pub use images::check_images;
pub use interface::{
    Engine, EngineName, FeatureMaps, GpuMemory, Learner, LearnerSettings, Network, OptimizerKind, ScalerState, Slot,
    UpdateStep, Weights,
};
