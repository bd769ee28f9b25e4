//! How to train.

use super::optimizer::OptimizerOptions;
use super::schedule::ScheduleOptions;
use lens_base::{Error, Result};
use lens_engine::policy::ScalerSettings;
use lens_images::{Augmentation, Preprocessing};
use lens_model::check_threshold;
use lens_runtime::Classifier;
use serde::Serialize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

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
    /// The learning rate, which the schedule varies.
    pub learning_rate: f64,
    /// How gradients become steps.
    pub optimizer: OptimizerOptions,
    /// How the learning rate goes on.
    pub schedule: ScheduleOptions,
    /// Longest gradient, as the Euclidean norm over all parameters; longer ones are shortened to it.
    pub clip_norm: Option<f64>,
    /// Share of every label that is spread evenly over both classes.
    pub label_smoothing: f64,
    /// Decay of a moving average of the weights, which is then what is validated and returned.
    pub average_decay: Option<f64>,
    /// First epochs in which only the head is trained; the optimiser starts anew after them.
    pub freeze_epochs: u32,
    /// Epochs without a better model after which training ends.
    pub early_stopping: Option<u32>,
    /// Loss scaling in half precision; `None`: the policy's for the device. Unused in f32 and bf16.
    pub grad_scaler: Option<ScalerSettings>,
    /// Most images that go through the network at once: larger batches are made of several such parts, whose gradients
    /// add up. `None`: as many as memory allows.
    pub micro_batch: Option<u32>,
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
    pub start_model: Option<Arc<Classifier>>,
    /// A file with weights to start from, instead. Its content counts, which the record names, not its place.
    #[serde(skip)]
    pub start_weights: Option<PathBuf>,
    /// Where record, pictures, best model and checkpoint go. A place, not a setting: the record of a run is the same
    /// wherever it lies.
    #[serde(skip)]
    pub run_directory: Option<PathBuf>,
    /// How often the checkpoint is written within an epoch, beside at its end.
    #[serde(skip)]
    pub checkpoint_every: Option<Duration>,
    /// Whether to go on from the run directory's checkpoint when there is one.
    #[serde(skip)]
    pub resume: bool,
}

fn hash_of<S: serde::Serializer>(
    model: &Option<Arc<Classifier>>,
    serializer: S,
) -> std::result::Result<S::Ok, S::Error> {
    model.as_ref().map(|model| model.sha256()).serialize(serializer)
}

impl Default for TrainOptions {
    fn default() -> Self {
        TrainOptions {
            epochs: 20,
            batch_size: 128,
            select_by: SelectBy::Accuracy,
            learning_rate: 1e-4,
            optimizer: OptimizerOptions::default(),
            schedule: ScheduleOptions::default(),
            clip_norm: None,
            label_smoothing: 0.0,
            average_decay: None,
            freeze_epochs: 0,
            early_stopping: None,
            grad_scaler: None,
            micro_batch: None,
            pos_weight: None,
            weighted_sampler: true,
            augmentation: Augmentation::default(),
            preprocessing: Preprocessing::default(),
            threshold: 0.5,
            seed: 0,
            start_model: None,
            start_weights: None,
            run_directory: None,
            checkpoint_every: Some(Duration::from_secs(600)),
            resume: false,
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
        if let Some(size) = self.micro_batch
            && !(2..=65_536).contains(&size)
        {
            return refuse(format!("micro_batch_size {size} must be 2 to 65536, or 0 for as many as memory allows"));
        }
        if !(self.learning_rate > 0.0 && self.learning_rate <= 1.0) {
            return refuse(format!("learning_rate {} must be above 0 and at most 1", self.learning_rate));
        }
        if self.freeze_epochs > self.epochs {
            return refuse(format!("freeze_epochs {} is more than epochs {}", self.freeze_epochs, self.epochs));
        }
        let (schedule, epochs) = (&self.schedule, f64::from(self.epochs));
        let finite_above_0 = |value: f64| value > 0.0 && value.is_finite();
        for (name, value, fits, range) in [
            (
                "pos_weight",
                self.pos_weight,
                finite_above_0 as fn(f64) -> bool,
                "above 0, or 0 for negatives / positives",
            ),
            ("clip_norm", self.clip_norm, finite_above_0, "above 0, or 0 for no limit"),
            (
                "average_decay",
                self.average_decay,
                |decay| decay > 0.0 && decay < 1.0,
                "above 0 and below 1, or 0 for no average",
            ),
            (
                "label_smoothing",
                Some(self.label_smoothing),
                |share| (0.0..1.0).contains(&share),
                "0 or more and below 1",
            ),
            ("weight_decay", Some(self.optimizer.weight_decay), |decay| (0.0..=1.0).contains(&decay), "in 0..1"),
            (
                "momentum",
                Some(self.optimizer.momentum),
                |momentum| (0.0..1.0).contains(&momentum),
                "0 or more and below 1",
            ),
            (
                "plateau_factor",
                Some(schedule.plateau_factor),
                |factor| factor > 0.0 && factor < 1.0,
                "above 0 and below 1",
            ),
        ] {
            if let Some(value) = value
                && !fits(value)
            {
                return refuse(format!("{name} {value} must be {range}"));
            }
        }
        if !(0.0..=epochs).contains(&schedule.warmup_epochs) {
            return refuse(format!(
                "warmup_epochs {} is not in 0..{epochs}, the number of epochs",
                schedule.warmup_epochs
            ));
        }
        if !(0.0..=self.learning_rate).contains(&schedule.final_learning_rate) {
            return refuse(format!(
                "final_learning_rate {} is not in 0..{}, the learning_rate",
                schedule.final_learning_rate, self.learning_rate
            ));
        }
        if self.resume && self.run_directory.is_none() {
            return refuse("resume is set, but there is no run_directory to resume from: name one".into());
        }
        if let (Some(_), Some(path)) = (&self.start_model, &self.start_weights) {
            return refuse(format!("start_weights {} and a start_model are both given: give one", path.display()));
        }
        self.augmentation.check()?;
        self.preprocessing.check()?;
        check_threshold(self.threshold)
    }
}
