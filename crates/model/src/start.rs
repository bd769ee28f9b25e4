//! Parameters from files.

use super::initial::initial_value;
use super::layout::{LAYOUT, ParameterSpec};
use super::parameters::Parameters;
use super::weights::{self, Report, TensorData, check_parameters, densenet_parameters};
use lens_base::{Error, Result};
use std::collections::HashMap;

/// Parameters to train from: a file's, with a head initialised from `seed` if the file's has other outputs.
pub fn start_parameters(bytes: &[u8], seed: u64) -> Result<(Parameters, Report)> {
    let (parameters, report) = densenet_parameters(weights::read(bytes)?)?;
    check_parameters(&parameters, &report)?;
    let parameters = collect_parameters(&parameters, |index, spec| Ok(initial_value(spec, index, seed)))?;
    Ok((parameters, report))
}

/// Collects checked parameters; `absent` gives those that are missing.
pub(super) fn collect_parameters(
    parameters: &[(String, TensorData)],
    absent: impl Fn(usize, &ParameterSpec) -> Result<Vec<f32>>,
) -> Result<Parameters> {
    let parameters: HashMap<&str, &TensorData> =
        parameters.iter().map(|(name, tensor)| (name.as_str(), tensor)).collect();
    let mut collected = Parameters::zeroed()?;
    for (index, spec) in LAYOUT.parameters().iter().enumerate() {
        let target = collected.of_mut(index);
        let Some(data) = parameters.get(spec.name.as_str()) else {
            target.copy_from_slice(&absent(index, spec)?);
            continue;
        };
        data.copy_to(target).map_err(|error| error.prefixed(&spec.name))?;
        if !target.iter().all(|value| value.is_finite()) {
            return Err(Error::format(format!("{} has values that are not finite", spec.name)));
        }
    }
    Ok(collected)
}
