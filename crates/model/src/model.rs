//! A trained model and its file: safetensors, with metadata.

use super::calibration::{StoredOperatingPoint, TemperatureRecord, check_temperature};
use super::layout::LAYOUT;
use super::model_parameters::ModelParameters;
use super::parameters::{Parameters, float_bytes};
use super::ranges::ActivationRanges;
use super::start::{ImportedParameters, read_parameters};
use super::weights::{self, ImportOptions, ImportRecord, METADATA_KEY, Normalisation, StateDict, WeightsOptions};
use lens_base::options::Options;
use lens_base::{Error, ErrorKind, Result};
use lens_images::Preprocessing;
use safetensors::tensor::{Dtype, TensorView};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

/// A model without its parameters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Metadata {
    /// Version of this format.
    version: u32,
    /// Preprocessing of images.
    pub preprocessing: Preprocessing,
    /// Probability above which an image is called positive.
    pub threshold: f32,
    /// Record of the training, if it was trained here.
    pub training: Option<Value>,
    /// Divisor of the network's output.
    #[serde(default = "uncalibrated")]
    pub temperature: f64,
    /// How the temperature was fitted, if it was.
    #[serde(default)]
    pub temperature_record: Option<TemperatureRecord>,
    /// How the threshold was chosen, if on a data set.
    #[serde(default)]
    pub operating_point: Option<StoredOperatingPoint>,
    /// Activation ranges, with which convolutions can be computed in int8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activation_ranges: Option<ActivationRanges>,
    /// What was done to its weights, if another program made them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub import: Option<ImportRecord>,
}

/// Until version 2 there was no temperature.
fn uncalibrated() -> f64 {
    1.0
}

/// Version that is written, and the highest that is read.
const METADATA_VERSION: u32 = 3;

impl Default for Metadata {
    fn default() -> Self {
        Metadata::new(Preprocessing::default(), 0.5)
    }
}

impl Metadata {
    /// Without a training record.
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
            import: None,
        }
    }

    /// Fails for invalid values.
    pub fn check(&self) -> Result<()> {
        self.preprocessing.check()?;
        check_threshold(self.threshold)?;
        check_temperature(self.temperature)
    }
}

/// Fails for an invalid probability.
pub fn check_threshold(threshold: f32) -> Result<()> {
    if (0.0..=1.0).contains(&threshold) {
        return Ok(());
    }
    Err(Error::argument(format!("threshold {threshold} is not in 0..1")))
}

/// A trained classifier: parameters and metadata.
#[derive(Clone, Debug)]
pub struct Model {
    parameters: Arc<ModelParameters>,
    metadata: Metadata,
}

impl Model {
    /// A model with these parameters.
    pub fn new(parameters: Parameters, metadata: Metadata) -> Self {
        Model::read_with(parameters, WeightsOptions::default(), metadata)
    }

    fn read_with(parameters: Parameters, options: WeightsOptions, metadata: Metadata) -> Self {
        Model { parameters: Arc::new(ModelParameters::new(parameters, options)), metadata }
    }

    /// Sets the file it was read from, so that its parameters need not stay in memory.
    pub fn set_source_file(&mut self, file: File, path: &Path) {
        if let Some(parameters) = Arc::get_mut(&mut self.parameters) {
            parameters.set_source_file(file, path);
        }
    }

    /// The parameters. They are read again if they were released: hold them while they are used.
    pub fn parameters(&self) -> Result<Arc<Parameters>> {
        self.parameters.parameters()
    }

    /// Releases the parameters, for this model and all that share them, if they can be read again from a file.
    pub fn release_parameters(&self) {
        self.parameters.release();
    }

    /// Weights and bias of the last layer.
    pub fn head(&self) -> (&[f32], f32) {
        self.parameters.head()
    }

    /// The metadata.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// SHA-256 of the parameters.
    pub fn sha256(&self) -> &str {
        self.parameters.sha256()
    }

    /// Preprocessing of images.
    pub fn preprocessing(&self) -> &Preprocessing {
        &self.metadata.preprocessing
    }

    /// Probability above which an image is called positive.
    pub fn threshold(&self) -> f32 {
        self.metadata.threshold
    }

    /// Divisor of the network's output; 1 without calibration.
    pub fn temperature(&self) -> f64 {
        self.metadata.temperature
    }

    /// The same parameters with other metadata.
    pub fn with_metadata(&self, metadata: Metadata) -> Result<Self> {
        metadata.check()?;
        Ok(Model { metadata, ..self.clone() })
    }

    /// The same with a training record, made from the hash of the parameters.
    pub fn with_training_record(mut self, record: impl FnOnce(&str) -> Value) -> Self {
        self.metadata.training = Some(record(self.parameters.sha256()));
        self
    }

    /// Reads a file of weights.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        Model::of_state(weights::read(bytes)?, &ImportOptions::default())
    }

    /// From the tensors and the metadata of a file; options are for files without metadata.
    pub fn of_state(mut state: StateDict, options: &ImportOptions) -> Result<Self> {
        options.check_ranges()?;
        let Some(text) = state.metadata.remove(METADATA_KEY) else {
            let imported = read_parameters(state, &options.weights, None)?;
            let metadata = imported_metadata(&imported, options);
            metadata.check()?;
            return Ok(Model::read_with(imported.parameters, options.weights.clone(), metadata));
        };
        options.check_unused("a model of this library")?;
        let metadata = parse_metadata(&text)?;
        let imported = read_parameters(state, &options.weights, None)?;
        match imported.record.head.outputs {
            1 => Ok(Model::new(imported.parameters, metadata)),
            outputs => Err(Error::format(format!("its head has {outputs} outputs; a model of this library has one"))),
        }
    }

    /// From tensors of another reader, and the text of the metadata, if any.
    pub fn from_tensors(tensors: &[(String, Vec<usize>, Vec<f32>)], metadata: Option<&str>) -> Result<Self> {
        let tensors: Vec<_> =
            tensors.iter().map(|(name, shape, values)| (name, shape, Dtype::F32, float_bytes(values))).collect();
        let tensors = tensors.iter().map(|(name, shape, kind, bytes)| (name.as_str(), &shape[..], *kind, &bytes[..]));
        Model::parse(&serialised(tensors, metadata)?)
    }

    /// The bytes of a safetensors file.
    pub fn to_safetensors(&self) -> Result<Vec<u8>> {
        let parameters = self.parameters()?;
        let tensors = LAYOUT.parameters().iter().enumerate();
        let tensors = tensors
            .map(|(index, spec)| (spec.name.as_str(), &spec.shape[..], Dtype::F32, float_bytes(parameters.of(index))));
        // torchvision refuses a file without them.
        let counts: Vec<String> = LAYOUT.batch_counts().collect();
        let counts = counts.iter().map(|name| (name.as_str(), &[][..], Dtype::I64, &[0; 8][..]));
        serialised(tensors.chain(counts), Some(&self.metadata_text()?))
    }

    /// The metadata as text, as files have it.
    pub fn metadata_text(&self) -> Result<String> {
        serde_json::to_string(&self.metadata)
            .map_err(|error| Error::internal(format!("cannot write metadata: {error}")))
    }

    /// Architecture, hashes, preprocessing, temperature and threshold with their origins.
    pub fn describe(&self) -> Map<String, Value> {
        let description = json!({
            "architecture": "densenet121",
            "parameters": LAYOUT.trained_count(),
            "model_sha256": self.sha256(),
            "preprocessing": {
                "channels": 3,
                "range": [0, 1],
                "resize": "antialiased bilinear",
                "image_size": self.metadata.preprocessing.image_size,
                "mean": self.metadata.preprocessing.mean,
                "standard_deviation": self.metadata.preprocessing.standard_deviation,
                "reading": self.metadata.preprocessing.reading,
            },
            "temperature": self.metadata.temperature,
            "temperature_record": self.metadata.temperature_record,
            "threshold": self.metadata.threshold,
            "operating_point": self.metadata.operating_point,
            "int8": self.metadata.activation_ranges.is_some(),
            "training": self.metadata.training,
            "import": self.metadata.import,
        });
        match description {
            Value::Object(fields) => fields,
            _ => Map::new(),
        }
    }
}

/// A safetensors file.
fn serialised<'a>(
    tensors: impl Iterator<Item = (&'a str, &'a [usize], Dtype, &'a [u8])>,
    metadata: Option<&str>,
) -> Result<Vec<u8>> {
    let internal = |error: safetensors::SafeTensorError| Error::internal(format!("cannot lay out the file: {error}"));
    let views = tensors
        .map(|(name, shape, kind, bytes)| {
            TensorView::new(kind, shape.to_vec(), bytes).map(|view| (name, view)).map_err(internal)
        })
        .collect::<Result<Vec<_>>>()?;
    let metadata = metadata.map(|text| HashMap::from([(METADATA_KEY.to_string(), text.to_string())]));
    safetensors::serialize(views, metadata).map_err(internal)
}

/// The metadata of weights that came without.
fn imported_metadata(imported: &ImportedParameters, options: &ImportOptions) -> Metadata {
    let known = imported.program.preprocessing();
    let mut metadata = Metadata::new(options.preprocessing(known), 0.5);
    if let Some(threshold) = imported.threshold {
        metadata.threshold = threshold;
    }
    let asked = options.weights.normalisation;
    let (normalisation, source) = match (asked, known) {
        (Normalisation::Auto, Some((_, known))) => (known, format!("known of {}", imported.program.name())),
        (Normalisation::Auto, None) => (Normalisation::None, "nothing is known of the weights".to_string()),
        _ => (asked, "as asked for".to_string()),
    };
    metadata.import = Some(ImportRecord {
        normalisation: format!("{} ({source})", normalisation.description()),
        ..imported.record.clone()
    });
    metadata
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
    use lens_images::{Display, ReadOptions};

    fn model() -> Model {
        let metadata = Metadata::new(Preprocessing::default(), 0.25);
        Model::new(Parameters::initial(4).unwrap(), metadata).with_training_record(|hash| json!({ "of": hash }))
    }

    #[test]
    fn safetensors_round_trip() {
        let model = model();
        let bytes = model.to_safetensors().unwrap();
        let loaded = Model::parse(&bytes).unwrap();
        assert_eq!(loaded.sha256(), model.sha256());
        assert_eq!(loaded.metadata, model.metadata);
        assert_eq!(loaded.to_safetensors().unwrap(), bytes);
    }

    #[test]
    fn calibrated_model_round_trip() {
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
        let loaded = Model::parse(&calibrated.to_safetensors().unwrap()).unwrap();
        assert_eq!(loaded.metadata, calibrated.metadata);
        let described = loaded.describe();
        assert_eq!(described["operating_point"]["rule"], "sensitivity");
        assert_eq!(described["operating_point"]["target"], 0.85);
        assert!(plain.with_metadata(Metadata { temperature: 0.0, ..Metadata::default() }).is_err());
    }

    #[test]
    fn how_images_are_read() {
        let reading = ReadOptions { display: Display::FullRange, window: 2, apply_orientation: false };
        let preprocessing = Preprocessing { reading, ..Preprocessing::default() };
        let text = serde_json::to_string(&Metadata::new(preprocessing, 0.5)).unwrap();
        assert_eq!(parse_metadata(&text).unwrap().preprocessing.reading, reading);
        let mut value: Value = serde_json::from_str(&text).unwrap();
        // Until version 3 everything was read as a viewer shows it.
        value["version"] = json!(2);
        let taken = value["preprocessing"].as_object_mut().unwrap().remove("reading").unwrap();
        assert_eq!(parse_metadata(&value.to_string()).unwrap().preprocessing.reading, ReadOptions::default());
        value["preprocessing"]["reading"] = taken;
        value["preprocessing"]["reading"]["display"] = json!("narrow");
        let error = parse_metadata(&value.to_string()).unwrap_err();
        assert!(error.message().contains("narrow") && error.message().contains("full_range"), "{error}");
    }

    #[test]
    fn metadata_version_1() {
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
    fn invalid_files_are_refused_with_reason() {
        let model = model();
        let bytes = model.to_safetensors().unwrap();
        let message = |bytes: &[u8]| Model::parse(bytes).unwrap_err().to_string();
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
        changed[8..header].copy_from_slice(text.replace("\\\"version\\\":3", "\\\"version\\\":9").as_bytes());
        assert!(message(&changed).contains("version 9"));
        changed[8..header].copy_from_slice(text.as_bytes());
        let last = changed.len() - 4;
        changed[last..].copy_from_slice(&f32::NAN.to_le_bytes());
        assert!(message(&changed).contains("not finite"));
    }
}
