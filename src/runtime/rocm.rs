//! Environment variables for the AMD runtime, which reads them once, when it is loaded.

use super::policy::RocmTuning;
use serde::Serialize;
use std::collections::BTreeMap;

/// The reference pipeline's variables and values.
const REFERENCE: [(&str, &str); 10] = [
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

/// What happens to each variable.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Environment {
    /// Set by the library, with its value.
    pub set: BTreeMap<String, String>,
    /// Found already set, with the value that was left in place.
    pub kept: BTreeMap<String, String>,
    /// Left out, with the reason.
    pub skipped: BTreeMap<String, String>,
}

/// Decides for the device that was chosen; `current` tells what is set already.
pub fn plan_environment(tuning: RocmTuning, device: &str, current: impl Fn(&str) -> Option<String>) -> Environment {
    let mut plan = Environment::default();
    for (name, value) in REFERENCE {
        let name = name.to_string();
        if let Some(present) = current(&name) {
            plan.kept.insert(name, present);
        } else if device != "rocm" {
            plan.skipped.insert(name, format!("the device is {device}"));
        } else {
            match tuning {
                RocmTuning::Off => plan.skipped.insert(name, "tuning is off".into()),
                // Setting this one to another generation than the GPU's makes its kernels fail.
                RocmTuning::Auto if name == "HSA_OVERRIDE_GFX_VERSION" => {
                    plan.skipped.insert(name, "not known to be needed by this GPU".into())
                }
                RocmTuning::Auto | RocmTuning::Reference => plan.set.insert(name, value.into()),
            };
        }
    }
    plan
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reference_sets_all_ten_and_never_overrides_the_host() {
        let plan =
            plan_environment(RocmTuning::Reference, "rocm", |name| (name == "HSA_LARGE_BAR").then(|| "0".to_string()));
        assert_eq!(plan.set.len(), 9);
        assert_eq!(plan.set["HSA_OVERRIDE_GFX_VERSION"], "11.0.3");
        assert_eq!(plan.kept, BTreeMap::from([("HSA_LARGE_BAR".to_string(), "0".to_string())]));
    }

    #[test]
    fn nothing_is_set_on_other_devices_or_when_off() {
        for (tuning, device) in [(RocmTuning::Reference, "cpu"), (RocmTuning::Off, "rocm")] {
            let plan = plan_environment(tuning, device, |_| None);
            assert!(plan.set.is_empty());
            assert_eq!(plan.skipped.len(), 10);
        }
    }
}
