//! GPUs.

use super::generation::Architecture;
use serde::{Deserialize, Serialize};

/// Who made a GPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Vendor {
    /// PCI vendor 0x10de.
    Nvidia,
    /// PCI vendor 0x1002.
    Amd,
}

impl Vendor {
    /// All of them.
    pub const ALL: [Vendor; 2] = [Vendor::Nvidia, Vendor::Amd];

    /// What its devices are called in options and reports: by the runtime that drives them.
    pub fn device_name(self) -> &'static str {
        match self {
            Vendor::Nvidia => "cuda",
            Vendor::Amd => "rocm",
        }
    }
}

/// A GPU. What its drivers do not tell is `None`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Gpu {
    /// Who made it.
    pub vendor: Vendor,
    /// PCI address, such as "0000:03:00.0".
    pub address: String,
    /// PCI device id, such as "0x744c".
    pub device_id: Option<String>,
    /// Kernel driver bound to it, such as "nvidia" or "amdgpu".
    pub driver: Option<String>,
    /// NVIDIA: version of the driver, such as "550.54.14".
    pub driver_version: Option<String>,
    /// NVIDIA: what its driver calls it.
    pub name: Option<String>,
    /// What it computes with.
    pub architecture: Option<Architecture>,
    /// AMD: bytes of memory of its own.
    pub memory_bytes: Option<u64>,
    /// AMD: so much of it the processor can reach.
    pub visible_memory_bytes: Option<u64>,
    /// Its largest window in the processor's address space.
    pub bar_bytes: Option<u64>,
}

impl Gpu {
    /// Whether the processor can reach all of its memory.
    pub fn has_large_bar(&self) -> Option<bool> {
        let memory = self.memory_bytes?;
        Some(self.visible_memory_bytes.or(self.bar_bytes)? >= memory)
    }
}
