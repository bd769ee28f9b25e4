//! Machines for tests: the files that the probe reads, one text per machine.
//!
//! They are put together from public records of such machines (the PCI ID database, listings of sysfs and procfs in bug
//! reports, the kernel's documentation), not recorded by this project.

mod unpack;

use super::Probe;
pub(crate) use unpack::unpack;

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

/// The probe of one of the machines.
pub(crate) fn machine(name: &str) -> Probe {
    let (_, text) = MACHINES.iter().find(|(known, _)| *known == name).unwrap();
    Probe::read(unpack(text).path())
}
