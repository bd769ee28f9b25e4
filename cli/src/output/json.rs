//! JSON documents.

use crate::program::Failure;
use lens_tasks::classify::Prediction;
use serde::Serialize;
use serde_json::Value;

/// One document, on one line.
pub fn document(content: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string(content)
        .map(|text| text + "\n")
        .map_err(|error| Failure::Failed(format!("the result cannot be written as JSON: {error}")))
}

/// What a model says of an image.
#[derive(Clone, Copy, Serialize)]
pub struct Said {
    pub probability: f32,
    pub logit: f32,
    pub label: u8,
    pub threshold: f32,
}

impl From<Prediction> for Said {
    fn from(prediction: Prediction) -> Self {
        let Prediction { probability, logit, positive, threshold } = prediction;
        Said { probability, logit, label: positive.into(), threshold }
    }
}

impl Said {
    /// "positive" or "negative".
    pub fn word(&self) -> &'static str {
        if self.label == 1 { "positive" } else { "negative" }
    }
}

/// What is at a path such as "training.epochs"; null where there is nothing.
pub fn find<'a>(document: &'a Value, path: &str) -> &'a Value {
    path.split('.').fold(document, |document, name| &document[name])
}

/// A count at a path; 0 where there is none.
pub fn count(document: &Value, path: &str) -> u64 {
    find(document, path).as_u64().unwrap_or(0)
}
