//! CPU and memory, from /proc.

use super::super::processor::{Cpu, Memory};
use super::cgroup;
use super::files::Files;

/// Flags of /proc/cpuinfo that the library's or libtorch's kernels use.
const FEATURES: [&str; 10] =
    ["avx", "avx2", "fma", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8", "asimd", "sve"];

pub(super) fn cpu(files: &Files) -> Cpu {
    let info = files.text("proc/cpuinfo").unwrap_or_default();
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
        threads: files.text("proc/self/status").and_then(|status| allowed_processors(&status)),
        container_limit: cgroup::cpu_limit(files),
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

pub(super) fn memory(files: &Files) -> Memory {
    let info = files.text("proc/meminfo").unwrap_or_default();
    let kibibytes = |name: &str| {
        let line = info.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().trim_end_matches("kB").trim().parse::<u64>().ok().map(|value| value * 1024)
    };
    let total = kibibytes("MemTotal:");
    // Version 1 of control groups writes a huge number for "no limit".
    let limit = cgroup::memory_limit(files).filter(|limit| total.is_none_or(|total| *limit < total));
    Memory { total, available: kibibytes("MemAvailable:"), container_limit: limit }
}

#[cfg(test)]
mod tests {
    use super::allowed_processors;

    #[test]
    fn cpu_lists() {
        assert_eq!(allowed_processors("Name:\tx\nCpus_allowed_list:\t0-3,8\n"), Some(5));
        assert_eq!(allowed_processors("Cpus_allowed_list:\tall\n"), None);
    }
}
