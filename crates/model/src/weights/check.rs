//! Check of a file's tensors against the layout.

use super::names::Report;
use super::tensor::TensorData;
use crate::LAYOUT;
use lens_base::{Error, Result};
use std::collections::HashMap;

/// Names of each kind that a message lists.
const MAX_LISTED_NAMES: usize = 5;

/// Fails for missing, misshapen or extra parameters; a dropped head is not missing.
pub fn check_parameters(parameters: &[(String, TensorData)], report: &Report) -> Result<()> {
    let mut left: HashMap<&str, &TensorData> = parameters.iter().map(|(name, data)| (name.as_str(), data)).collect();
    let (mut missing, mut misshapen) = (Vec::new(), Vec::new());
    for spec in LAYOUT.parameters() {
        match left.remove(spec.name.as_str()) {
            Some(tensor) if tensor.shape() == spec.shape => (),
            Some(tensor) => misshapen.push(format!("{} is {:?}, not {:?}", spec.name, tensor.shape(), spec.shape)),
            None if report.dropped.iter().any(|(name, _)| *name == spec.name) => (),
            None => missing.push(spec.name.clone()),
        }
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
    let ignored = match report.ignored.first() {
        Some(name) => format!("; {} no plain tensor: {}", report.ignored.len(), name.escape_debug()),
        None => String::new(),
    };
    Err(Error::format(format!(
        "not a DenseNet-121 with one output (torchvision's parameter names): {}{ignored}",
        problems.join("; ")
    )))
}
