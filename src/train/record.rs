//! What a training run was.

use super::options::TrainOptions;
use crate::data::Loaded;
use crate::runtime::{Context, RunReport};
use serde::Serialize;
use serde_json::{Value, json};

/// One epoch.
#[derive(Clone, Debug, Default, Serialize)]
pub struct EpochRecord {
    /// From 1.
    pub epoch: u32,
    /// Mean training loss.
    pub loss: f64,
    /// Mean validation loss.
    pub validation_loss: Option<f64>,
    /// Validation accuracy.
    pub accuracy: Option<f64>,
    /// Validation area under the ROC curve.
    pub auc: Option<f64>,
    /// Adam's learning rate.
    pub learning_rate: f64,
    /// Of training and validation.
    pub seconds: f64,
    /// Of training.
    pub images_per_second: f64,
    /// Share of the training time that was spent waiting for images.
    pub data_wait_share: f64,
}

/// A finished run.
pub struct RunRecord<'a> {
    pub context: &'a Context,
    pub report: &'a RunReport,
    pub options: &'a TrainOptions,
    pub pos_weight: f64,
    pub training: Loaded,
    pub validation: Option<Loaded>,
    pub epochs: &'a [EpochRecord],
    pub best_epoch: u32,
}

impl RunRecord<'_> {
    /// As JSON.
    pub fn describe(&self, model_sha256: &str) -> Value {
        let mut fields = self.report.header("lesionlens.training", 1, self.context, model_sha256);
        fields.insert("threads".into(), json!(self.context.policy().threads.value));
        fields.insert("options".into(), json!(self.options));
        fields.insert("pos_weight".into(), json!(self.pos_weight));
        fields.insert("train".into(), json!(self.training));
        fields.insert("validation".into(), json!(self.validation));
        fields.insert("epochs".into(), json!(self.epochs));
        fields.insert("best_epoch".into(), json!(self.best_epoch));
        Value::Object(fields)
    }
}
