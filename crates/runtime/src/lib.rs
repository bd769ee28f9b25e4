//! Contexts and models on them. Makes the CPU engine, loads libtorch's if needed, and opens files with compiled
//! networks.

mod classifier;
mod context;
mod environment;
mod optimize;
mod programs;
mod report;
mod script;
mod torch;

pub use classifier::{Classifier, FileFormat};
pub use context::{Context, ContextOptions};
pub use optimize::Variant;
pub use programs::CompiledNetwork;
pub use report::RunReport;

/// Version of the ABI: layout of structs and semantics of functions.
pub const ABI_VERSION: u32 = 0;
