//! Parameters from files.

use super::initial::initial_value;
use super::layout::LAYOUT;
use super::parameters::Parameters;
use super::weights::{
    self, Head, ImportRecord, NamedTensors, Outputs, Program, StateDict, TensorData, WeightsOptions, check_parameters,
    densenet_tensors,
};
use lens_base::{Error, Result};
use std::collections::HashMap;

/// Said of a first convolution that had one channel.
const CHANNELS_FROM_ONE: &str = "a third of its one channel for each of red, green and blue: gray images give what they gave, coloured ones what the \
     mean of their channels gave";

/// Parameters made from a file's.
#[derive(Debug)]
pub struct ImportedParameters {
    /// In the form of this library.
    pub parameters: Parameters,
    /// What was done; its normalisation is left to those who know the preprocessing.
    pub record: ImportRecord,
    /// The program that the file comes from.
    pub program: Program,
    /// The threshold of the positive class, if the file has one.
    pub threshold: Option<f32>,
}

/// Parameters to train from: a file's. A head with several outputs of which `options` say nothing gives way to one initialised
/// from `seed`.
pub fn start_parameters(bytes: &[u8], options: &WeightsOptions, seed: u64) -> Result<ImportedParameters> {
    read_parameters(weights::read(bytes)?, options, Some(seed))
}

/// Parameters made from a file's tensors; `seed`: as for `start_parameters`, none: the head must become one logit.
pub(super) fn read_parameters(
    state: StateDict<'_>,
    options: &WeightsOptions,
    seed: Option<u64>,
) -> Result<ImportedParameters> {
    let named = densenet_tensors(state)?;
    check_parameters(&named)?;
    let thresholds = match &named.thresholds {
        Some(thresholds) => thresholds.values().map_err(|error| error.prefixed("op_threshs"))?,
        None => Vec::new(),
    };
    let head = Head { program: named.program, outputs: named.outputs().unwrap_or(1), thresholds: &thresholds };
    let (outputs, head) = match seed {
        Some(_) if head.outputs > 1 && !options.name_head() => head.left_out(),
        _ => head.resolve(options)?,
    };
    let threshold = match (outputs, thresholds.is_empty()) {
        (Outputs::Row(row), false) => Some(thresholds[row]),
        _ => None,
    };
    if let Some(threshold) = threshold.filter(|threshold| !(0.0..=1.0).contains(threshold)) {
        return Err(Error::format(format!("op_threshs has {threshold}; it must be 0 to 1")));
    }
    let (parameters, from_one_channel) = collect(&named, outputs, seed.unwrap_or(0))?;
    let record = ImportRecord {
        program: named.program.name().to_string(),
        prefix: named.prefix,
        renamed: named.renamed,
        first_convolution: from_one_channel.then(|| CHANNELS_FROM_ONE.to_string()),
        head,
        normalisation: String::new(),
        threshold: threshold.map(|threshold| format!("{threshold}, the positive class's op_threshs")),
        left_out: named.others,
    };
    Ok(ImportedParameters { parameters, record, program: named.program, threshold })
}

/// Collects checked parameters; whether the first convolution had one channel.
fn collect(named: &NamedTensors, outputs: Outputs, seed: u64) -> Result<(Parameters, bool)> {
    let tensors: HashMap<&str, &TensorData> = named.tensors.iter().map(|(name, data)| (name.as_str(), data)).collect();
    let mut collected = Parameters::zeroed()?;
    let mut from_one_channel = false;
    for (index, spec) in LAYOUT.parameters().iter().enumerate() {
        let target = collected.of_mut(index);
        let data =
            tensors.get(spec.name.as_str()).ok_or_else(|| Error::internal(format!("{} is missing", spec.name)))?;
        let copied = if index == LAYOUT.head_weight || index == LAYOUT.head_bias {
            match outputs {
                Outputs::Row(row) => data.row(row).copy_to(target),
                Outputs::Difference(positive, negative) => difference(data, positive, negative, target),
                Outputs::Random => {
                    target.copy_from_slice(&initial_value(spec, index, seed));
                    Ok(())
                }
            }
        } else if data.shape() == spec.shape {
            data.copy_to(target)
        } else {
            from_one_channel = true;
            repeat_channel(data, spec.shape[1], target)
        };
        copied.map_err(|error| error.prefixed(&spec.name))?;
        if !target.iter().all(|value| value.is_finite()) {
            return Err(Error::format(format!("{} has values that are not finite", spec.name)));
        }
    }
    Ok((collected, from_one_channel))
}

/// One row minus another.
fn difference(data: &TensorData, positive: usize, negative: usize, target: &mut [f32]) -> Result<()> {
    let mut other = vec![0.0; target.len()];
    data.row(positive).copy_to(target)?;
    data.row(negative).copy_to(&mut other)?;
    target.iter_mut().zip(other).for_each(|(value, other)| *value -= other);
    Ok(())
}

/// A convolution's one channel for each of several equal ones.
fn repeat_channel(data: &TensorData, channels: usize, target: &mut [f32]) -> Result<()> {
    let area: usize = data.shape()[2..].iter().product();
    for (kernel, value) in target.chunks_exact_mut(channels * area).zip(data.values()?.chunks_exact(area)) {
        for channel in kernel.chunks_exact_mut(area) {
            channel.iter_mut().zip(value).for_each(|(target, value)| *target = value / channels as f32);
        }
    }
    Ok(())
}
