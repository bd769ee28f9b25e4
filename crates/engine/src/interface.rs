//! What an engine does: computes a network's outputs, and steps of its training, from plain memory.

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
    /// The library's own, with the network compiled for AVX-512.
    PlanAvx512,
    /// The same with most convolutions in 8-bit integers.
    PlanAvx512Int8,
    /// Compiled for AVX2 with FMA.
    PlanAvx2,
    /// Compiled for what every processor has.
    PlanPortable,
    /// The library's own without any compiling: slow, and what plans are compared with.
    Reference,
    /// libtorch.
    Torch,
    /// A TorchScript program, run by libtorch.
    TorchScript,
    /// An AOTInductor package, run by libtorch.
    Aoti,
}

impl EngineName {
    /// As reports say it.
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

/// Computes on one device. Thread-safe. Whatever an engine does, memory that runs out comes back as an error of the kind
/// `OutOfMemory`, after which the engine goes on; so does use that makes no sense, as an error of any kind: images that are
/// too small or do not lie in their memory, numbers of targets or lengths of buffers that do not fit, buffers that a learner
/// does not have, a step that was not begun.
pub trait Engine: Send + Sync {
    /// Makes a model ready to compute.
    fn load(&self, model: &Model) -> Result<Arc<dyn Network>>;

    /// Begins to train.
    fn learner(&self, start: &TrainingParameters, settings: &LearnerSettings) -> Result<Box<dyn Learner>>;

    /// Gives memory that nothing uses back to the device.
    fn empty_cache(&self) {}

    /// The engine's memory on a GPU; none on the CPU.
    fn gpu_memory(&self) -> Option<GpuMemory> {
        None
    }
}

/// A network that is ready to compute. Thread-safe.
pub trait Network: Send + Sync {
    /// What computes it.
    fn engine(&self) -> EngineName;

    /// The network's output for each image, before the temperature. The same image gives the same bits in any company,
    /// but for libtorch, whose rounding depends on the number of images.
    fn logits(&self, images: &Images) -> Result<Vec<f32>>;

    /// The last feature map of each image: after its norm, before its ReLU.
    fn features(&self, images: &Images) -> Result<FeatureMaps>;

    /// Raises `largest`, by the index of a convolution's weight in the layout, to the largest input that each convolution
    /// has while these images go through the network. The compiled network pools before a transition's convolution, and so
    /// does this.
    fn observe(&self, images: &Images, largest: &mut [f32]) -> Result<()>;

    /// The same numbers with convolutions in 8 bits made from other ranges, or without them.
    fn with_ranges(&self, ranges: Option<&ActivationRanges>) -> Arc<dyn Network>;
}

/// Feature maps of images of one size.
#[derive(Clone, Debug, PartialEq)]
pub struct FeatureMaps {
    /// Of each.
    pub height: usize,
    /// Of each.
    pub width: usize,
    /// Image after image, row by row, the channels of a place beside each other.
    pub values: Vec<f32>,
}

/// What a learner is made for.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LearnerSettings {
    /// How gradients become steps.
    pub optimizer: OptimizerKind,
    /// Loss scaling, in half precision.
    pub scaler: Option<ScalerSettings>,
    /// Whether a moving average is kept beside the parameters.
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
    /// Step length.
    pub learning_rate: f64,
    /// Pull of the weights of convolutions and head towards 0; norms and biases are left alone.
    pub weight_decay: f64,
    /// Of SGD.
    pub momentum: f64,
    /// Adam's, of the first moment.
    pub beta1: f64,
    /// Adam's, of the second moment.
    pub beta2: f64,
    /// Adam's: keeps the denominator from being 0.
    pub epsilon: f64,
    /// From 1.
    pub step: i32,
    /// Gradients whose norm is greater are shortened to it.
    pub clip_norm: Option<f64>,
}

impl UpdateStep {
    /// PyTorch's defaults: the first step of Adam, or of gradient descent without momentum.
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

/// What a learner computes with.
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
    /// Trained numbers.
    Values = 0,
    /// Running statistics.
    Statistics = 1,
    /// Trained numbers of the average.
    AverageValues = 2,
    /// Running statistics of the average.
    AverageStatistics = 3,
    /// The optimiser's first moments, as many as trained numbers.
    FirstMoment = 4,
    /// The optimiser's second moments.
    SecondMoment = 5,
}

impl Slot {
    /// All of them, at their numbers.
    pub const ALL: [Slot; 6] = [
        Slot::Values,
        Slot::Statistics,
        Slot::AverageValues,
        Slot::AverageStatistics,
        Slot::FirstMoment,
        Slot::SecondMoment,
    ];

    /// How many numbers it has, where there is one.
    pub fn length(self) -> usize {
        match self {
            Slot::Statistics | Slot::AverageStatistics => LAYOUT.statistics_count(),
            Slot::Values | Slot::AverageValues | Slot::FirstMoment | Slot::SecondMoment => LAYOUT.trained_count(),
        }
    }
}

/// State of the loss scaling.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScalerState {
    /// What the loss is multiplied by.
    pub scale: f64,
    /// Good steps since the last change.
    pub good_steps: u32,
}

/// A network in training. A step is `begin`, `accumulate` for each part of the batch, and `update`; or `abandon`.
pub trait Learner: Send {
    /// Clears the gradients and remembers the running statistics; `head_only` trains the linear layer alone, on features
    /// by the running statistics.
    fn begin(&mut self, head_only: bool) -> Result<()>;

    /// Adds `share` times the gradients of the mean loss of some images: binary cross entropy on logits with `pos_weight`
    /// as the weight of the positive part; `targets` are probabilities from 0 to 1. Updates the running statistics. Returns
    /// the mean loss.
    fn accumulate(&mut self, images: &Images, targets: &[f32], pos_weight: f64, share: f64) -> Result<f64>;

    /// Takes the running statistics back to where they were at `begin`.
    fn abandon(&mut self) -> Result<()>;

    /// Moves the parameters along the gradients; with loss scaling false when they are not finite, and then nothing has
    /// moved but the scale.
    fn update(&mut self, step: &UpdateStep) -> Result<bool>;

    /// Moves the average by `share` of its distance towards the parameters.
    fn blend_average(&mut self, share: f64) -> Result<()>;

    /// The output for each image by the running statistics.
    fn logits(&mut self, images: &Images, weights: Weights) -> Result<Vec<f32>>;

    /// Copies a buffer out.
    fn read(&self, slot: Slot, values: &mut [f32]) -> Result<()>;

    /// Copies a buffer in.
    fn write(&mut self, slot: Slot, values: &[f32]) -> Result<()>;

    /// The loss scaling's state.
    fn scaler(&self) -> Result<Option<ScalerState>>;

    /// Takes the loss scaling's state over.
    fn set_scaler(&mut self, state: ScalerState) -> Result<()>;

    /// Whether all trained numbers are finite.
    fn is_finite(&self) -> Result<bool>;
}

/// An engine's memory on a GPU, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GpuMemory {
    /// In tensors.
    pub allocated: u64,
    /// In tensors at most, so far.
    pub allocated_peak: u64,
    /// Taken from the GPU.
    pub reserved: u64,
    /// Taken from the GPU at most, so far.
    pub reserved_peak: u64,
}
