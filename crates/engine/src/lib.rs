//! What an engine is, and which one suits a machine: the interface that training, evaluation and heatmaps are written
//! above, the plain data that crosses to the libtorch library, and pure decisions from what was found and asked for.
//! Computes nothing and loads nothing.

#![deny(unsafe_code)]

mod footprint;
mod images;
mod interface;
pub mod policy;
mod reported;
pub mod rocm;
pub mod torch_table;

#[cfg(test)]
#[path = "../../system/machines/mod.rs"]
mod machines;

pub use footprint::{Footprint, WEIGHTS};
pub use images::check_images;
pub use interface::{
    Engine, EngineName, FeatureMaps, GpuMemory, Learner, LearnerSettings, Network, OptimizerKind, ScalerState, Slot,
    UpdateStep, Weights,
};
pub use reported::{Reported, ReportedGpu};
