//! Linux: /proc and /sys.

mod cgroup;
mod files;
mod gpu;
mod processor;

use super::Probe;
use files::Files;
use std::path::Path;

pub(super) fn read(root: &Path) -> Probe {
    let files = Files::new(root);
    Probe { cpu: processor::cpu(&files), memory: processor::memory(&files), gpus: gpu::gpus(&files) }
}
