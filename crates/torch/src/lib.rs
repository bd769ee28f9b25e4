//! The engine of libtorch: everything of lesionlens that needs libtorch, as a shared library of its own, which the
//! first library loads when needed. It exports one function, `lens_torch_table`; the Rust items here are for tests.

mod autocast;
mod backend;
mod densenet;
mod device_queue;
mod engine;
mod error;
mod gpu_state;
mod input;
mod learner;
mod network;
mod optimizer;
mod program;
mod scaler;
mod table;
mod torch;
mod training_network;

pub use backend::gpu_library_is_registered;
pub use densenet::DenseNet;
pub use error::{Error, Result, catch};
pub use table::lens_torch_table;
pub use torch::SharedTensor;
pub use training_network::TrainingNetwork;
