//! Machines for tests: the files that the probe reads, one text per machine.
//!
//! They are put together from public records of such machines (the PCI ID database, listings of sysfs and procfs in bug
//! reports, the kernel's documentation), not recorded by this project.

use super::Probe;
use std::fs;

macro_rules! machines {
    ($($name:literal),+ $(,)?) => {
        &[$(($name, include_str!(concat!("fixtures/", $name, ".txt")))),+]
    };
}

const MACHINES: &[(&str, &str)] = machines![
    "rtx-4080-super",
    "rx-7900-xtx",
    "rtx-4050-laptop",
    "rtx-3050-laptop",
    "mi300x",
    "workstation",
    "integrated-amd",
    "h100",
    "no-gpu",
    "container",
    "container-cgroup-1",
];

/// Files from lines: "== path", and the content up to the next such line.
pub(crate) fn unpack(text: &str) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for file in text.split("== ").skip(1) {
        let (path, content) = file.split_once('\n').unwrap();
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    root
}

/// The probe of one of the machines.
pub(crate) fn machine(name: &str) -> Probe {
    let (_, text) = MACHINES.iter().find(|(known, _)| *known == name).unwrap();
    Probe::read(unpack(text).path())
}
