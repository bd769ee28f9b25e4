//! Check of a file's tensors against the layout.

use super::names::NamedTensors;
use super::tensor::TensorData;
use crate::{LAYOUT, Role};
use lens_base::{Error, Result};
use std::collections::HashMap;

/// Names of each kind that a message lists.
const MAX_LISTED_NAMES: usize = 5;

/// Fails for missing, misshapen or extra parameters. The head may have any number of outputs, and the first convolution one
/// channel.
pub fn check_parameters(named: &NamedTensors) -> Result<()> {
    let mut left: HashMap<&str, &TensorData> = named.tensors.iter().map(|(name, data)| (name.as_str(), data)).collect();
    let (mut missing, mut misshapen) = (Vec::new(), Vec::new());
    let outputs = named.outputs().unwrap_or(1).max(1);
    for (index, spec) in LAYOUT.parameters().iter().enumerate() {
        let mut shape = spec.shape.clone();
        if [Role::HeadWeight, Role::HeadBias].contains(&spec.role) {
            shape[0] = outputs;
        }
        match left.remove(spec.name.as_str()).map(TensorData::shape) {
            Some(found) if found == shape => (),
            Some(found) if index == LAYOUT.stem && found == single_channel(&shape) => (),
            Some(found) => misshapen.push(format!("{} is {found:?}, not {shape:?}", spec.name)),
            None => missing.push(spec.name.clone()),
        }
    }
    if let Some(found) = named.thresholds.as_ref().map(TensorData::shape)
        && found != [outputs]
    {
        misshapen.push(format!("op_threshs is {found:?}, not {:?}", [outputs]));
    }
    for name in LAYOUT.batch_counts() {
        left.remove(name.as_str());
    }
    let mut extra: Vec<String> = left.into_keys().map(|name| name.escape_debug().to_string()).collect();
    extra.sort_unstable();
    let mut problems = Vec::new();
    for (kind, names) in [("missing", missing), ("misshapen", misshapen), ("extra", extra)] {
        if !names.is_empty() {
            let more = if names.len() > MAX_LISTED_NAMES { ", ..." } else { "" };
            problems.push(format!(
                "{} {kind}: {}{more}",
                names.len(),
                names[..names.len().min(MAX_LISTED_NAMES)].join(", ")
            ));
        }
    }
    if problems.is_empty() {
        return Ok(());
    }
    let ignored = match named.others.first() {
        Some(name) => format!("; {} no plain tensor: {}", named.others.len(), name.escape_debug()),
        None => String::new(),
    };
    Err(Error::format(format!(
        "not a DenseNet-121 (torchvision's parameter names{}): {}{ignored}",
        match named.prefix.as_str() {
            "" => String::new(),
            prefix => format!(" behind {}", prefix.escape_debug()),
        },
        problems.join("; ")
    )))
}

/// A convolution's shape with one input channel.
fn single_channel(shape: &[usize]) -> Vec<usize> {
    let mut shape = shape.to_vec();
    shape[1] = 1;
    shape
}
