//! How to train.

use super::optimizer::OptimizerOptions;
use super::schedule::ScheduleOptions;
use lens_base::options::{Choice, Options};
use lens_base::{Error, Result};
use lens_engine::policy::ScalerSettings;
use lens_images::{Augmentation, Preprocessing};
use lens_model::weights::{Normalisation, WeightsOptions};
use lens_runtime::Classifier;
use serde::Serialize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// What makes an epoch's model better than the best so far, on the validation set. Ties keep the earlier epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Choice)]
#[serde(rename_all = "lowercase")]
pub enum SelectBy {
    /// Higher accuracy at the threshold.
    #[default]
    Accuracy,
    /// Higher area under the ROC curve; needs both classes in the validation set.
    Auc,
    /// Lower loss.
    Loss,
}

/// How the loss is scaled when the context computes in half precision (F16).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Choice)]
#[serde(rename_all = "lowercase")]
pub enum GradScaler {
    /// As suits the device.
    #[default]
    Auto,
    /// PyTorch's defaults: from 2^16, doubled after 2000 good steps in a row, halved after an overflow.
    Standard,
    /// The reference pipeline's for AMD: from 2^12, times 1.5 after 1000 good steps in a row, times 0.7 after an overflow.
    Amd,
}

impl GradScaler {
    /// Its settings; `None`: the policy's for the device.
    pub fn settings(self) -> Option<ScalerSettings> {
        match self {
            GradScaler::Auto => None,
            GradScaler::Standard => Some(ScalerSettings::STANDARD),
            GradScaler::Amd => Some(ScalerSettings::AMD),
        }
    }
}

/// How to train. The defaults are the reference pipeline's.
#[derive(Clone, Debug, Serialize, Options)]
pub struct TrainOptions {
    /// Passes over as many samples as the training set has.
    #[option(default = 20, minimum = 1, maximum = 100_000, flag = "--epochs N")]
    pub epochs: u32,
    /// Samples of one optimiser step.
    #[option(default = 128, minimum = 2, maximum = 65_536, flag = "--batch N")]
    pub batch_size: u32,
    /// What is done to images before the network; stored in the model.
    #[option(nested)]
    pub preprocessing: Preprocessing,
    /// What makes an epoch's model better than the best so far. Unused without a validation set.
    #[option(flag = "--select")]
    pub select_by: SelectBy,
    /// Learning rate. The schedule varies it.
    #[option(default = 1e-4, above = 0, maximum = 1, flag = "--lr X")]
    pub learning_rate: f64,
    /// Weight of positive samples in the loss.
    #[option(above = 0, unset = "negatives / positives of the training set", flag = "--pos-weight X")]
    pub pos_weight: Option<f64>,
    /// Variation of the images.
    #[option(nested)]
    pub augmentation: Augmentation,
    /// Whether samples are drawn with replacement so that both classes come equally often; if not, each sample comes once
    /// per epoch, shuffled.
    #[option(
        default = true,
        flag = "--no-weighted-sampler",
        switch = "Take each sample once per epoch, shuffled, instead of drawing with replacement so that both classes come \
                  equally often"
    )]
    pub weighted_sampler: bool,
    /// Probability above which an image is called positive. Stored in the model.
    #[option(default = 0.5, minimum = 0, maximum = 1, flag = "--threshold X")]
    pub threshold: f32,
    /// Seed of weights, sampling and augmentation. On CPU the same seed, data, options and number of threads give the same
    /// weights bit for bit (where memory is too short for a whole batch, also the same micro_batch_size).
    #[option(unset = "the context's seed", flag = "--seed N")]
    pub seed: u64,
    /// How gradients become steps.
    #[option(nested)]
    pub optimizer: OptimizerOptions,
    /// How the learning rate goes on.
    #[option(nested)]
    pub schedule: ScheduleOptions,
    /// Epochs without a better model after which training ends. Needs a validation set.
    #[option(
        name = "early_stopping_patience",
        maximum = 100_000,
        unset = "training never ends early",
        flag = "--patience EPOCHS"
    )]
    pub early_stopping: Option<u32>,
    /// Gradient clipping: largest L2 norm over all parameters; larger gradients are scaled down to it.
    #[option(above = 0, unset = "no clipping", flag = "--clip-norm X")]
    pub clip_norm: Option<f64>,
    /// Share of every label that is spread evenly over both classes.
    #[option(minimum = 0, below = 1, flag = "--label-smoothing X")]
    pub label_smoothing: f64,
    /// Decay of a moving average of weights and running statistics, for example 0.999: the average is then what is
    /// validated and returned. In the first steps n it is at most (1 + n) / (10 + n).
    #[option(above = 0, below = 1, unset = "no average", flag = "--average-decay X")]
    pub average_decay: Option<f64>,
    /// First epochs in which only the head is trained, on the features of the frozen backbone; at most epochs. The
    /// optimiser starts anew after them. Of use with start weights.
    #[option(maximum = 100_000, flag = "--freeze EPOCHS")]
    pub freeze_epochs: u32,
    /// Most images that go through the network at once: larger batches are made of several such parts, whose gradients
    /// add up, and whose batch statistics are their own. When memory runs out all the same the parts are halved, and
    /// nothing is lost.
    #[option(
        name = "micro_batch_size",
        minimum = 2,
        maximum = 65_536,
        unset = "the whole batch, or as many as fit into the memory that is free or that memory_cap allows",
        flag = "--micro-batch N"
    )]
    pub micro_batch: Option<u32>,
    /// How the loss is scaled in half precision. Unused in F32 and BF16.
    #[option(flag = "--grad-scaler")]
    pub grad_scaler: GradScaler,
    /// Loss scaling of the caller's own, instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[option(skip)]
    pub scaler_settings: Option<ScalerSettings>,
    /// Directory (made when missing) of the run. It receives best.safetensors whenever the model gets better,
    /// last.checkpoint (everything that is needed to go on) and curves.png after every epoch, and run.json at the end. One
    /// run at a time; a directory with an unfinished run is refused unless resume is set.
    // A place, not a setting: the record of a run is the same wherever it lies.
    #[serde(skip)]
    #[option(unset = "nothing is written", flag = "--run-dir DIR")]
    pub run_directory: Option<PathBuf>,
    /// Whether to go on from the run directory's last.checkpoint when there is one; options and data must be those of the
    /// run (epochs may be more, except with a cosine schedule). The result is, on CPU bit for bit, that of a run without
    /// the interruption, whenever and however it was interrupted.
    #[serde(skip)]
    #[option(
        flag = "--resume",
        switch = "Go on from last.checkpoint in run_directory when there is one; options and data must be those of the run \
                  (there may be more epochs, except with a cosine schedule)"
    )]
    pub resume: bool,
    /// Minutes between checkpoints within an epoch; 0: after epochs (and when the call is cancelled) only.
    #[serde(skip)]
    #[option(default = 10.0, minimum = 0, maximum = 1e6, flag = "--checkpoint-minutes X")]
    pub checkpoint_minutes: f64,
    /// File with weights to start from: whatever a model can be loaded from, and DenseNet-121 with a head of any number of
    /// outputs, such as torchvision's densenet121-a639ec97.pth; a head that does not have one output is left out, and a
    /// random one takes its place, unless head_positive, head_negative or head_kind says what to make of it. Of a model file
    /// only the weights are taken.
    // Its content counts, which the record names, not its place.
    #[serde(skip)]
    #[option(unset = "random, by torchvision's rule", flag = "--init MODEL")]
    pub start_weights: Option<PathBuf>,
    /// A model with weights to start from, instead.
    #[serde(serialize_with = "hash_of")]
    #[option(skip)]
    pub start_model: Option<Arc<Classifier>>,
    /// What the start weights mean.
    #[option(nested)]
    pub weights: WeightsOptions,
}

fn hash_of<S: serde::Serializer>(
    model: &Option<Arc<Classifier>>,
    serializer: S,
) -> std::result::Result<S::Ok, S::Error> {
    model.as_ref().map(|model| model.sha256()).serialize(serializer)
}

impl TrainOptions {
    /// Refuses what cannot work.
    pub fn check(&self) -> Result<()> {
        self.check_ranges()?;
        let refuse = |message: String| Err(Error::argument(message));
        if self.freeze_epochs > self.epochs {
            return refuse(format!(
                "freeze_epochs is {}; it must be at most epochs, {}",
                self.freeze_epochs, self.epochs
            ));
        }
        let schedule = &self.schedule;
        for (name, value, most, what) in [
            ("warmup_epochs", schedule.warmup_epochs, f64::from(self.epochs), "epochs"),
            ("final_learning_rate", schedule.final_learning_rate, self.learning_rate, "learning_rate"),
        ] {
            if value > most {
                return refuse(format!("{name} is {value}; it must be at most {what}, {most}"));
            }
        }
        if self.resume && self.run_directory.is_none() {
            return refuse("resume is set, but there is no run_directory to resume from: name one".into());
        }
        if let (Some(_), Some(path)) = (&self.start_model, &self.start_weights) {
            return refuse(format!("start_weights {} and a start_model are both given: give one", path.display()));
        }
        if self.weights.name_head() && self.start_weights.is_none() {
            return refuse(
                "head_positive, head_negative or head_kind is set, but there are no start_weights whose head they are of"
                    .into(),
            );
        }
        if ![Normalisation::Auto, Normalisation::None].contains(&self.weights.normalisation)
            && self.has_own_normalisation()
        {
            return refuse("normalisation is set, and so is mean or standard_deviation: give one or the other".into());
        }
        Ok(())
    }

    /// Whether mean or standard deviation differ from their defaults.
    fn has_own_normalisation(&self) -> bool {
        let default = Preprocessing::default();
        let own = &self.preprocessing;
        own.mean != default.mean || own.standard_deviation != default.standard_deviation
    }

    /// Sets mean and standard deviation as normalisation asks for, or else, unless they are set, as the start weights are
    /// known to want them.
    pub fn normalise_for(&mut self, known: Option<Normalisation>) {
        let wanted = match self.weights.normalisation {
            Normalisation::Auto => known.filter(|_| !self.has_own_normalisation()),
            Normalisation::None => None,
            asked => Some(asked),
        };
        if let Some((mean, deviation)) = wanted.and_then(Normalisation::values) {
            (self.preprocessing.mean, self.preprocessing.standard_deviation) = (mean, deviation);
        }
    }

    /// How often the checkpoint is written within an epoch, beside at its end; `None`: never.
    pub fn checkpoint_every(&self) -> Option<Duration> {
        (self.checkpoint_minutes > 0.0).then(|| Duration::from_secs_f64(self.checkpoint_minutes * 60.0))
    }
}
