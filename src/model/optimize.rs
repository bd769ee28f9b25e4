//! Optimised variants of a model: the reference pipeline's, and this library's.

use super::artifact::{FileFormat, Model};
use crate::error::{Error, Result};
use crate::runtime::{Vendor, write_atomically};
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

impl Model {
    /// Writes a variant, by default what the reference pipeline writes on this machine.
    pub fn optimize(&self, variant: Option<Variant>, path: &Path) -> Result<()> {
        let vendor = self.context().vendor();
        let bytes = match variant.unwrap_or_else(|| Variant::of_reference(vendor)) {
            Variant::Int8Head => self.to_torchscript(true)?,
            Variant::StateDict => self.to_state_dict()?,
            Variant::Int8 if self.metadata().activation_ranges.is_none() => {
                return Err(Error::argument("the model was not calibrated for 8-bit convolutions"));
            }
            Variant::Int8 => return self.save(path, FileFormat::Safetensors),
        };
        write_atomically(path, |file| file.write_all(&bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::super::compiled::tests::{differences, trained_like};
    use super::*;

    #[test]
    fn each_vendor_gets_what_the_reference_writes_there() {
        assert_eq!(Variant::of_reference(None), Variant::Int8Head);
        assert_eq!(Variant::of_reference(Some(Vendor::Nvidia)), Variant::Int8Head);
        assert_eq!(Variant::of_reference(Some(Vendor::Amd)), Variant::StateDict);
    }

    #[test]
    fn both_variants_load_again_with_metadata_and_give_the_same_logits() {
        let model = trained_like();
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("optimised.pt");
        model.optimize(Some(Variant::StateDict), &path).unwrap();
        let plain = Model::load(model.context(), &path).unwrap();
        assert_eq!(plain.sha256(), model.sha256());
        assert_eq!(plain.metadata(), model.metadata());
        assert_eq!(plain.engine(), model.engine());

        model.optimize(None, &path).unwrap();
        let int8 = Model::load(model.context(), &path).unwrap();
        // Packed 8-bit weights compute on the CPU; elsewhere what they stand for does.
        let engine = if model.context().device() == tch::Device::Cpu { "torchscript" } else { model.engine() };
        assert_eq!((int8.engine(), int8.metadata()), (engine, model.metadata()));
        let largest = differences(&int8, &model).into_iter().fold(0.0, f32::max);
        // Rounded, but little: were it exact, nothing was quantised.
        assert!(largest > 1e-7 && largest < 0.1, "{largest}");
    }
}
