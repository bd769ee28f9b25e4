//! Environment variables for a GPU's runtime, set before its library is loaded.

use crate::torch::TorchLibrary;
use lens_base::Result;
use lens_engine::policy::RocmTuning;
use lens_engine::rocm::{Environment, EnvironmentInputs, plan_environment};
use lens_system::fork::Mutex;
use once_cell::race::OnceBox;
use std::collections::BTreeMap;

/// Variables set by this library in this process, so that later contexts do not take them for the embedding program's.
static SET: OnceBox<Mutex<BTreeMap<String, String>>> = OnceBox::new();

/// Decides from the process's environment and, with the library of a GPU, sets variables that are not set yet.
pub fn prepare_environment(
    tuning: RocmTuning,
    inputs: EnvironmentInputs,
    library: Option<&TorchLibrary>,
) -> Result<Environment> {
    let mut ours = SET.get_or_init(Box::default).lock();
    let current = |name: &str| match std::env::var_os(name) {
        Some(value) => {
            let value = value.to_string_lossy().into_owned();
            (ours.get(name) != Some(&value)).then_some(value)
        }
        None => None,
    };
    let mut plan = plan_environment(tuning, inputs, current);
    let mut new = BTreeMap::new();
    for (name, value) in &mut plan.set {
        match ours.get(name) {
            // Set for an earlier context; the runtime has read it and would not read another.
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
