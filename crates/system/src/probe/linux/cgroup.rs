//! Limits of a container or service: control groups, versions 1 and 2.

use super::files::Files;

/// CPU limit: the minimum of this process's group and its ancestors.
pub(super) fn cpu_limit(files: &Files) -> Option<f64> {
    groups(files, "cpu")
        .iter()
        .filter_map(|group| {
            let (quota, period) = match files.text(&format!("{group}/cpu.max")) {
                Some(limit) => {
                    let (quota, period) = limit.split_once(' ')?;
                    (quota.parse::<f64>().ok()?, period.parse::<f64>().ok()?)
                }
                None => (
                    files.number(&format!("{group}/cpu.cfs_quota_us"))?,
                    files.number(&format!("{group}/cpu.cfs_period_us"))?,
                ),
            };
            (quota > 0.0 && period > 0.0).then(|| quota / period)
        })
        .min_by(f64::total_cmp)
}

/// Memory limit in bytes: the minimum of this process's group and its ancestors.
pub(super) fn memory_limit(files: &Files) -> Option<u64> {
    groups(files, "memory")
        .iter()
        .filter_map(|group| {
            let limit = |name: &str| files.number(&format!("{group}/{name}"));
            limit("memory.max").or_else(|| limit("memory.limit_in_bytes"))
        })
        .min()
}

/// Directories of this process's groups for a controller, from the root. Inside a container the kernel may name groups
/// that exist outside only; these are skipped.
fn groups(files: &Files, controller: &str) -> Vec<String> {
    let mut groups = Vec::new();
    let mut add = |mount: String, path: &str| {
        let mut group = mount;
        groups.push(group.clone());
        for part in path.split('/').filter(|part| !part.is_empty()) {
            group = format!("{group}/{part}");
            groups.push(group.clone());
        }
    };
    let table = files.text("proc/self/cgroup").unwrap_or_default();
    let (mut first, mut second) = ("", "");
    for line in table.lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (fields.next(), fields.next()) else {
            continue;
        };
        if controllers.is_empty() {
            second = path;
        } else if controllers.split(',').any(|name| name == controller) {
            first = path;
        }
    }
    add("sys/fs/cgroup".into(), second);
    add(format!("sys/fs/cgroup/{controller}"), first);
    groups
}
