//! The record of a training run.

use super::options::{SelectBy, TrainOptions};
use lens_images::Loaded;
use lens_runtime::{Context, RunReport};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// One epoch.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
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
    /// Learning rate of the last step.
    pub learning_rate: f64,
    /// Steps that were left out because numbers left the range of half precision.
    pub skipped_steps: u64,
    /// What the loss is multiplied by in half precision, after the last step.
    pub loss_scale: Option<f64>,
    /// Seconds of training and validation.
    pub seconds: f64,
    /// Images a second in training.
    pub images_per_second: f64,
    /// Share of the training time that was spent waiting for images.
    pub data_wait_share: f64,
}

impl EpochRecord {
    /// What the best model is chosen by.
    pub fn figure(&self, select_by: SelectBy) -> Option<f64> {
        match select_by {
            SelectBy::Accuracy => self.accuracy,
            SelectBy::Auc => self.auc,
            SelectBy::Loss => self.validation_loss,
        }
    }
}

/// A batch that did not fit into memory.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Shortage {
    /// The epoch, from 1.
    pub epoch: u32,
    /// The batch within the epoch, from 1.
    pub batch: usize,
    /// Images that went through the network at once before,
    pub from: usize,
    /// and from then on.
    pub to: usize,
}

/// A finished run.
pub struct RunRecord<'a> {
    /// Where it ran.
    pub context: &'a Context,
    /// When, and for how long.
    pub report: &'a RunReport,
    /// Seconds before an interruption.
    pub seconds_before: f64,
    /// The options of the run.
    pub options: &'a TrainOptions,
    /// The file whose weights it began with, when there is one.
    pub start_weights: &'a Value,
    /// The weight of positive samples that was used.
    pub pos_weight: f64,
    /// The training set.
    pub training: Loaded,
    /// The validation set.
    pub validation: Option<Loaded>,
    /// Every epoch.
    pub epochs: &'a [EpochRecord],
    /// Which one the model is from.
    pub best_epoch: u32,
    /// Why it ended.
    pub ended: &'static str,
    /// How often it was interrupted and went on.
    pub resumed: u32,
    /// Images that went through the network at once, at the end.
    pub micro_batch: usize,
    /// Where memory ran out.
    pub shortages: &'a [Shortage],
}

impl RunRecord<'_> {
    /// The record as JSON.
    pub fn describe(&self, model_sha256: &str) -> Value {
        let mut fields = self.report.header(
            "lesionlens.training",
            2,
            self.context,
            model_sha256,
            self.context.policy().engine.value,
        );
        fields.insert("seconds".into(), json!(self.seconds_before + self.report.seconds()));
        fields.insert("threads".into(), json!(self.context.policy().threads.value));
        fields.insert("options".into(), json!(self.options));
        fields.insert("start_weights".into(), self.start_weights.clone());
        fields.insert("pos_weight".into(), json!(self.pos_weight));
        fields.insert("train".into(), json!(self.training));
        fields.insert("validation".into(), json!(self.validation));
        fields.insert("epochs".into(), json!(self.epochs));
        fields.insert("best_epoch".into(), json!(self.best_epoch));
        fields.insert("ended".into(), json!(self.ended));
        fields.insert("resumed".into(), json!(self.resumed));
        fields.insert("micro_batch".into(), json!(self.micro_batch));
        fields.insert("out_of_memory".into(), json!(self.shortages));
        Value::Object(fields)
    }
}
