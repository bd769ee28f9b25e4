//! A model on a context's engine.

use super::context::Context;
use super::programs::{self, CompiledNetwork};
use super::script::{METADATA_NAME, source};
use lens_base::options::{Choice, Options};
use lens_base::{Error, MOST_WHOLE_BYTES, Result, open_regular, read_open, sha256_hex, write_atomically};
use lens_engine::{EngineName, Network};
use lens_images::{Images, Preprocessing};
use lens_model::weights::{self, ImportOptions};
use lens_model::{Metadata, Model};
use serde_json::{Value, json};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

/// File format of a saved model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
#[choice(name = "model_format")]
pub enum FileFormat {
    /// safetensors with torchvision's DenseNet-121 parameter names; preprocessing, temperature, threshold and training
    /// record in the file's metadata, under "lesionlens".
    Safetensors,
    /// TorchScript, for PyTorch and libtorch, written through liblesionlens_torch.so: N x 1 logits, before the temperature,
    /// of N x 3 x height x width 32-bit floats in 0..1, normalised as the metadata says (extra/lesionlens.json in the
    /// archive).
    #[choice(name = "torchscript")]
    TorchScript,
    /// ONNX (operators of version 17), for other runtimes; it is not read back. Input "image": batch x 3 x height x width
    /// 32-bit floats, any batch, sides of at least 32, after the preprocessing that the metadata's "lesionlens" says (JSON).
    /// Outputs "logit" and "probability": batch, at the model's temperature.
    Onnx,
}

/// A model and its network on a context's engine. Thread-safe.
#[derive(Clone)]
pub struct Classifier {
    context: Arc<Context>,
    model: Model,
    network: Arc<dyn Network>,
    compiled: Option<Arc<CompiledNetwork>>,
    file_sha256: Option<String>,
}

impl std::fmt::Debug for Classifier {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Classifier").field("sha256", &self.sha256()).finish_non_exhaustive()
    }
}

impl Classifier {
    /// Loads the model onto the engine.
    pub fn new(context: &Arc<Context>, model: Model) -> Result<Self> {
        let network = context.engine().load(&model)?;
        Ok(Classifier { context: Arc::clone(context), model, network, compiled: None, file_sha256: None })
    }

    /// Reads a file.
    pub fn load(context: &Arc<Context>, path: &Path) -> Result<Self> {
        Classifier::import(context, path, &ImportOptions::default())
    }

    /// Reads a file, weights of another program as `options` say.
    pub fn import(context: &Arc<Context>, path: &Path, options: &ImportOptions) -> Result<Self> {
        options.check_ranges()?;
        let file = open_regular(path, MOST_WHOLE_BYTES).map_err(|error| Error::io("read model", path, &error))?;
        let bytes = read_open(&file, path, "read model")?;
        let named = |error: Error| error.prefixed(&path.display().to_string());
        if let Some(opened) = programs::open(context, path, &bytes).map_err(named)? {
            options.check_unused("a compiled network").map_err(named)?;
            return Ok(Classifier {
                context: Arc::clone(context),
                model: opened.model,
                network: opened.network,
                compiled: opened.compiled.map(Arc::new),
                file_sha256: Some(sha256_hex([&bytes[..]])),
            });
        }
        let state = weights::read(&bytes).map_err(named)?;
        let (model, file_sha256) = std::thread::scope(|scope| {
            // Concurrently with the hash of the parameters, which takes as long.
            let hash = std::thread::Builder::new().spawn_scoped(scope, || sha256_hex([&bytes[..]]));
            let model = Model::of_state(state, options);
            let hash = hash.ok().and_then(|thread| thread.join().ok());
            (model, hash.unwrap_or_else(|| sha256_hex([&bytes[..]])))
        });
        let mut model = model.map_err(named)?;
        model.set_source_file(file, path);
        if let Some(record) = &model.metadata().import {
            for (level, note) in record.notes() {
                context.log(level, &format!("{}: {note}", path.display()));
            }
        }
        Ok(Classifier { file_sha256: Some(file_sha256), ..Classifier::new(context, model)? })
    }

    /// Writes a file.
    pub fn save(&self, path: &Path, format: FileFormat) -> Result<()> {
        let bytes = match format {
            FileFormat::Safetensors => self.model.to_safetensors()?,
            FileFormat::Onnx => self.model.to_onnx()?,
            FileFormat::TorchScript => self.to_torchscript(false)?,
        };
        write_atomically(path, |file| file.write_all(&bytes))
    }

    /// A TorchScript archive: N x 1 logits, before the temperature, of N x 3 x H x W images.
    pub(super) fn to_torchscript(&self, int8_head: bool) -> Result<Vec<u8>> {
        let metadata = (METADATA_NAME, &self.model.metadata_text()?[..]);
        let library = self.context.torch_library()?;
        library.script_bytes(&*self.model.parameters()?, &source(int8_head), int8_head, metadata)
    }

    /// The context it computes in.
    pub fn context(&self) -> &Arc<Context> {
        &self.context
    }

    /// The model.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The network that is computed from its parameters.
    pub fn network(&self) -> &dyn Network {
        &*self.network
    }

    /// What computes its logits: the compiled network in its file, or else the context's engine.
    pub fn engine(&self) -> EngineName {
        self.compiled.as_ref().map_or_else(|| self.network.engine(), |compiled| compiled.engine)
    }

    /// Logits of images, before the temperature.
    pub fn logits(&self, images: &Images) -> Result<Vec<f32>> {
        let program = self.compiled.as_ref().and_then(|compiled| compiled.program(images.height, images.width));
        match program {
            Some(program) => program.logits(images),
            None => self.network.logits(images),
        }
    }

    /// Preprocessing of images.
    pub fn preprocessing(&self) -> &Preprocessing {
        self.model.preprocessing()
    }

    /// Probability above which an image is called positive.
    pub fn threshold(&self) -> f32 {
        self.model.threshold()
    }

    /// Divisor of the network's output; 1 without calibration.
    pub fn temperature(&self) -> f64 {
        self.model.temperature()
    }

    /// The metadata.
    pub fn metadata(&self) -> &Metadata {
        self.model.metadata()
    }

    /// SHA-256 of the weights.
    pub fn sha256(&self) -> &str {
        self.model.sha256()
    }

    /// The same weights with other metadata.
    pub fn with_metadata(&self, metadata: Metadata) -> Result<Self> {
        let network = self.network.with_ranges(metadata.activation_ranges.as_ref());
        let model = self.model.with_metadata(metadata)?;
        Ok(Classifier { model, network, file_sha256: None, ..self.clone() })
    }

    /// The same with a training record, which names the hash of the weights.
    pub fn with_training_record(self, record: impl FnOnce(&str) -> Value) -> Self {
        Classifier { model: self.model.with_training_record(record), ..self }
    }

    /// Architecture, hashes, preprocessing, temperature and threshold with their origins.
    pub fn describe(&self) -> Value {
        let mut fields = serde_json::Map::new();
        fields.insert("schema".into(), json!({ "name": "lesionlens.model", "version": 1 }));
        fields.insert("library".into(), json!(env!("CARGO_PKG_VERSION")));
        fields.insert("abi".into(), json!(crate::ABI_VERSION));
        fields.insert("file_sha256".into(), json!(self.file_sha256));
        fields.insert("engine".into(), json!(self.engine()));
        fields.extend(self.model.describe());
        Value::Object(fields)
    }
}
