//! How to train.

use crate::data::{Augmentation, Preprocessing};
use crate::error::{Error, Result};
use crate::model::{Model, check_threshold};
use serde::Serialize;
use std::path::PathBuf;
use std::sync::Arc;

/// What makes an epoch's model better than the best so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SelectBy {
    /// Higher accuracy.
    #[default]
    Accuracy,
    /// Higher area under the ROC curve.
    Auc,
    /// Lower loss.
    Loss,
}

/// How to train; the defaults are the reference pipeline's.
#[derive(Clone, Debug, Serialize)]
pub struct TrainOptions {
    /// Passes over as many samples as there are.
    pub epochs: u32,
    /// Samples of one optimiser step.
    pub batch_size: u32,
    /// What makes a model better.
    pub select_by: SelectBy,
    /// Adam's learning rate.
    pub learning_rate: f64,
    /// Weight of positive samples in the loss; `None`: negatives / positives of the training set.
    pub pos_weight: Option<f64>,
    /// Whether both classes are drawn equally often.
    pub weighted_sampler: bool,
    /// Variation of the images.
    pub augmentation: Augmentation,
    /// What is done to images before the network; stored in the model.
    pub preprocessing: Preprocessing,
    /// Probability above which an image is called positive; stored in the model.
    pub threshold: f32,
    /// Seed of everything random.
    pub seed: u64,
    /// Weights to start from; `None`: random.
    #[serde(serialize_with = "hash_of")]
    pub start_model: Option<Arc<Model>>,
    /// Where run.json and best.safetensors go. A place, not a setting: the record of a run is the same wherever it lies.
    #[serde(skip)]
    pub run_directory: Option<PathBuf>,
}

fn hash_of<S: serde::Serializer>(model: &Option<Arc<Model>>, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    model.as_ref().map(|model| model.sha256()).serialize(serializer)
}

impl Default for TrainOptions {
    fn default() -> Self {
        TrainOptions {
            epochs: 20,
            batch_size: 128,
            select_by: SelectBy::Accuracy,
            learning_rate: 1e-4,
            pos_weight: None,
            weighted_sampler: true,
            augmentation: Augmentation::default(),
            preprocessing: Preprocessing::default(),
            threshold: 0.5,
            seed: 0,
            start_model: None,
            run_directory: None,
        }
    }
}

impl TrainOptions {
    /// Refuses what cannot work.
    pub fn check(&self) -> Result<()> {
        let refuse = |message: String| Err(Error::argument(message));
        if !(1..=100_000).contains(&self.epochs) {
            return refuse(format!("epochs {} is not in 1..100000", self.epochs));
        }
        if !(2..=65_536).contains(&self.batch_size) {
            return refuse(format!("batch_size {} is not in 2..65536", self.batch_size));
        }
        if !(self.learning_rate > 0.0 && self.learning_rate <= 1.0) {
            return refuse(format!("learning_rate {} must be above 0 and at most 1", self.learning_rate));
        }
        if let Some(weight) = self.pos_weight
            && !(weight > 0.0 && weight.is_finite())
        {
            return refuse(format!("pos_weight {weight} must be above 0, or 0 for negatives / positives"));
        }
        self.augmentation.check()?;
        self.preprocessing.check()?;
        check_threshold(self.threshold)
    }
}
