//! The CPU engine: SIMD kernels, inference plans, the reference network that they are checked against, and the training
//! step, in single precision. Depends on the network's layout and parameters; no libtorch, no files.

#![allow(unsafe_code)]

mod buffer;
mod check;
mod engine;
mod kernels;
mod learner;
mod network;
mod parallel;
mod partition;
pub mod plan;
mod pool;
mod prepared;
mod reference;
mod train;

pub use engine::{CpuEngine, CpuSettings};
pub use kernels::vector::Instructions;
pub use learner::CpuLearner;
pub use pool::Pool;
