//! Hardware probe: reads the system's files under a root that tests replace.
//!
//! No GPU library is loaded: libtorch and the HIP runtime read their environment when they are first used, which must
//! not be before it is set. What cannot be read is `None`, never guessed.

mod generation;
mod gpu;
#[cfg(target_os = "linux")]
mod linux;
mod processor;

pub use generation::{Architecture, Generation};
pub use gpu::{Gpu, Vendor};
pub use processor::{Cpu, Memory};

#[cfg(target_os = "linux")]
use linux::read;
use serde::Serialize;
use std::path::Path;

/// The hardware.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Probe {
    /// CPU.
    pub cpu: Cpu,
    /// Memory.
    pub memory: Memory,
    /// Display and compute devices of NVIDIA and AMD, sorted by PCI address.
    pub gpus: Vec<Gpu>,
}

impl Probe {
    /// Reads the hardware below `root`, "/" for this machine.
    pub fn read(root: &Path) -> Self {
        read(root)
    }

    /// GPUs of one vendor.
    pub fn gpus_of(&self, vendor: Vendor) -> impl Iterator<Item = &Gpu> {
        self.gpus.iter().filter(move |gpu| gpu.vendor == vendor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machines::{machine, unpack};

    #[test]
    fn unreadable_system_is_unknown() {
        assert_eq!(Probe::read(unpack("").path()), Probe::default());
    }

    #[test]
    fn single_gpu_machines() {
        const GIB: u64 = 1 << 30;
        for (name, address, device_id, driver, architecture, memory, large_bar) in [
            ("rtx-4080-super", "0000:01:00.0", "0x2702", "nvidia", "Ada", None, None),
            ("rtx-4050-laptop", "0000:01:00.0", "0x28a1", "nvidia", "Ada", None, None),
            ("rtx-3050-laptop", "0000:01:00.0", "0x25a2", "nvidia", "Ampere", None, None),
            ("h100", "0000:04:00.0", "0x2330", "nvidia", "Hopper", None, None),
            ("rx-7900-xtx", "0000:03:00.0", "0x744c", "amdgpu", "gfx1100", Some(25_753_026_560), Some(true)),
            ("mi300x", "0000:05:00.0", "0x74a1", "amdgpu", "gfx942", Some(206_141_652_992), Some(true)),
            ("integrated-amd", "0000:06:00.0", "0x1638", "amdgpu", "gfx90c", Some(GIB / 2), Some(true)),
        ] {
            let gpus = machine(name).gpus;
            let [gpu] = &gpus[..] else { panic!("{name}: {gpus:?}") };
            assert_eq!(gpu.address, address, "{name}");
            assert_eq!(gpu.device_id.as_deref(), Some(device_id), "{name}");
            assert_eq!(gpu.driver.as_deref(), Some(driver), "{name}");
            assert_eq!(gpu.architecture.unwrap().to_string(), architecture, "{name}");
            assert_eq!((gpu.memory_bytes, gpu.has_large_bar()), (memory, large_bar), "{name}");
        }
    }

    #[test]
    fn nvidia_driver_files() {
        let gpu = &machine("rtx-4080-super").gpus[0];
        assert_eq!(gpu.name.as_deref(), Some("NVIDIA GeForce RTX 4080 SUPER"));
        assert_eq!(gpu.driver_version.as_deref(), Some("550.54.14"));
        assert_eq!(gpu.bar_bytes, Some(16 << 30));
        // The open kernel module formats its version differently.
        assert_eq!(machine("h100").gpus[0].driver_version.as_deref(), Some("580.65.06"));
        assert_eq!(machine("rtx-3050-laptop").gpus[0].bar_bytes, Some(256 << 20));
    }

    #[test]
    fn gpus_of_both_vendors() {
        let gpus = machine("workstation").gpus;
        let found: Vec<_> = gpus.iter().map(|gpu| (gpu.vendor, gpu.address.as_str())).collect();
        assert_eq!(found, [(Vendor::Amd, "0000:03:00.0"), (Vendor::Nvidia, "0000:0a:00.0")]);
        assert_eq!(gpus[0].has_large_bar(), Some(false));
    }

    #[test]
    fn container_limits() {
        for name in ["container", "container-cgroup-1"] {
            let probe = machine(name);
            assert_eq!(probe.cpu.model.as_deref(), Some("AMD EPYC 7763 64-Core Processor"), "{name}");
            assert_eq!(probe.cpu.threads, Some(8), "{name}");
            assert_eq!(probe.cpu.container_limit, Some(1.5), "{name}");
            assert_eq!(probe.cpu.features, ["avx", "avx2", "fma"], "{name}");
            assert_eq!(probe.memory.container_limit, Some(4 << 30), "{name}");
            assert_eq!(probe.memory.usable(), Some(4 << 30), "{name}");
            assert!(probe.gpus.is_empty(), "{name}");
        }
    }

    #[test]
    fn parent_cgroup_limits() {
        let root = unpack(
            "== proc/self/cgroup\n0::/system.slice/viewer.service\n\
             == sys/fs/cgroup/system.slice/cpu.max\n200000 100000\n\
             == sys/fs/cgroup/system.slice/viewer.service/cpu.max\nmax 100000\n\
             == sys/fs/cgroup/system.slice/viewer.service/memory.max\n1073741824\n",
        );
        let probe = Probe::read(root.path());
        assert_eq!(probe.cpu.container_limit, Some(2.0));
        assert_eq!(probe.memory.container_limit, Some(1 << 30));
    }

    #[test]
    fn unlimited_cgroups() {
        for files in [
            "== sys/fs/cgroup/cpu.max\nmax 100000\n== sys/fs/cgroup/memory.max\nmax\n",
            "== proc/meminfo\nMemTotal: 1000 kB\n\
             == sys/fs/cgroup/cpu/cpu.cfs_quota_us\n-1\n== sys/fs/cgroup/cpu/cpu.cfs_period_us\n100000\n\
             == sys/fs/cgroup/memory/memory.limit_in_bytes\n9223372036854771712\n",
        ] {
            let probe = Probe::read(unpack(files).path());
            assert_eq!((probe.cpu.container_limit, probe.memory.container_limit), (None, None));
        }
    }

    #[test]
    fn amd_gpu_from_drm_and_kfd() {
        let root = unpack(
            "== sys/class/drm/card1/device/vendor\n0x1002\n\
             == sys/class/drm/card1/device/device\n0x744c\n\
             == sys/class/drm/card1/device/uevent\nDRIVER=amdgpu\nPCI_SLOT_NAME=0000:86:00.0\n\
             == sys/class/drm/card1-DP-1/status\nconnected\n\
             == sys/class/kfd/kfd/topology/nodes/2/properties\nsimd_count 192\ngfx_target_version 110000\n\
             location_id 34304\ndomain 0\n\
             == sys/class/kfd/kfd/topology/nodes/2/mem_banks/0/properties\nheap_type 1\nsize_in_bytes 25753026560\n",
        );
        let gpus = Probe::read(root.path()).gpus;
        assert_eq!(gpus.len(), 1);
        assert_eq!(gpus[0].address, "0000:86:00.0");
        assert_eq!(gpus[0].architecture.unwrap().to_string(), "gfx1100");
        assert_eq!(gpus[0].memory_bytes, Some(25_753_026_560));
        assert_eq!(gpus[0].has_large_bar(), None, "unknown, so not guessed");
    }
}
