//! GPU architectures, as far as decisions depend on them.

use serde::{Serialize, Serializer};
use std::fmt;

/// The architecture of a GPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Architecture {
    /// NVIDIA, by the lowest compute capability of its generation.
    Nvidia(Generation),
    /// AMD: major, minor and stepping of its gfx name.
    Gfx(u32, u32, u32),
}

/// Generations of NVIDIA GPUs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Generation {
    /// Compute capability 7.5.
    Turing,
    /// 8.0 to 8.7.
    Ampere,
    /// 8.9.
    Ada,
    /// 9.0.
    Hopper,
    /// From 10.0 on.
    Blackwell,
}

/// PCI device ids of the chips of each generation (TU1xx, GA1xx, AD1xx, GH100, GB1xx and GB2xx), from the public PCI ID
/// database; other ids are of older chips, other functions or future chips.
const NVIDIA_DEVICES: [(u16, u16, Generation); 10] = [
    (0x1e02, 0x1fff, Generation::Turing),
    (0x2182, 0x21d1, Generation::Turing),
    (0x20b0, 0x20ff, Generation::Ampere),
    (0x2203, 0x2276, Generation::Ampere),
    (0x2302, 0x2348, Generation::Hopper),
    (0x2414, 0x25ff, Generation::Ampere),
    (0x2681, 0x28ff, Generation::Ada),
    (0x2901, 0x2941, Generation::Blackwell),
    (0x2b80, 0x2dff, Generation::Blackwell),
    (0x2f04, 0x2f7f, Generation::Blackwell),
];

/// Targets of PyTorch's ROCm builds (PYTORCH_ROCM_ARCH of their build images).
const ROCM_TARGETS: [&str; 15] = [
    "gfx900", "gfx906", "gfx908", "gfx90a", "gfx942", "gfx950", "gfx1030", "gfx1100", "gfx1101", "gfx1102", "gfx1103",
    "gfx1150", "gfx1151", "gfx1200", "gfx1201",
];

impl Architecture {
    pub(super) fn of_nvidia_device(id: u16) -> Option<Self> {
        let generation = NVIDIA_DEVICES.iter().find(|(first, last, _)| (*first..=*last).contains(&id))?.2;
        Some(Architecture::Nvidia(generation))
    }

    /// From the kernel's `gfx_target_version`: 90402 is gfx942, 0 none.
    pub(super) fn of_gfx_version(version: u64) -> Option<Self> {
        let version = u32::try_from(version).ok().filter(|version| *version > 0)?;
        Some(Architecture::Gfx(version / 10_000, version / 100 % 100, version % 100))
    }

    /// Whether libtorch's ROCm builds have kernels for it.
    pub fn is_rocm_target(self) -> bool {
        ROCM_TARGETS.contains(&self.to_string().as_str())
    }

    /// CDNA, AMD's data-center line, with bfloat16 matrix units: from gfx908 on within gfx9.
    pub fn is_cdna(self) -> bool {
        matches!(self, Architecture::Gfx(9, minor, stepping) if (minor, stepping) == (0, 8)
            || (minor, stepping) == (0, 10) || minor >= 4)
    }
}

impl fmt::Display for Architecture {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Architecture::Nvidia(generation) => write!(formatter, "{generation:?}"),
            Architecture::Gfx(major, minor, stepping) => write!(formatter, "gfx{major}{minor:x}{stepping:x}"),
        }
    }
}

impl Serialize for Architecture {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gfx_names() {
        for (version, name, target, cdna) in [
            (90_008, "gfx908", true, true),
            (90_010, "gfx90a", true, true),
            (90_012, "gfx90c", false, false),
            (90_402, "gfx942", true, true),
            (90_500, "gfx950", true, true),
            (90_006, "gfx906", true, false),
            (100_300, "gfx1030", true, false),
            (100_306, "gfx1036", false, false),
            (110_000, "gfx1100", true, false),
        ] {
            let found = Architecture::of_gfx_version(version).unwrap();
            assert_eq!((found.to_string().as_str(), found.is_rocm_target(), found.is_cdna()), (name, target, cdna));
        }
        assert_eq!(Architecture::of_gfx_version(0), None);
    }

    #[test]
    fn nvidia_generations_by_device_id() {
        for (id, expected) in [
            (0x1eb8, Some(Generation::Turing)),
            (0x20b5, Some(Generation::Ampere)),
            (0x25a2, Some(Generation::Ampere)),
            (0x28a1, Some(Generation::Ada)),
            (0x2330, Some(Generation::Hopper)),
            (0x2b85, Some(Generation::Blackwell)),
            // A GTX 1080, and the audio function of an RTX 4080.
            (0x1b80, None),
            (0x22bb, None),
        ] {
            assert_eq!(Architecture::of_nvidia_device(id), expected.map(Architecture::Nvidia), "{id:#x}");
        }
    }
}
