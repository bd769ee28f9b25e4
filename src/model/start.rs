//! Networks with the parameters of a file.

use super::densenet::DenseNet;
use super::initial::initial_value;
use super::layout::{LAYOUT, ParameterSpec};
use super::weights::{self, Report, TensorData, check_parameters, densenet_parameters};
use crate::error::{Error, Result};
use std::collections::HashMap;
use tch::{Device, Tensor};

/// A network to train from: a file's parameters, and a head as `seed` gives it when the file's has other outputs.
pub fn start_network(bytes: &[u8], seed: u64, device: Device) -> Result<(DenseNet<Tensor>, Report)> {
    let (parameters, report) = densenet_parameters(weights::read(bytes)?)?;
    check_parameters(&parameters, &report)?;
    let network = network_of(&parameters, device, |spec| {
        let index = LAYOUT.parameters().iter().position(|other| other == spec);
        let index = index.ok_or_else(|| Error::internal(format!("{} is no parameter", spec.name)))?;
        Ok(initial_value(spec, index, seed))
    })?;
    Ok((network, report))
}

/// A network with parameters that were checked; `absent` gives those that are not there.
pub(super) fn network_of(
    parameters: &[(String, TensorData)],
    device: Device,
    absent: impl Fn(&ParameterSpec) -> Result<Tensor>,
) -> Result<DenseNet<Tensor>> {
    let parameters: HashMap<&str, &TensorData> =
        parameters.iter().map(|(name, tensor)| (name.as_str(), tensor)).collect();
    DenseNet::from_parameters(|spec| {
        let tensor = match parameters.get(spec.name.as_str()) {
            Some(data) => {
                let values = data.values().map_err(|error| error.prefixed(&spec.name))?;
                if !values.iter().all(|value| value.is_finite()) {
                    return Err(Error::format(format!("{} has values that are not finite", spec.name)));
                }
                Tensor::f_from_slice(&values)?.f_view(&spec.shape[..])?
            }
            None => absent(spec)?,
        };
        Ok(tensor.f_to_device(device)?)
    })
}
