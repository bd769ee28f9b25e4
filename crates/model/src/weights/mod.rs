//! Readers of weights: safetensors files and PyTorch's checkpoints, old and new, distinguished by content.
//!
//! Nothing in a file is executed. Tensors are views into the file's bytes until their values are requested.

mod archive;
mod check;
mod dtype;
mod global;
mod names;
mod object;
mod options;
mod outputs;
mod pickle;
mod program;
mod rebuild;
mod record;
mod safetensors_file;
mod state_dict;
mod tensor;
mod torch_legacy;
mod torch_zip;

pub use archive::{Archive, ArchiveKind, is_archive};
pub use check::check_parameters;
pub use dtype::Dtype;
pub use names::{NamedTensors, densenet_tensors};
pub use options::{HeadKind, ImportOptions, Normalisation, WeightsOptions};
pub(super) use outputs::{Head, Outputs};
pub use program::Program;
pub use record::{ClassRecord, HeadRecord, HeadRule, ImportRecord};
pub use state_dict::{METADATA_KEY, StateDict};
pub use tensor::TensorData;

use lens_base::{Error, Result};

/// Reads a file's bytes.
pub fn read(bytes: &[u8]) -> Result<StateDict<'_>> {
    if is_archive(bytes) {
        return torch_zip::read(bytes);
    }
    // The length of the header in eight bytes, then the header, which is JSON.
    if bytes.get(8) == Some(&b'{') {
        return safetensors_file::read(bytes);
    }
    if bytes.first() == Some(&0x80) {
        return torch_legacy::read(bytes);
    }
    if bytes.get(257..262) == Some(b"ustar") {
        return Err(Error::format(
            "is a tar archive, as PyTorch wrote before 0.1.10: load it there and save it with a PyTorch of today",
        ));
    }
    Err(Error::format("is neither a safetensors file nor a state dict saved by torch.save"))
}
