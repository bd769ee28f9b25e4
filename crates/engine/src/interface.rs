//! The interface of engines: inference and training steps on plain memory.

use crate::policy::ScalerSettings;
use lens_base::Result;
use lens_base::options::Choice;
use lens_images::Images;
use lens_model::{ActivationRanges, LAYOUT, Model, TrainingParameters};
use serde::{Deserialize, Serialize, Serializer};
use std::fmt;
use std::sync::Arc;

/// What computes a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EngineName {
    /// The CPU engine's plan for AVX-512.
    PlanAvx512,
    /// The same with int8 convolutions.
    PlanAvx512Int8,
    /// Its plan for AVX2 with FMA.
    PlanAvx2,
    /// Its plan for any processor.
    PlanPortable,
    /// Its reference network: slow, and what plans are checked against.
    Reference,
    /// libtorch.
    Torch,
    /// A TorchScript program, run by libtorch.
    TorchScript,
    /// An AOTInductor package, run by libtorch.
    Aoti,
}

impl EngineName {
    /// The name in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            EngineName::PlanAvx512 => "plan-avx512",
            EngineName::PlanAvx512Int8 => "plan-avx512-int8",
            EngineName::PlanAvx2 => "plan-avx2",
            EngineName::PlanPortable => "plan-portable",
            EngineName::Reference => "reference",
            EngineName::Torch => "torch",
            EngineName::TorchScript => "torchscript",
            EngineName::Aoti => "aoti",
        }
    }
}

impl fmt::Display for EngineName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl Serialize for EngineName {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// Computes on one device. Thread-safe. Lack of memory is an error of kind `OutOfMemory`, after which the engine stays
/// usable; so is invalid use, as an error of any kind: images that are too small or exceed their memory, wrong numbers
/// of targets, wrong lengths of buffers, buffers that a learner does not have, a step that was not begun.
pub trait Engine: Send + Sync {
    /// Prepares a model for inference.
    fn load(&self, model: &Model) -> Result<Arc<dyn Network>>;

    /// Starts training.
    fn learner(&self, start: &TrainingParameters, settings: &LearnerSettings) -> Result<Box<dyn Learner>>;

    /// Returns unused memory to the device.
    fn empty_cache(&self) {}

    /// The engine's memory on a GPU; none on the CPU.
    fn gpu_memory(&self) -> Option<GpuMemory> {
        None
    }
}

/// A network for inference. Thread-safe.
pub trait Network: Send + Sync {
    /// What computes it.
    fn engine(&self) -> EngineName;

    /// The network's output for each image, before the temperature. The same image gives the same bits in every batch,
    /// except with libtorch, whose rounding depends on the batch size.
    fn logits(&self, images: &Images) -> Result<Vec<f32>>;

    /// The last feature map of each image, after its norm and before its ReLU.
    fn features(&self, images: &Images) -> Result<FeatureMaps>;

    /// Runs the images and raises `maxima`, by the index of a convolution's weight in the layout, to the maximum of
    /// the inputs of each convolution. A transition's average pooling comes before its convolution here, as in plans.
    fn observe(&self, images: &Images, maxima: &mut [f32]) -> Result<()>;

    /// The same parameters with int8 convolutions for other activation ranges, or without them.
    fn with_ranges(&self, ranges: Option<&ActivationRanges>) -> Arc<dyn Network>;
}

/// Feature maps of images of one size.
#[derive(Clone, Debug, PartialEq)]
pub struct FeatureMaps {
    /// Height of each map.
    pub height: usize,
    /// Width of each map.
    pub width: usize,
    /// Their values, channels last.
    pub values: Vec<f32>,
}

/// Settings of a learner.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LearnerSettings {
    /// Optimiser.
    pub optimizer: OptimizerKind,
    /// Loss scaling, in half precision.
    pub scaler: Option<ScalerSettings>,
    /// Whether a moving average of the parameters is kept.
    pub average: bool,
}

/// How gradients become steps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Choice)]
#[serde(rename_all = "lowercase")]
#[choice(name = "optimizer")]
pub enum OptimizerKind {
    /// Adam (Kingma and Ba 2015); weight decay is added to the gradients.
    #[default]
    Adam,
    /// Adam with weight decay apart from the gradients (Loshchilov and Hutter 2019).
    #[choice(name = "adamw")]
    AdamW,
    /// Stochastic gradient descent with momentum; weight decay is added to the gradients.
    Sgd,
}

/// One step of the optimiser, in PyTorch's form: Adam (Kingma and Ba 2015), AdamW (Loshchilov and Hutter 2019), SGD with
/// momentum. With m and v the moments of the gradient g, Adam's is m += (1 - beta1) (g - m), v += (1 - beta2) (g^2 - v), and
/// values -= learning rate * m' / (sqrt(v') + epsilon), where m' and v' are m / (1 - beta1^step) and v / (1 - beta2^step).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct UpdateStep {
    /// Learning rate.
    pub learning_rate: f64,
    /// Weight decay of convolutions and head; norms and biases have none.
    pub weight_decay: f64,
    /// SGD's momentum.
    pub momentum: f64,
    /// Adam's, of the first moment.
    pub beta1: f64,
    /// Adam's, of the second moment.
    pub beta2: f64,
    /// Adam's, added to the denominator.
    pub epsilon: f64,
    /// Number of the step, from 1.
    pub step: i32,
    /// Gradients are scaled so that their norm is at most this.
    pub clip_norm: Option<f64>,
}

impl UpdateStep {
    /// PyTorch's defaults for Adam's first step, and SGD without momentum.
    pub const PYTORCH: UpdateStep = UpdateStep {
        learning_rate: 1e-3,
        weight_decay: 0.0,
        momentum: 0.0,
        beta1: 0.9,
        beta2: 0.999,
        epsilon: 1e-8,
        step: 1,
        clip_norm: None,
    };
}

/// Which weights of a learner to compute with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weights {
    /// The parameters in training.
    Current,
    /// Their moving average.
    Average,
}

/// A buffer of a learner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Slot {
    /// Trained parameters.
    Values = 0,
    /// Running statistics.
    Statistics = 1,
    /// Trained parameters of the average.
    AverageValues = 2,
    /// Running statistics of the average.
    AverageStatistics = 3,
    /// The optimiser's first moments, as many as trained parameters.
    FirstMoment = 4,
    /// The optimiser's second moments.
    SecondMoment = 5,
}

impl Slot {
    /// All slots, at the index of their number.
    pub const ALL: [Slot; 6] = [
        Slot::Values,
        Slot::Statistics,
        Slot::AverageValues,
        Slot::AverageStatistics,
        Slot::FirstMoment,
        Slot::SecondMoment,
    ];

    /// Number of elements, if the learner has it.
    pub fn length(self) -> usize {
        match self {
            Slot::Statistics | Slot::AverageStatistics => LAYOUT.statistics_count(),
            Slot::Values | Slot::AverageValues | Slot::FirstMoment | Slot::SecondMoment => LAYOUT.trained_count(),
        }
    }
}

/// State of the gradient scaler.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScalerState {
    /// Factor of the loss.
    pub scale: f64,
    /// Steps without overflow since the last change.
    pub good_steps: u32,
}

/// A network in training. A step is `begin`, `accumulate` for each part of the batch, and `update`; or `abandon`.
pub trait Learner: Send {
    /// Starts a step: clears the gradients and saves the running statistics; `head_only` trains the linear layer alone,
    /// on features normalised by the running statistics.
    fn begin(&mut self, head_only: bool) -> Result<()>;

    /// Adds `share` times the gradients of the mean loss of some images: binary cross-entropy of logits with
    /// `pos_weight`; `targets` are probabilities from 0 to 1. Updates the running statistics. Returns the mean loss.
    fn accumulate(&mut self, images: &Images, targets: &[f32], pos_weight: f64, share: f64) -> Result<f64>;

    /// Ends a step without an update and restores the running statistics saved by `begin`.
    fn abandon(&mut self) -> Result<()>;

    /// Ends a step by updating the parameters; false if gradients were not finite with loss scaling, and then only the
    /// scale was changed.
    fn update(&mut self, step: &UpdateStep) -> Result<bool>;

    /// Moves the average by `share` of its distance towards the parameters.
    fn update_average(&mut self, share: f64) -> Result<()>;

    /// The output for each image with the running statistics.
    fn logits(&mut self, images: &Images, weights: Weights) -> Result<Vec<f32>>;

    /// Copies a buffer out.
    fn read(&self, slot: Slot, values: &mut [f32]) -> Result<()>;

    /// Copies a buffer in.
    fn write(&mut self, slot: Slot, values: &[f32]) -> Result<()>;

    /// State of the gradient scaler; none if losses are not scaled.
    fn scaler(&self) -> Result<Option<ScalerState>>;

    /// Restores the state of the gradient scaler.
    fn set_scaler(&mut self, state: ScalerState) -> Result<()>;

    /// Whether all trained parameters are finite.
    fn is_finite(&self) -> Result<bool>;
}

/// An engine's memory on a GPU, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GpuMemory {
    /// Allocated to tensors.
    pub allocated: u64,
    /// Peak of `allocated`.
    pub allocated_peak: u64,
    /// Reserved by the allocator.
    pub reserved: u64,
    /// Peak of `reserved`.
    pub reserved_peak: u64,
}
