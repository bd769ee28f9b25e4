//! What hardware is there, read from /proc and /sys under a root that tests replace.
//!
//! No GPU library is touched: libtorch and the HIP runtime look at their environment when they are first asked, and
//! must not be asked before the environment is ready. What cannot be read is `None`, never guessed.

use serde::Serialize;
use std::fs;
use std::path::Path;

/// The machine.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Probe {
    /// Its processor.
    pub cpu: Cpu,
    /// Its memory.
    pub memory: Memory,
    /// Its display and compute devices by NVIDIA and AMD, by PCI address.
    pub gpus: Vec<Gpu>,
}

/// A processor.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Cpu {
    /// Its name.
    pub model: Option<String>,
    /// Processors this process may run on.
    pub threads: Option<usize>,
    /// Processors' worth of time the container is limited to.
    pub container_limit: Option<f64>,
    /// Instruction sets that matter for speed, of those the processor has.
    pub features: Vec<String>,
}

/// Memory, in bytes.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Memory {
    /// All of the machine.
    pub total: Option<u64>,
    /// Free or freeable now.
    pub available: Option<u64>,
    /// What the container is limited to.
    pub container_limit: Option<u64>,
}

impl Memory {
    /// What this process may still take: the smaller of what is free and what the container allows.
    pub fn usable(&self) -> Option<u64> {
        match (self.available, self.container_limit) {
            (Some(available), Some(limit)) => Some(available.min(limit)),
            (available, limit) => available.or(limit),
        }
    }
}

/// Who made a GPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Vendor {
    /// PCI vendor 0x10de.
    Nvidia,
    /// PCI vendor 0x1002.
    Amd,
}

/// A GPU.
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
}

/// Flags of /proc/cpuinfo that the library's kernels or libtorch's make use of.
const FEATURES: [&str; 10] =
    ["avx", "avx2", "fma", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8", "asimd", "sve"];

impl Probe {
    /// Reads the machine below `root` ("/" for the one this runs on).
    pub fn read(root: &Path) -> Self {
        let text = |path: &str| fs::read_to_string(root.join(path)).ok();
        Probe { cpu: Cpu { container_limit: cpu_limit(&text), ..cpu(&text) }, memory: memory(&text), gpus: gpus(root) }
    }
}

fn cpu(text: &impl Fn(&str) -> Option<String>) -> Cpu {
    let info = text("proc/cpuinfo").unwrap_or_default();
    let field = |names: &[&str]| {
        info.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            names.contains(&key.trim()).then(|| value.trim().to_string())
        })
    };
    let flags = field(&["flags", "Features"]).unwrap_or_default();
    let flags: Vec<&str> = flags.split_whitespace().collect();
    Cpu {
        model: field(&["model name", "Processor"]),
        threads: text("proc/self/status").and_then(|status| allowed_processors(&status)),
        container_limit: None,
        features: FEATURES.iter().filter(|name| flags.contains(name)).map(ToString::to_string).collect(),
    }
}

/// Counts the processors of "Cpus_allowed_list: 0-3,8".
fn allowed_processors(status: &str) -> Option<usize> {
    let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"))?;
    let mut count = 0;
    for range in list.trim().split(',') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        count += last.parse::<usize>().ok()?.checked_sub(first.parse().ok()?)? + 1;
    }
    Some(count)
}

/// cgroup version 2, then version 1.
fn cpu_limit(text: &impl Fn(&str) -> Option<String>) -> Option<f64> {
    if let Some(limit) = text("sys/fs/cgroup/cpu.max") {
        let (quota, period) = limit.trim().split_once(' ')?;
        return Some(quota.parse::<f64>().ok()? / period.parse::<f64>().ok()?);
    }
    let number = |path: &str| text(path)?.trim().parse::<f64>().ok();
    let quota = number("sys/fs/cgroup/cpu/cpu.cfs_quota_us")?;
    let period = number("sys/fs/cgroup/cpu/cpu.cfs_period_us")?;
    (quota > 0.0 && period > 0.0).then(|| quota / period)
}

fn memory(text: &impl Fn(&str) -> Option<String>) -> Memory {
    let info = text("proc/meminfo").unwrap_or_default();
    let kibibytes = |name: &str| {
        let line = info.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().trim_end_matches("kB").trim().parse::<u64>().ok().map(|value| value * 1024)
    };
    let total = kibibytes("MemTotal:");
    let limit = ["sys/fs/cgroup/memory.max", "sys/fs/cgroup/memory/memory.limit_in_bytes"]
        .iter()
        .find_map(|path| text(path)?.trim().parse::<u64>().ok())
        // Version 1 writes an absurdly large number for "no limit".
        .filter(|limit| total.is_none_or(|total| *limit < total));
    Memory { total, available: kibibytes("MemAvailable:"), container_limit: limit }
}

fn gpus(root: &Path) -> Vec<Gpu> {
    let Ok(devices) = fs::read_dir(root.join("sys/bus/pci/devices")) else {
        return Vec::new();
    };
    let mut found: Vec<Gpu> = devices
        .flatten()
        .filter_map(|device| {
            let text =
                |file: &str| fs::read_to_string(device.path().join(file)).ok().map(|text| text.trim().to_string());
            let vendor = match text("vendor")?.as_str() {
                "0x10de" => Vendor::Nvidia,
                "0x1002" => Vendor::Amd,
                _ => return None,
            };
            // PCI base class 3 is display controllers, 12 processing accelerators; the audio half of a card is neither.
            let class = text("class")?;
            if !class.starts_with("0x03") && !class.starts_with("0x12") {
                return None;
            }
            let driver = fs::read_link(device.path().join("driver")).ok();
            Some(Gpu {
                vendor,
                address: device.file_name().to_string_lossy().into_owned(),
                device_id: text("device"),
                driver: driver.and_then(|link| Some(link.file_name()?.to_string_lossy().into_owned())),
            })
        })
        .collect();
    found.sort_by(|one, other| one.address.cmp(&other.address));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (path, content) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        root
    }

    #[test]
    fn an_unreadable_machine_is_unknown_not_guessed() {
        let root = machine(&[]);
        assert_eq!(Probe::read(root.path()), Probe::default());
    }

    #[test]
    fn a_container_limited_to_one_and_a_half_processors_and_four_gibibytes() {
        let root = machine(&[
            ("proc/cpuinfo", "processor : 0\nmodel name\t: Some CPU\nflags\t\t: fpu avx avx2 fma avx512f\n"),
            ("proc/self/status", "Name:\tx\nCpus_allowed_list:\t0-3,8\n"),
            ("proc/meminfo", "MemTotal:       65000000 kB\nMemAvailable:   50000000 kB\n"),
            ("sys/fs/cgroup/cpu.max", "150000 100000\n"),
            ("sys/fs/cgroup/memory.max", "4294967296\n"),
        ]);
        let probe = Probe::read(root.path());
        assert_eq!(probe.cpu.model.as_deref(), Some("Some CPU"));
        assert_eq!(probe.cpu.threads, Some(5));
        assert_eq!(probe.cpu.container_limit, Some(1.5));
        assert_eq!(probe.cpu.features, ["avx", "avx2", "fma", "avx512f"]);
        assert_eq!(probe.memory.usable(), Some(4 << 30));
    }

    #[test]
    fn no_limit_is_no_limit_in_both_cgroup_versions() {
        let second = machine(&[("sys/fs/cgroup/cpu.max", "max 100000\n"), ("sys/fs/cgroup/memory.max", "max\n")]);
        let first = machine(&[
            ("proc/meminfo", "MemTotal: 1000 kB\n"),
            ("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n"),
            ("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n"),
            ("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"),
        ]);
        for root in [second, first] {
            let probe = Probe::read(root.path());
            assert_eq!(probe.cpu.container_limit, None);
            assert_eq!(probe.memory.container_limit, None);
        }
    }

    #[test]
    fn a_workstation_with_one_gpu_of_each_vendor() {
        let root = machine(&[
            ("sys/bus/pci/devices/0000:0a:00.0/vendor", "0x10de\n"),
            ("sys/bus/pci/devices/0000:0a:00.0/class", "0x030000\n"),
            ("sys/bus/pci/devices/0000:0a:00.0/device", "0x2702\n"),
            ("sys/bus/pci/devices/0000:0a:00.1/vendor", "0x10de\n"),
            ("sys/bus/pci/devices/0000:0a:00.1/class", "0x040300\n"),
            ("sys/bus/pci/devices/0000:03:00.0/vendor", "0x1002\n"),
            ("sys/bus/pci/devices/0000:03:00.0/class", "0x038000\n"),
            ("sys/bus/pci/devices/0000:00:02.0/vendor", "0x8086\n"),
            ("sys/bus/pci/devices/0000:00:02.0/class", "0x030000\n"),
        ]);
        let gpus = Probe::read(root.path()).gpus;
        assert_eq!(gpus.iter().map(|gpu| gpu.vendor).collect::<Vec<_>>(), [Vendor::Amd, Vendor::Nvidia]);
        assert_eq!(gpus[1].device_id.as_deref(), Some("0x2702"));
        assert_eq!(gpus[0].device_id, None);
    }
}
