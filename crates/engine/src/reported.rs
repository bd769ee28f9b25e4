//! What the runtime of a GPU library says of its GPUs.

use lens_system::probe::Vendor;
use serde::{Deserialize, Serialize};

/// A GPU as its runtime tells.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ReportedGpu {
    /// PCI address, lower case.
    pub address: Option<String>,
    /// NVIDIA: compute capability.
    pub capability: Option<(i32, i32)>,
    /// Bytes of its memory; 0 where it was not asked.
    pub total_bytes: u64,
    /// Of these, free.
    pub free_bytes: u64,
}

/// What a runtime says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reported {
    /// Whose runtime it is.
    pub vendor: Vendor,
    /// Its GPUs, by index.
    pub gpus: Vec<ReportedGpu>,
}
