//! What the runtime of a GPU library reports.

use lens_system::probe::Vendor;
use serde::{Deserialize, Serialize};

/// A GPU as its runtime reports it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ReportedGpu {
    /// PCI address, lower case.
    pub address: Option<String>,
    /// NVIDIA: compute capability.
    pub capability: Option<(i32, i32)>,
    /// Bytes of its memory; 0 if it was not asked.
    pub total_bytes: u64,
    /// Free bytes of these.
    pub free_bytes: u64,
}

/// The report of a runtime.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GpuReport {
    /// The vendor of the runtime.
    pub vendor: Vendor,
    /// Its GPUs, by index.
    pub gpus: Vec<ReportedGpu>,
}
