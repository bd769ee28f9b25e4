//! The engine of the CPU: instruction sets, kernels, the network compiled for inference, a plain network to compare it
//! with, and the training step, in single precision. Knows the network's layout and numbers; no libtorch, no files.

#![allow(unsafe_code)]

mod buffer;
mod check;
mod cut;
mod engine;
mod kernels;
mod learner;
mod network;
mod parallel;
pub mod plan;
mod pool;
mod prepared;
mod reference;
mod train;

pub use engine::{CpuEngine, CpuSettings};
pub use kernels::vector::Instructions;
pub use learner::CpuLearner;
pub use pool::Pool;
