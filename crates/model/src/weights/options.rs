//! How weights of other programs are read.

use lens_base::options::{Choice, Options};
use lens_base::{Error, Result};
use lens_images::Preprocessing;
use serde::Serialize;

/// What the outputs of a head are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Choice)]
#[serde(rename_all = "lowercase")]
pub enum HeadKind {
    /// As the program has it whose weights they are: findings for CheXNet's and torchxrayvision's. Of others two outputs
    /// are taken for classes, and more are refused until it is said what they are.
    #[default]
    Auto,
    /// Classes of which one is right, with a softmax over them. The logit is the output of the positive class minus that of
    /// the negative class.
    Softmax,
    /// Findings that are there or not, each with a sigmoid of its own. The logit is the output of the positive class.
    Sigmoid,
}

/// What the network expects of its images' values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Choice)]
#[serde(rename_all = "lowercase")]
pub enum Normalisation {
    /// As the program has it whose weights they are: CheXNet's and torchxrayvision's are known; of others none.
    #[default]
    Auto,
    /// The values as they are, 0..1.
    None,
    /// Mean 0.485, 0.456, 0.406 and standard deviation 0.229, 0.224, 0.225 for red, green and blue, as torchvision's weights
    /// from ImageNet want it.
    #[choice(name = "imagenet")]
    ImageNet,
    /// -1024 for black to 1024 for white, as torchxrayvision has it: mean 0.5, standard deviation 1 / 2048.
    #[choice(name = "torchxrayvision")]
    TorchXRayVision,
}

impl Normalisation {
    /// Mean and standard deviation of 0..1 values; `None`: left to others.
    pub fn values(self) -> Option<([f32; 3], [f32; 3])> {
        match self {
            Normalisation::Auto => None,
            Normalisation::None => Some(([0.0; 3], [1.0; 3])),
            Normalisation::ImageNet => Some(([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])),
            Normalisation::TorchXRayVision => Some(([0.5; 3], [1.0 / 2048.0; 3])),
        }
    }

    /// In words.
    pub fn description(self) -> &'static str {
        match self {
            Normalisation::Auto | Normalisation::None => "none: values of 0..1",
            Normalisation::ImageNet => "ImageNet's mean and standard deviation",
            Normalisation::TorchXRayVision => "-1024..1024, as torchxrayvision has it",
        }
    }
}

/// How weights of other programs are read.
#[derive(Clone, Debug, PartialEq, Serialize, Options)]
pub struct WeightsOptions {
    /// The positive class of a head with several outputs: its number from 0, or its name where the program's classes are
    /// known (CheXNet's and torchxrayvision's are).
    #[option(unset = "the second of two outputs; in training the head is left out", flag = "--head-positive CLASS")]
    pub head_positive: Option<String>,
    /// The class that the positive one is set against where a softmax has more than two: the probability is then that of
    /// the positive class given that it is one of these two. Named like head_positive.
    #[option(unset = "the other of two outputs", flag = "--head-negative CLASS")]
    pub head_negative: Option<String>,
    /// What the outputs of a head with several are.
    #[option(flag = "--head-kind")]
    pub head_kind: HeadKind,
    /// What the network expects of its images' values. In training, mean and standard_deviation win over what is known of
    /// the weights.
    #[option(flag = "--normalisation")]
    pub normalisation: Normalisation,
}

impl WeightsOptions {
    /// Whether anything is said of the head.
    pub fn name_head(&self) -> bool {
        self.head_positive.is_some() || self.head_negative.is_some() || self.head_kind != HeadKind::Auto
    }
}

/// How weights of other programs become a model.
#[derive(Clone, Debug, PartialEq, Options)]
pub struct ImportOptions {
    /// What the weights mean.
    #[option(nested)]
    pub weights: WeightsOptions,
    /// Images are resized to this many pixels in width and height before the network.
    #[option(
        minimum = 32,
        maximum = 4096,
        unset = "224 for weights of CheXNet and torchxrayvision, 128 for others",
        flag = "--size PX"
    )]
    pub image_size: Option<u32>,
}

impl ImportOptions {
    /// Refuses options that a file with a network and preprocessing of its own would not heed; `what` it is.
    pub fn check_unused(&self, what: &str) -> Result<()> {
        let defaults = ImportOptions::default();
        let is_set = |name: &str| self.get(name) != defaults.get(name);
        match self.fields().iter().find(|field| is_set(field.name)) {
            Some(field) => Err(Error::argument(format!(
                "{} is set, but the file is {what}, which says itself what it expects: leave it out",
                field.name
            ))),
            None => Ok(()),
        }
    }

    /// The preprocessing: as asked for, or as the program has it, or the default.
    pub fn preprocessing(&self, known: Option<(u32, Normalisation)>) -> Preprocessing {
        let mut preprocessing = Preprocessing::default();
        let asked = self.weights.normalisation.values();
        if let Some((mean, deviation)) = asked.or(known.and_then(|(_, normalisation)| normalisation.values())) {
            (preprocessing.mean, preprocessing.standard_deviation) = (mean, deviation);
        }
        if let Some(size) = self.image_size.or(known.map(|(size, _)| size)) {
            preprocessing.image_size = size;
        }
        preprocessing
    }
}
