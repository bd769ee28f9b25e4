//! Machines for tests: the files that the probe reads, one text per machine. Tests of several crates include this module
//! by its path.
//!
//! They are put together from public records of such machines (the PCI ID database, listings of sysfs and procfs in bug
//! reports, the kernel's documentation), not recorded by this project.
#![allow(dead_code, reason = "each crate's tests use a part")]

use lens_system::probe::Probe;
use std::fs;
use tempfile::TempDir;

macro_rules! machines {
    ($($name:literal),+ $(,)?) => {
        &[$(($name, include_str!(concat!($name, ".txt")))),+]
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

/// The files of one of the machines, below a directory of its own.
pub fn files_of(name: &str) -> TempDir {
    unpack(MACHINES.iter().find(|(known, _)| *known == name).unwrap().1)
}

/// What the probe finds on one of the machines.
pub fn machine(name: &str) -> Probe {
    Probe::read(files_of(name).path())
}

/// The files of a machine, below a directory of its own, from lines: "== path", and the content up to the next such line.
pub fn unpack(text: &str) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    for file in text.split("== ").skip(1) {
        let (path, content) = file.split_once('\n').unwrap();
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    root
}
