//! GPUs, from sysfs and procfs.

use super::super::generation::Architecture;
use super::super::gpu::{Gpu, Vendor};
use super::files::Files;
use std::collections::{BTreeMap, HashMap};

pub(super) fn gpus(files: &Files) -> Vec<Gpu> {
    let mut found = BTreeMap::new();
    for address in files.names("sys/bus/pci/devices") {
        let device = format!("sys/bus/pci/devices/{address}");
        // PCI base class 3 is display controllers, 12 processing accelerators; the audio function of a card is neither.
        if files
            .text(&format!("{device}/class"))
            .is_some_and(|class| class.starts_with("0x03") || class.starts_with("0x12"))
            && let Some(gpu) = read(files, &device, address.clone())
        {
            found.insert(address, gpu);
        }
    }
    // Some sandboxes show display devices only.
    for card in files.names("sys/class/drm").iter().filter(|name| is_card(name)) {
        let device = format!("sys/class/drm/{card}/device");
        if let Some(address) = uevent(files, &device).remove("PCI_SLOT_NAME")
            && !found.contains_key(&address)
            && let Some(gpu) = read(files, &device, address.clone())
        {
            found.insert(address, gpu);
        }
    }
    add_kfd(files, &mut found);
    add_nvidia(files, &mut found);
    found.into_values().collect()
}

/// "card0", but not "card0-HDMI-A-1".
fn is_card(name: &str) -> bool {
    name.strip_prefix("card").is_some_and(|number| number.parse::<u32>().is_ok())
}

fn uevent(files: &Files, device: &str) -> HashMap<String, String> {
    let text = files.text(&format!("{device}/uevent")).unwrap_or_default();
    text.lines().filter_map(|line| line.split_once('=')).map(|(key, value)| (key.into(), value.into())).collect()
}

fn read(files: &Files, device: &str, address: String) -> Option<Gpu> {
    let text = |file: &str| files.text(&format!("{device}/{file}"));
    let vendor = match text("vendor")?.as_str() {
        "0x10de" => Vendor::Nvidia,
        "0x1002" => Vendor::Amd,
        _ => return None,
    };
    let device_id = text("device");
    let number = device_id.as_ref().and_then(|id| u16::from_str_radix(id.strip_prefix("0x")?, 16).ok());
    Some(Gpu {
        vendor,
        address,
        driver: uevent(files, device).remove("DRIVER"),
        driver_version: None,
        name: None,
        architecture: match vendor {
            Vendor::Nvidia => number.and_then(Architecture::of_nvidia_device),
            Vendor::Amd => None,
        },
        device_id,
        memory_bytes: files.number(&format!("{device}/mem_info_vram_total")),
        visible_memory_bytes: files.number(&format!("{device}/mem_info_vis_vram_total")),
        bar_bytes: text("resource").and_then(|table| largest_window(&table)),
    })
}

/// The kernel's IORESOURCE_MEM (include/linux/ioport.h).
const MEMORY_WINDOW: u64 = 0x200;
/// The first six lines are the standard BARs; ROM and bridge windows follow.
const STANDARD_WINDOWS: usize = 6;

/// Of lines "first last flags" in hexadecimal.
fn largest_window(table: &str) -> Option<u64> {
    let number = |text: &str| u64::from_str_radix(text.strip_prefix("0x")?, 16).ok();
    table
        .lines()
        .take(STANDARD_WINDOWS)
        .filter_map(|line| {
            let mut fields = line.split_whitespace().map(number);
            let (first, last, flags) = (fields.next()??, fields.next()??, fields.next()??);
            (flags & MEMORY_WINDOW != 0).then(|| last.checked_sub(first))?.map(|size| size + 1)
        })
        .max()
}

/// GPUs in amdgpu's compute interface (KFD).
fn add_kfd(files: &Files, found: &mut BTreeMap<String, Gpu>) {
    let nodes = "sys/class/kfd/kfd/topology/nodes";
    for node in files.names(nodes) {
        let properties = properties(files, &format!("{nodes}/{node}"));
        let property = |name: &str| properties.get(name).copied();
        // Nodes without SIMD units are CPUs.
        if property("simd_count").unwrap_or(0) == 0 {
            continue;
        }
        let Some(location) = property("location_id") else {
            continue;
        };
        let domain = property("domain").unwrap_or(0);
        let address =
            format!("{domain:04x}:{:02x}:{:02x}.{:x}", (location >> 8) & 0xff, (location >> 3) & 0x1f, location & 7);
        let Some(gpu) = found.get_mut(&address) else {
            continue;
        };
        gpu.architecture = property("gfx_target_version").and_then(Architecture::of_gfx_version);
        if gpu.memory_bytes.is_none() {
            let banks = format!("{nodes}/{node}/mem_banks");
            // Heaps 1 and 2 are the GPU's memory, visible to the CPU and not.
            let sizes = files.names(&banks).into_iter().filter_map(|bank| {
                let bank = self::properties(files, &format!("{banks}/{bank}"));
                matches!(bank.get("heap_type"), Some(1 | 2)).then(|| bank.get("size_in_bytes").copied())?
            });
            gpu.memory_bytes = Some(sizes.sum()).filter(|bytes| *bytes > 0);
        }
    }
}

/// "name number" on each line.
fn properties(files: &Files, directory: &str) -> HashMap<String, u64> {
    let text = files.text(&format!("{directory}/properties")).unwrap_or_default();
    text.lines()
        .filter_map(|line| line.split_once(' '))
        .filter_map(|(name, value)| Some((name.to_string(), value.trim().parse().ok()?)))
        .collect()
}

/// Files of NVIDIA's driver.
fn add_nvidia(files: &Files, found: &mut BTreeMap<String, Gpu>) {
    let version = files.text("proc/driver/nvidia/version").and_then(|text| nvidia_version(&text));
    for gpu in found.values_mut().filter(|gpu| gpu.vendor == Vendor::Nvidia) {
        gpu.driver_version.clone_from(&version);
        let information = files.text(&format!("proc/driver/nvidia/gpus/{}/information", gpu.address));
        gpu.name = information.and_then(|text| {
            let line = text.lines().find_map(|line| line.strip_prefix("Model:"))?;
            Some(line.trim().to_string())
        });
    }
}

/// The first word of the first line that is a dotted version.
fn nvidia_version(text: &str) -> Option<String> {
    let is_version = |word: &&str| word.contains('.') && word.split('.').all(|part| part.parse::<u32>().is_ok());
    text.lines().next()?.split_whitespace().find(is_version).map(ToString::to_string)
}
