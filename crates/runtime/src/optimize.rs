//! Optimised variants of a model: the reference pipeline's, and this library's.

use super::classifier::{Classifier, FileFormat};
use super::script::METADATA_NAME;
use lens_base::options::Choice;
use lens_base::{Error, Result, write_atomically};
use lens_system::probe::Vendor;
use std::io::Write;
use std::path::Path;

/// Optimised variants of a model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Choice)]
#[choice(name = "optimized_variant")]
pub enum Variant {
    /// What the reference pipeline writes for the context's device: the state dict where the context computes on an AMD GPU, else
    /// the 8-bit head.
    #[default]
    Auto,
    /// TorchScript whose last layer multiplies 8-bit integers: weights rounded to steps of their largest magnitude / 127.5,
    /// as PyTorch's quantize_dynamic() rounds them, and features to 7 bits, with the range that a batch has. So a logit
    /// depends a little on the batch that its image is in. The network before it stays as it is.
    #[choice(name = "int8_head")]
    Int8Head,
    /// What PyTorch's torch.save() writes of the state dict of torchvision's DenseNet-121 with one output.
    StateDict,
    /// A model of this library (safetensors) that contexts of the precision INT8 classify with 8-bit convolutions: the same
    /// weights, and how large activations become on images for calibration.
    #[choice(name = "int8")]
    Int8,
}

impl Variant {
    /// What `Auto` stands for on a machine with this GPU.
    pub fn of_reference(vendor: Option<Vendor>) -> Self {
        match vendor {
            Some(Vendor::Amd) => Variant::StateDict,
            Some(Vendor::Nvidia) | None => Variant::Int8Head,
        }
    }
}

impl Classifier {
    /// Writes a variant.
    pub fn optimize(&self, variant: Variant, path: &Path) -> Result<()> {
        let bytes = match variant {
            Variant::Auto => return self.optimize(Variant::of_reference(self.context().vendor()), path),
            Variant::Int8Head => self.to_torchscript(true)?,
            Variant::StateDict => {
                let metadata = (METADATA_NAME, &self.model().metadata_text()?[..]);
                self.context().torch_library()?.state_dict_bytes(&*self.model().parameters()?, metadata)?
            }
            Variant::Int8 if self.model().metadata().activation_ranges.is_none() => {
                return Err(Error::argument("the model was not calibrated for 8-bit convolutions"));
            }
            Variant::Int8 => return self.save(path, FileFormat::Safetensors),
        };
        write_atomically(path, |file| file.write_all(&bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reference_variant_by_vendor() {
        assert_eq!(Variant::of_reference(None), Variant::Int8Head);
        assert_eq!(Variant::of_reference(Some(Vendor::Nvidia)), Variant::Int8Head);
        assert_eq!(Variant::of_reference(Some(Vendor::Amd)), Variant::StateDict);
    }
}
