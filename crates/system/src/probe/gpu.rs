//! GPUs.

use super::generation::Architecture;
use serde::{Deserialize, Serialize};

/// GPU vendor.
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

    /// Device name in options and reports, after the runtime.
    pub fn device_name(self) -> &'static str {
        match self {
            Vendor::Nvidia => "cuda",
            Vendor::Amd => "rocm",
        }
    }
}

/// A GPU. Fields that its drivers do not report are `None`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Gpu {
    /// Vendor.
    pub vendor: Vendor,
    /// PCI address, such as "0000:03:00.0".
    pub address: String,
    /// PCI device id, such as "0x744c".
    pub device_id: Option<String>,
    /// Kernel driver bound to it, such as "nvidia" or "amdgpu".
    pub driver: Option<String>,
    /// NVIDIA: version of the driver, such as "550.54.14".
    pub driver_version: Option<String>,
    /// NVIDIA: the driver's name of it.
    pub name: Option<String>,
    /// Architecture.
    pub architecture: Option<Architecture>,
    /// AMD: bytes of dedicated memory.
    pub memory_bytes: Option<u64>,
    /// AMD: bytes of it that the CPU can access.
    pub visible_memory_bytes: Option<u64>,
    /// Largest BAR in bytes.
    pub bar_bytes: Option<u64>,
}

impl Gpu {
    /// Whether the CPU can access all of its memory (large BAR).
    pub fn has_large_bar(&self) -> Option<bool> {
        let memory = self.memory_bytes?;
        Some(self.visible_memory_bytes.or(self.bar_bytes)? >= memory)
    }
}
