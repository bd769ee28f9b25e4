//! Programs whose weights are known: how they name parameters, what their outputs mean, what their images are like.

use super::options::Normalisation;

/// The program that weights come from, by the names of its parameters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Program {
    /// torchvision and timm, or a network of one's own made from theirs.
    #[default]
    Torchvision,
    /// <https://github.com/arnoweng/CheXNet>, model.py and its model.pth.tar: torchvision 0.2's names behind
    /// `module.densenet121.`, and nn.Sequential(nn.Linear, nn.Sigmoid) with 14 outputs.
    CheXNet,
    /// monai.networks.nets.DenseNet121 (monai/networks/nets/densenet.py, 1.6.1): layers of a dense layer within
    /// `layers.`, the head is `class_layers.out`.
    Monai,
    /// torchxrayvision.models.DenseNet (torchxrayvision/models.py, 1.5.7): torchvision's names, one channel, `op_threshs`.
    TorchXRayVision,
}

/// CLASS_NAMES of CheXNet's model.py, in the order of its outputs.
const CHEXNET: [&str; 14] = [
    "Atelectasis",
    "Cardiomegaly",
    "Effusion",
    "Infiltration",
    "Mass",
    "Nodule",
    "Pneumonia",
    "Pneumothorax",
    "Consolidation",
    "Edema",
    "Emphysema",
    "Fibrosis",
    "Pleural_Thickening",
    "Hernia",
];

/// DenseNet.targets of torchxrayvision's models.py, in the order of its outputs.
const TORCHXRAYVISION: [&str; 18] = [
    "Atelectasis",
    "Consolidation",
    "Infiltration",
    "Pneumothorax",
    "Edema",
    "Emphysema",
    "Fibrosis",
    "Effusion",
    "Pneumonia",
    "Pleural_Thickening",
    "Cardiomegaly",
    "Nodule",
    "Mass",
    "Hernia",
    "Lung Lesion",
    "Fracture",
    "Lung Opacity",
    "Enlarged Cardiomediastinum",
];

impl Program {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Program::Torchvision => "torchvision",
            Program::CheXNet => "CheXNet",
            Program::Monai => "MONAI",
            Program::TorchXRayVision => "torchxrayvision",
        }
    }

    /// Names of its outputs, none if they are not known. They are findings, each with a sigmoid of its own.
    pub fn findings(self, outputs: usize) -> &'static [&'static str] {
        let findings: &[&str] = match self {
            Program::CheXNet => &CHEXNET,
            Program::TorchXRayVision => &TORCHXRAYVISION,
            Program::Torchvision | Program::Monai => &[],
        };
        if findings.len() == outputs { findings } else { &[] }
    }

    /// Width and height of its images, and how their values are normalised: CheXNet's model.py (TenCrop(224),
    /// Normalize); input_resolution in torchxrayvision's model_urls, and its utils.normalize.
    pub fn preprocessing(self) -> Option<(u32, Normalisation)> {
        match self {
            Program::CheXNet => Some((224, Normalisation::ImageNet)),
            Program::TorchXRayVision => Some((224, Normalisation::TorchXRayVision)),
            Program::Torchvision | Program::Monai => None,
        }
    }
}
