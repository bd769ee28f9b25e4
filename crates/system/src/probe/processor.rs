//! CPU and memory.

use serde::Serialize;

/// A processor.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Cpu {
    /// Its name.
    pub model: Option<String>,
    /// CPUs this process may run on.
    pub threads: Option<usize>,
    /// CPU limit of the container, in CPUs.
    pub container_limit: Option<f64>,
    /// Instruction sets that kernels use, of those the CPU has.
    pub features: Vec<String>,
}

/// Memory, in bytes.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Memory {
    /// All of the machine.
    pub total: Option<u64>,
    /// Free or freeable now.
    pub available: Option<u64>,
    /// Limit of the container.
    pub container_limit: Option<u64>,
}

impl Cpu {
    /// Whether it has an instruction for products of bfloat16 numbers.
    pub fn has_bf16(&self) -> bool {
        self.features.iter().any(|name| name == "avx512_bf16" || name == "amx_bf16")
    }
}

impl Memory {
    /// What this process may still allocate: the smaller of free memory and the container's limit.
    pub fn usable(&self) -> Option<u64> {
        match (self.available, self.container_limit) {
            (Some(available), Some(limit)) => Some(available.min(limit)),
            (available, limit) => available.or(limit),
        }
    }
}
