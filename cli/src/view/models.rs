//! The models that images are looked at with.

use super::catalogue::numbered;
use super::errors::Refusal;
use super::json;
use super::viewer::{Viewer, blocking};
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::response::Response;
use lens_runtime::{Classifier, Context};
use serde::Deserialize;
use serde_json::{Value, json};
use std::env;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Where `make demo` leaves its model, from the directory in which it is called.
const OF_THE_DEMO: &str = "target/demo/model.safetensors";

/// A model that is ready to compute.
pub struct Loaded {
    pub id: String,
    /// Its file's, or with a number where another has it.
    pub name: String,
    pub classifier: Classifier,
}

impl Loaded {
    /// As the interface describes it.
    pub fn describe(&self) -> Value {
        let metadata = self.classifier.metadata();
        let side = metadata.preprocessing.image_size;
        json!({
            "id": self.id,
            "name": self.name,
            "sha256": self.classifier.sha256(),
            "threshold": json::number(self.classifier.threshold()),
            "temperature": metadata.temperature_record.is_some().then_some(metadata.temperature),
            "input_width": side,
            "input_height": side,
            "description": self.classifier.describe(),
        })
    }
}

/// All of them. Thread-safe.
#[derive(Default)]
pub struct Models(Mutex<Vec<Arc<Loaded>>>);

impl Models {
    /// Loads a model's file; `name`: what it is called.
    pub fn load(&self, context: &Arc<Context>, path: &Path, name: &str) -> lens_base::Result<Arc<Loaded>> {
        let classifier = Classifier::load(context, path)?;
        let mut models = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let name = numbered(name, |name| models.iter().any(|model| model.name == name));
        let model = Arc::new(Loaded { id: format!("m{}", models.len() + 1), name, classifier });
        models.push(Arc::clone(&model));
        Ok(model)
    }

    pub fn all(&self) -> Vec<Arc<Loaded>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// One by its identifier.
    pub fn get(&self, id: &str) -> Result<Arc<Loaded>, Refusal> {
        let model = self.all().into_iter().find(|model| model.id == id);
        model.ok_or_else(|| Refusal::not_found(format!("there is no model '{id}'")))
    }

    /// The demo's model, where it is there and no other was given.
    pub fn offered(&self) -> Option<PathBuf> {
        if !self.all().is_empty() {
            return None;
        }
        // The program is in target/release then.
        let beside_program = env::current_exe().ok().and_then(|program| {
            let root = program.parent()?.parent()?.parent()?;
            Some(root.join(OF_THE_DEMO))
        });
        std::iter::once(PathBuf::from(OF_THE_DEMO)).chain(beside_program).find(|path| path.is_file())
    }
}

/// What a model's file is called.
pub fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    offered: bool,
}

/// `POST api/models`
pub async fn load_offered(
    State(viewer): State<Arc<Viewer>>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Refusal> {
    let Request { offered } = json::read(&body?)?;
    if !offered {
        return Err(Refusal::argument("offered is false; it must be true, or send a model's file to api/files"));
    }
    let path = viewer.models.offered().ok_or_else(|| Refusal::not_found("no model is offered"))?;
    blocking(move || {
        let model = viewer.models.load(&viewer.context, &path, &name_of(&path))?;
        Ok(json::answer(&model.describe()))
    })
    .await
}
