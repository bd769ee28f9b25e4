//! A trained model and its file: safetensors, with everything but the weights in the metadata.

use super::calibration::{StoredOperatingPoint, TemperatureRecord, check_temperature};
use super::compiled::{self, Compiled};
use super::densenet::DenseNet;
use super::layout::LAYOUT;
use super::ranges::ActivationRanges;
use super::start::network_of;
use super::weights::{self, METADATA_KEY, check_parameters, densenet_parameters};
use crate::data::Preprocessing;
use crate::error::{Error, ErrorKind, Result};
use crate::runtime::{Context, SharedTensor, TORCH, catch, float_bytes, sha256_hex, write_atomically};
use once_cell::sync::OnceCell;
use safetensors::tensor::{Dtype, TensorView};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::any::Any;
use std::collections::HashMap;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tch::Device;

/// File format of a saved model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileFormat {
    /// safetensors.
    Safetensors,
    /// ONNX.
    Onnx,
    /// TorchScript.
    TorchScript,
}

/// Everything of a model but its weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Metadata {
    /// Version of this record.
    version: u32,
    /// What is done to an image before the network.
    pub preprocessing: Preprocessing,
    /// Probability above which an image is called positive.
    pub threshold: f32,
    /// How it was trained, when it was trained here.
    pub training: Option<Value>,
    /// What the network's output is divided by.
    #[serde(default = "uncalibrated")]
    pub temperature: f64,
    /// Where the temperature comes from, when it was fitted.
    #[serde(default)]
    pub temperature_record: Option<TemperatureRecord>,
    /// Where the threshold comes from, when it was chosen on a data set.
    #[serde(default)]
    pub operating_point: Option<StoredOperatingPoint>,
    /// How large activations become: with them processors that can compute the model's convolutions in 8 bits do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activation_ranges: Option<ActivationRanges>,
}

/// Until version 2 there was no temperature.
fn uncalibrated() -> f64 {
    1.0
}

/// The version of `Metadata` that is written, and the highest that is read.
const METADATA_VERSION: u32 = 2;

impl Default for Metadata {
    fn default() -> Self {
        Metadata::new(Preprocessing::default(), 0.5)
    }
}

impl Metadata {
    /// Of a model without a training record.
    pub fn new(preprocessing: Preprocessing, threshold: f32) -> Self {
        Metadata {
            version: METADATA_VERSION,
            preprocessing,
            threshold,
            training: None,
            temperature: uncalibrated(),
            temperature_record: None,
            operating_point: None,
            activation_ranges: None,
        }
    }

    /// Refuses what cannot work.
    pub fn check(&self) -> Result<()> {
        self.preprocessing.check()?;
        check_threshold(self.threshold)?;
        check_temperature(self.temperature)
    }
}

/// Refuses what is no probability.
pub(crate) fn check_threshold(threshold: f32) -> Result<()> {
    if (0.0..=1.0).contains(&threshold) {
        return Ok(());
    }
    Err(Error::argument(format!("threshold {threshold} is not in 0..1")))
}

/// A trained classifier.
#[derive(Debug)]
pub struct Model {
    context: Arc<Context>,
    network: Arc<DenseNet<SharedTensor>>,
    metadata: Metadata,
    sha256: String,
    file_sha256: Option<String>,
    /// Of the network, so that models that differ in their metadata alone share it.
    extension: Arc<Extension>,
    fallen_back: Arc<AtomicBool>,
    compiled: Option<Arc<Compiled>>,
}

/// What another room keeps with a model.
#[derive(Default)]
struct Extension(OnceCell<Box<dyn Any + Send + Sync>>);

impl std::fmt::Debug for Extension {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(if self.0.get().is_some() { "Extension" } else { "None" })
    }
}

impl Model {
    /// From a network; its weights are taken as they are.
    pub fn new(context: &Arc<Context>, network: DenseNet<SharedTensor>, metadata: Metadata) -> Result<Self> {
        let sha256 = hash_of(&network)?;
        let network = if context.policy().channels_last.value { network } else { network.row_by_row() };
        Ok(Model {
            context: Arc::clone(context),
            network: Arc::new(network),
            metadata,
            sha256,
            file_sha256: None,
            extension: Arc::default(),
            fallen_back: Arc::default(),
            compiled: None,
        })
    }

    /// What computes its logits: the compiled network that its file brought, or else what computes everything.
    pub fn engine(&self) -> &'static str {
        self.compiled.as_ref().map_or_else(|| self.network_engine(), |compiled| compiled.engine)
    }

    /// The compiled network that its file brought, if it did and may be used.
    pub fn compiled(&self) -> Option<&Compiled> {
        self.compiled.as_deref()
    }

    /// What computes the network from its weights: the context's engine, unless that was found not to give what libtorch
    /// gives.
    pub fn network_engine(&self) -> &'static str {
        match self.fallen_back.load(Ordering::Relaxed) {
            true => TORCH,
            false if self.activation_ranges().is_some() => "plan-avx512-int8",
            false => self.context.policy().engine.value,
        }
    }

    /// With what its convolutions are computed in 8 bits, when they are.
    pub(crate) fn activation_ranges(&self) -> Option<&ActivationRanges> {
        self.metadata.activation_ranges.as_ref().filter(|_| self.context.policy().int8.value)
    }

    /// From now on libtorch computes it.
    pub(crate) fn fall_back_to_torch(&self) {
        self.fallen_back.store(true, Ordering::Relaxed);
    }

    /// What the room above that classifies has made of it, made when it is asked for first: it lives as long as the model,
    /// which knows nothing about it.
    pub(crate) fn extension<T: Any + Send + Sync>(&self, make: impl FnOnce() -> T) -> &T {
        let kept = self.extension.0.get_or_init(|| Box::new(make()));
        kept.downcast_ref().expect("one room keeps one type")
    }

    /// The context it computes in.
    pub fn context(&self) -> &Arc<Context> {
        &self.context
    }

    /// The network.
    pub fn network(&self) -> &DenseNet<SharedTensor> {
        &self.network
    }

    /// What is done to an image before the network.
    pub fn preprocessing(&self) -> &Preprocessing {
        &self.metadata.preprocessing
    }

    /// Probability above which an image is called positive.
    pub fn threshold(&self) -> f32 {
        self.metadata.threshold
    }

    /// What the network's output is divided by; 1 without calibration.
    pub fn temperature(&self) -> f64 {
        self.metadata.temperature
    }

    /// Everything but the weights.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// The same weights with other metadata.
    pub fn with_metadata(&self, metadata: Metadata) -> Result<Self> {
        metadata.check()?;
        Ok(Model {
            context: Arc::clone(&self.context),
            network: Arc::clone(&self.network),
            metadata,
            sha256: self.sha256.clone(),
            file_sha256: None,
            extension: Arc::clone(&self.extension),
            fallen_back: Arc::clone(&self.fallen_back),
            compiled: self.compiled.clone(),
        })
    }

    /// SHA-256 of the weights.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// The same with a training record, which names the hash of the weights.
    pub fn with_training_record(mut self, record: impl FnOnce(&str) -> Value) -> Self {
        self.metadata.training = Some(record(&self.sha256));
        self
    }

    /// Reads a file.
    pub fn load(context: &Arc<Context>, path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(|error| Error::io("read model", path, &error))?;
        context.enter();
        let opened = catch(|| match compiled::open(context, path, &bytes)? {
            Some(opened) => Ok((opened.network, opened.metadata, opened.compiled)),
            None => parse(&bytes, context.device()).map(|(network, metadata)| (network, metadata, None)),
        });
        let (network, metadata, compiled) = opened.map_err(|error| error.prefixed(&path.display().to_string()))?;
        let mut model = Model::new(context, network, metadata)?;
        model.compiled = compiled.map(Arc::new);
        model.file_sha256 = Some(sha256_hex([&bytes]));
        Ok(model)
    }

    /// Writes a file.
    pub fn save(&self, path: &Path, format: FileFormat) -> Result<()> {
        let bytes = match format {
            FileFormat::Safetensors => self.to_safetensors()?,
            FileFormat::Onnx => self.to_onnx()?,
            FileFormat::TorchScript => self.to_torchscript(false)?,
        };
        write_atomically(path, |file| file.write_all(&bytes))
    }

    fn to_safetensors(&self) -> Result<Vec<u8>> {
        let mut values: Vec<(String, Vec<usize>, Dtype, Vec<u8>)> = Vec::new();
        for (spec, tensor) in LAYOUT.parameters().iter().zip(self.network.parameters()) {
            let shape = spec.shape.iter().map(|side| *side as usize).collect();
            values.push((spec.name.clone(), shape, Dtype::F32, float_bytes(tensor)?));
        }
        // torchvision refuses a file without them; nothing is computed from them.
        for name in LAYOUT.batch_counts() {
            values.push((name, vec![], Dtype::I64, 0i64.to_le_bytes().to_vec()));
        }
        let internal =
            |error: safetensors::SafeTensorError| Error::internal(format!("cannot lay out the file: {error}"));
        let views = values
            .iter()
            .map(|(name, shape, kind, bytes)| {
                TensorView::new(*kind, shape.clone(), bytes).map(|view| (name.as_str(), view)).map_err(internal)
            })
            .collect::<Result<Vec<_>>>()?;
        let metadata = HashMap::from([(METADATA_KEY.to_string(), self.metadata_text()?)]);
        safetensors::serialize(views, Some(metadata)).map_err(internal)
    }

    /// Everything but the weights, as files hold it.
    pub(super) fn metadata_text(&self) -> Result<String> {
        serde_json::to_string(&self.metadata)
            .map_err(|error| Error::internal(format!("cannot write metadata: {error}")))
    }

    /// Architecture, hashes, preprocessing, temperature, threshold, and where each comes from.
    pub fn describe(&self) -> Value {
        json!({
            "schema": { "name": "lesionlens.model", "version": 1 },
            "library": env!("CARGO_PKG_VERSION"),
            "abi": crate::ABI_VERSION,
            "architecture": "densenet121",
            "parameters": LAYOUT.trained_count(),
            "model_sha256": self.sha256,
            "file_sha256": self.file_sha256,
            "engine": self.engine(),
            "preprocessing": {
                "channels": 3,
                "range": [0, 1],
                "resize": "antialiased bilinear",
                "image_size": self.metadata.preprocessing.image_size,
                "mean": self.metadata.preprocessing.mean,
                "standard_deviation": self.metadata.preprocessing.standard_deviation,
            },
            "temperature": self.metadata.temperature,
            "temperature_record": self.metadata.temperature_record,
            "threshold": self.metadata.threshold,
            "operating_point": self.metadata.operating_point,
            "int8": self.metadata.activation_ranges.is_some(),
            "training": self.metadata.training,
        })
    }
}

/// Over name, shape and values of every parameter, in order of the names.
fn hash_of(network: &DenseNet<SharedTensor>) -> Result<String> {
    let mut parts: Vec<_> = LAYOUT.parameters().iter().zip(network.parameters()).collect();
    parts.sort_by_key(|(spec, _)| &spec.name);
    let mut bytes = Vec::new();
    for (spec, tensor) in parts {
        bytes.push(format!("{} {:?}\n", spec.name, spec.shape).into_bytes());
        bytes.push(float_bytes(tensor)?);
    }
    Ok(sha256_hex(bytes))
}

/// The network and everything else of a file of weights.
pub(super) fn parse(bytes: &[u8], device: Device) -> Result<(DenseNet<SharedTensor>, Metadata)> {
    let state = weights::read(bytes)?;
    let metadata = match state.metadata.get(METADATA_KEY) {
        Some(text) => parse_metadata(text)?,
        None => Metadata::default(),
    };
    let (parameters, report) = densenet_parameters(state)?;
    if let Some((name, shape)) = report.dropped.first() {
        return Err(Error::format(format!("{name} is {shape:?}: no model with one output; it can be trained from")));
    }
    check_parameters(&parameters, &report)?;
    let network = network_of(&parameters, device, |spec| Err(Error::internal(format!("{} is missing", spec.name))))?;
    Ok((network.frozen(), metadata))
}

fn parse_metadata(text: &str) -> Result<Metadata> {
    let broken = |reason: String| Error::format(format!("its lesionlens metadata is broken: {reason}"));
    let value: Value = serde_json::from_str(text).map_err(|error| broken(error.to_string()))?;
    if let Some(version) = value["version"].as_u64()
        && version > u64::from(METADATA_VERSION)
    {
        return Err(Error::new(
            ErrorKind::Version,
            format!(
                "its metadata has version {version}; version {} of the library reads up to {METADATA_VERSION}: install a \
                 newer one",
                env!("CARGO_PKG_VERSION")
            ),
        ));
    }
    let mut metadata: Metadata = serde_json::from_value(value).map_err(|error| broken(error.to_string()))?;
    metadata.version = METADATA_VERSION;
    metadata.check().map_err(|error| broken(error.message().to_string()))?;
    Ok(metadata)
}

#[cfg(test)]
mod tests {
    use super::super::calibration::{CalibrationData, OperatingPoint, OperatingRule, Rate};
    use super::*;
    use crate::runtime::ContextOptions;

    fn model() -> Model {
        let context = Context::new(ContextOptions::default()).unwrap();
        let network = DenseNet::initial(4, Device::Cpu).frozen();
        let metadata = Metadata::new(Preprocessing::default(), 0.25);
        Model::new(&context, network, metadata).unwrap().with_training_record(|hash| json!({ "of": hash }))
    }

    #[test]
    fn a_saved_model_comes_back_whole() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("model.safetensors");
        let model = model();
        model.save(&path, FileFormat::Safetensors).unwrap();
        let loaded = Model::load(model.context(), &path).unwrap();
        assert_eq!(loaded.sha256(), model.sha256());
        assert_eq!(loaded.metadata, model.metadata);
        assert_eq!(loaded.file_sha256.as_deref(), Some(sha256_hex([std::fs::read(&path).unwrap()]).as_str()));
        let again = directory.path().join("again.safetensors");
        loaded.save(&again, FileFormat::Safetensors).unwrap();
        assert_eq!(std::fs::read(path).unwrap(), std::fs::read(again).unwrap());
    }

    #[test]
    fn a_calibrated_model_comes_back_whole_and_keeps_its_weights() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("model.safetensors");
        let data = CalibrationData { fingerprint: "ab".repeat(32), samples: 30, positives: 9, negatives: 21 };
        let rate = Rate { value: 8.0 / 9.0, low: 0.565, high: 0.980 };
        let point = OperatingPoint {
            rule: OperatingRule::Sensitivity(0.85),
            threshold: 0.3,
            sensitivity: rate,
            specificity: rate,
            true_positive: 8,
            false_positive: 2,
            true_negative: 19,
            false_negative: 1,
        };
        let plain = model();
        let calibrated = plain
            .with_metadata(Metadata {
                temperature: 1.0 / 0.7,
                temperature_record: Some(TemperatureRecord {
                    temperature_before: 1.0,
                    log_loss_before: 0.1 + 0.2,
                    log_loss_after: 1.0 / 3.0,
                    data: data.clone(),
                }),
                threshold: point.threshold,
                operating_point: Some(StoredOperatingPoint { point, data }),
                ..plain.metadata().clone()
            })
            .unwrap();
        assert_eq!(calibrated.sha256(), plain.sha256());
        assert_eq!(plain.temperature(), 1.0);
        calibrated.save(&path, FileFormat::Safetensors).unwrap();
        let loaded = Model::load(plain.context(), &path).unwrap();
        assert_eq!(loaded.metadata, calibrated.metadata);
        let described = loaded.describe();
        assert_eq!(described["operating_point"]["rule"], "sensitivity");
        assert_eq!(described["operating_point"]["target"], 0.85);
        assert!(plain.with_metadata(Metadata { temperature: 0.0, ..Metadata::default() }).is_err());
    }

    #[test]
    fn metadata_of_version_1_is_read() {
        let text = serde_json::to_string(&Metadata::default()).unwrap();
        let mut value: Value = serde_json::from_str(&text).unwrap();
        value["version"] = json!(1);
        for name in ["temperature", "temperature_record", "operating_point"] {
            value.as_object_mut().unwrap().remove(name).unwrap();
        }
        assert_eq!(parse_metadata(&value.to_string()).unwrap(), Metadata::default());
        value["temperature"] = json!(-1.5);
        assert!(parse_metadata(&value.to_string()).unwrap_err().message().contains("temperature -1.5"));
    }

    #[test]
    fn files_that_are_no_model_are_refused_with_the_reason() {
        let model = model();
        let bytes = model.to_safetensors().unwrap();
        let message = |bytes: &[u8]| parse(bytes, Device::Cpu).unwrap_err().to_string();
        assert!(message(b"nonsense").contains("neither a safetensors file nor a state dict"));
        assert!(message(&bytes[..bytes.len() / 2]).contains("not a whole safetensors file"));
        // The header is text at the file's beginning; a name of the same length keeps it well-formed.
        let mut changed = bytes.clone();
        let header = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        let text = String::from_utf8(bytes[8..header].to_vec()).unwrap();
        changed[8..header].copy_from_slice(text.replace("features.conv0.weight", "features.conv9.weight").as_bytes());
        let found = message(&changed);
        assert!(found.contains("1 missing: features.conv0.weight"), "{found}");
        assert!(found.contains("1 extra: features.conv9.weight"), "{found}");
        changed[8..header].copy_from_slice(text.replace("\\\"version\\\":2", "\\\"version\\\":9").as_bytes());
        assert!(message(&changed).contains("version 9"));
        changed[8..header].copy_from_slice(text.as_bytes());
        let last = changed.len() - 4;
        changed[last..].copy_from_slice(&f32::NAN.to_le_bytes());
        assert!(message(&changed).contains("not finite"));
    }
}
