//! Optimised variants of a model: the reference pipeline's, and this library's.

use super::classifier::{Classifier, FileFormat};
use super::script::METADATA_NAME;
use lens_base::{Error, Result, write_atomically};
use lens_system::probe::Vendor;
use std::io::Write;
use std::path::Path;

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant {
    /// A TorchScript program whose last layer computes in 8-bit integers.
    Int8Head,
    /// A checkpoint of PyTorch.
    StateDict,
    /// A model of this library whose convolutions can be computed in 8-bit integers.
    Int8,
}

impl Variant {
    /// What the reference pipeline writes on a machine with this GPU.
    pub fn of_reference(vendor: Option<Vendor>) -> Self {
        match vendor {
            Some(Vendor::Amd) => Variant::StateDict,
            Some(Vendor::Nvidia) | None => Variant::Int8Head,
        }
    }
}

impl Classifier {
    /// Writes a variant, by default what the reference pipeline writes on this machine.
    pub fn optimize(&self, variant: Option<Variant>, path: &Path) -> Result<()> {
        let vendor = self.context().vendor();
        let bytes = match variant.unwrap_or_else(|| Variant::of_reference(vendor)) {
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
    fn each_vendor_gets_what_the_reference_writes_there() {
        assert_eq!(Variant::of_reference(None), Variant::Int8Head);
        assert_eq!(Variant::of_reference(Some(Vendor::Nvidia)), Variant::Int8Head);
        assert_eq!(Variant::of_reference(Some(Vendor::Amd)), Variant::StateDict);
    }
}
