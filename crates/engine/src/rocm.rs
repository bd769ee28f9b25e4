//! Environment variables for the AMD runtime and libtorch's allocator, which read them once, when they are loaded.

use super::policy::RocmTuning;
use lens_system::probe::{Gpu, Probe, Vendor};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The reference pipeline's variables and values.
const REFERENCE_VARIABLES: [(&str, &str); 10] = [
    ("HIP_PLATFORM", "amd"),
    ("HIP_LAUNCH_BLOCKING", "0"),
    ("ROCM_FORCE_CUDA_COMPAT", "1"),
    ("HSA_OVERRIDE_GFX_VERSION", "11.0.3"),
    ("HIP_FORCE_DEV_KERNARG", "1"),
    ("HSA_FORCE_FINE_GRAIN_PCIE", "1"),
    ("HIP_HOST_COHERENT", "0"),
    ("HSA_LARGE_BAR", "1"),
    ("ROC_ENABLE_LARGE_BAR", "1"),
    ("HSA_ENABLE_INTERRUPT", "0"),
];

/// Without them libtorch (2.13: aten/src/ATen/native/ConvUtils.h, Normalization.cpp) computes NCHW on AMD whatever the
/// layout of its inputs.
const CHANNELS_LAST_VARIABLES: [(&str, &str); 2] =
    [("PYTORCH_MIOPEN_SUGGEST_NHWC", "1"), ("PYTORCH_MIOPEN_SUGGEST_NHWC_BATCHNORM", "1")];

/// A waiting thread that polls keeps a processor busy; with fewer processors than this it is not worth it.
const MIN_PROCESSORS_TO_POLL: f64 = 4.0;

/// The allocator's variable, and the older names that it reads as well.
const ALLOCATOR_VARIABLES: [&str; 3] = ["PYTORCH_ALLOC_CONF", "PYTORCH_CUDA_ALLOC_CONF", "PYTORCH_HIP_ALLOC_CONF"];

/// What is done with each variable.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Environment {
    /// Set by the library, with its value.
    pub set: BTreeMap<String, String>,
    /// Already set by the program or its user, with its value, which is kept.
    pub kept: BTreeMap<String, String>,
    /// Not set, with the reason.
    pub skipped: BTreeMap<String, String>,
}

/// Inputs of the decision.
#[derive(Clone, Copy, Debug)]
pub struct EnvironmentInputs<'a> {
    /// Which GPU library is about to be loaded; none for the CPU.
    pub vendor: Option<Vendor>,
    /// The machine.
    pub probe: &'a Probe,
    /// Whether convolutions are computed channels last.
    pub channels_last: bool,
    /// Share of the GPU's memory that the process may take.
    pub memory_fraction: f64,
}

/// Decides for each variable; `current` gives values that are already set.
pub fn plan_environment(
    tuning: RocmTuning,
    inputs: EnvironmentInputs,
    current: impl Fn(&str) -> Option<String>,
) -> Environment {
    let mut plan = Environment::default();
    let channels_last = CHANNELS_LAST_VARIABLES.iter().filter(|_| tuning != RocmTuning::Reference);
    for (name, value) in REFERENCE_VARIABLES.iter().chain(channels_last) {
        let name = name.to_string();
        if let Some(present) = current(&name) {
            plan.kept.insert(name, present);
            continue;
        }
        match skip_reason(&name, tuning, inputs) {
            Some(reason) => plan.skipped.insert(name, reason),
            None => plan.set.insert(name, value.to_string()),
        };
    }
    let present = ALLOCATOR_VARIABLES.iter().find_map(|name| Some((name.to_string(), current(name)?)));
    if let Some((name, value)) = present {
        plan.kept.insert(name, value);
    } else if inputs.vendor.is_some() && inputs.memory_fraction < 1.0 {
        let value = format!("per_process_memory_fraction:{}", inputs.memory_fraction);
        plan.set.insert(ALLOCATOR_VARIABLES[0].to_string(), value);
    }
    plan
}

/// Why a variable is not set, if so.
fn skip_reason(name: &str, tuning: RocmTuning, inputs: EnvironmentInputs) -> Option<String> {
    match inputs.vendor {
        Some(Vendor::Amd) => {}
        Some(vendor) => return Some(format!("the device is {}", vendor.device_name())),
        None => return Some("the device is cpu".into()),
    }
    match tuning {
        RocmTuning::Reference => return None,
        RocmTuning::Off => return Some("tuning is off".into()),
        RocmTuning::Auto => {}
    }
    // An integrated GPU that is not used must not decide for the card beside it.
    let targets =
        || inputs.probe.gpus_of(Vendor::Amd).filter(|gpu| gpu.architecture.is_some_and(|found| found.is_rocm_target()));
    match name {
        "HSA_OVERRIDE_GFX_VERSION" => Some(match targets().next() {
            Some(gpu) => format!("ROCm supports {} as it is", architecture(gpu)),
            None => "kernels of another GPU may fail or compute wrongly on this one".into(),
        }),
        "HSA_LARGE_BAR" | "ROC_ENABLE_LARGE_BAR" | "HSA_FORCE_FINE_GRAIN_PCIE" | "HIP_FORCE_DEV_KERNARG" => {
            if targets().next().is_none() {
                return Some("no GPU that ROCm supports was found to have a large BAR".into());
            }
            targets().find_map(|gpu| match gpu.has_large_bar() {
                Some(true) => None,
                Some(false) => Some(format!("the processor does not reach all memory of the GPU at {}", gpu.address)),
                None => Some(format!("how much of its memory the GPU at {} shows is unknown", gpu.address)),
            })
        }
        "HSA_ENABLE_INTERRUPT" => {
            let cpu = &inputs.probe.cpu;
            let processors = match (cpu.threads, cpu.container_limit) {
                (Some(threads), Some(limit)) => Some(limit.min(threads as f64)),
                (threads, limit) => limit.or(threads.map(|threads| threads as f64)),
            };
            match processors {
                Some(processors) if processors >= MIN_PROCESSORS_TO_POLL => None,
                Some(processors) => Some(format!("polling would keep one of {processors} processors busy")),
                None => Some("the number of processors is unknown, and polling keeps one busy".into()),
            }
        }
        "PYTORCH_MIOPEN_SUGGEST_NHWC" | "PYTORCH_MIOPEN_SUGGEST_NHWC_BATCHNORM" if !inputs.channels_last => {
            Some("channels_last is off".into())
        }
        _ => None,
    }
}

fn architecture(gpu: &Gpu) -> String {
    gpu.architecture.map(|architecture| architecture.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machines::machine;

    fn plan(tuning: RocmTuning, vendor: Option<Vendor>, name: &str, set: &[(&str, &str)]) -> Environment {
        let probe = machine(name);
        let inputs = EnvironmentInputs { vendor, probe: &probe, channels_last: true, memory_fraction: 1.0 };
        plan_environment(tuning, inputs, |name| {
            set.iter().find(|(known, _)| *known == name).map(|(_, value)| value.to_string())
        })
    }

    #[test]
    fn reference_tuning_sets_all_variables_unless_set_by_host() {
        let all = plan(RocmTuning::Reference, Some(Vendor::Amd), "rx-7900-xtx", &[]);
        let expected = REFERENCE_VARIABLES.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        assert_eq!(all, Environment { set: expected, ..Environment::default() });

        let kept = plan(RocmTuning::Reference, Some(Vendor::Amd), "rx-7900-xtx", &[("HSA_LARGE_BAR", "0")]);
        assert_eq!(kept.set.len(), 9);
        assert_eq!(kept.kept, BTreeMap::from([("HSA_LARGE_BAR".to_string(), "0".to_string())]));
    }

    #[test]
    fn automatic_tuning_by_gpu() {
        const BAR: [&str; 4] =
            ["HSA_LARGE_BAR", "ROC_ENABLE_LARGE_BAR", "HSA_FORCE_FINE_GRAIN_PCIE", "HIP_FORCE_DEV_KERNARG"];
        for (name, large_bar) in
            [("rx-7900-xtx", true), ("mi300x", true), ("workstation", false), ("integrated-amd", false)]
        {
            let plan = plan(RocmTuning::Auto, Some(Vendor::Amd), name, &[]);
            assert!(plan.skipped.contains_key("HSA_OVERRIDE_GFX_VERSION"), "{name}");
            for variable in BAR {
                assert_eq!(plan.set.contains_key(variable), large_bar, "{name} {variable}");
            }
            for (variable, value) in CHANNELS_LAST_VARIABLES {
                assert_eq!(plan.set[variable], value, "{name}");
            }
            assert_eq!(plan.set["HSA_ENABLE_INTERRUPT"], "0", "{name}");
        }
        let polling = plan(RocmTuning::Auto, Some(Vendor::Amd), "container", &[]);
        assert!(polling.skipped["HSA_ENABLE_INTERRUPT"].contains("1.5"), "{polling:?}");
    }

    #[test]
    fn nothing_is_set_on_other_devices_or_when_off() {
        for (tuning, vendor) in [
            (RocmTuning::Reference, None),
            (RocmTuning::Auto, Some(Vendor::Nvidia)),
            (RocmTuning::Off, Some(Vendor::Amd)),
        ] {
            let plan = plan(tuning, vendor, "workstation", &[]);
            assert!(plan.set.is_empty(), "{plan:?}");
            assert!(plan.skipped.len() >= 10);
        }
    }

    #[test]
    fn layout_and_allocator_variables() {
        let probe = machine("rx-7900-xtx");
        let inputs =
            EnvironmentInputs { vendor: Some(Vendor::Amd), probe: &probe, channels_last: false, memory_fraction: 0.85 };
        let plan = plan_environment(RocmTuning::Auto, inputs, |_| None);
        assert_eq!(plan.skipped["PYTORCH_MIOPEN_SUGGEST_NHWC"], "channels_last is off");
        assert_eq!(plan.set["PYTORCH_ALLOC_CONF"], "per_process_memory_fraction:0.85");
        let kept = plan_environment(RocmTuning::Auto, inputs, |name| {
            (name == "PYTORCH_HIP_ALLOC_CONF").then(|| "expandable_segments:True".into())
        });
        assert!(!kept.set.contains_key("PYTORCH_ALLOC_CONF"));
        assert_eq!(kept.kept["PYTORCH_HIP_ALLOC_CONF"], "expandable_segments:True");
    }
}
