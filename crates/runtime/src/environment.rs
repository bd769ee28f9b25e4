//! Environment variables for a GPU's runtime, set before its library is loaded.

use crate::torch::TorchLibrary;
use lens_base::Result;
use lens_engine::policy::RocmTuning;
use lens_engine::rocm::{Environment, Surroundings, plan_environment};
use parking_lot::Mutex;
use std::collections::BTreeMap;

/// What this library has set in this process. A later context finds it there, and it is still not the host's.
static SET: Mutex<BTreeMap<String, String>> = Mutex::new(BTreeMap::new());

/// Plans from the process's environment and, with a library that a GPU is to be used through, sets what the plan says,
/// never over a value that is there.
pub fn prepare_environment(
    tuning: RocmTuning,
    surroundings: Surroundings,
    library: Option<&TorchLibrary>,
) -> Result<Environment> {
    let mut ours = SET.lock();
    let current = |name: &str| match std::env::var_os(name) {
        Some(value) => {
            let value = value.to_string_lossy().into_owned();
            (ours.get(name) != Some(&value)).then_some(value)
        }
        None => None,
    };
    let mut plan = plan_environment(tuning, surroundings, current);
    let mut new = BTreeMap::new();
    for (name, value) in &mut plan.set {
        match ours.get(name) {
            // Of an earlier context; the runtime has read it, and would not see another.
            Some(present) => value.clone_from(present),
            None => {
                new.insert(name.clone(), value.clone());
            }
        }
    }
    if let Some(library) = library
        && !new.is_empty()
    {
        library.set_environment(&new)?;
        ours.extend(new);
    }
    Ok(plan)
}
