//! A machine set up and a model ready to compute on it: which engine, on which device, from which library. Makes the CPU's
//! engine, loads libtorch's when it is needed, and opens files that bring the network compiled.

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
pub use programs::Compiled;
pub use report::RunReport;

/// Version of the binary interface: of the layout of its structs and the meaning of its functions.
pub const ABI_VERSION: u32 = 0;
