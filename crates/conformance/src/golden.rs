//! Golden vectors, written by the scripts in tests/golden with torchvision and PyTorch.

use safetensors::tensor::{Dtype, SafeTensors};

/// pos_weight of the loss in golden steps.
pub const POS_WEIGHT: f64 = 1.5;
/// Images, height and width of the batch that golden steps train on.
pub const TRAINING: [usize; 3] = [4, 64, 64];
/// Images, height and width of the batches for inference, and whether there are feature maps for them.
pub(crate) const EVALUATION: [([usize; 3], bool); 5] =
    [([2, 64, 64], true), ([1, 32, 32], true), ([1, 97, 130], true), ([1, 224, 224], false), ([3, 33, 47], false)];

/// Golden vectors of the network: see densenet.py.
pub struct Golden(Vec<u8>);

pub(crate) fn read(name: &str) -> Vec<u8> {
    let path = format!("{}/../../tests/golden/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

impl Golden {
    /// Reads the file.
    #[allow(clippy::new_without_default, reason = "it reads a file")]
    pub fn new() -> Self {
        Golden(read("densenet.safetensors"))
    }

    /// A tensor, row by row.
    pub fn values(&self, name: &str) -> Vec<f64> {
        let file = SafeTensors::deserialize(&self.0).expect("a file of tensors");
        let view = file.tensor(name).unwrap_or_else(|error| panic!("{name}: {error}"));
        let single = |bytes: &[u8; 4]| f64::from(f32::from_le_bytes(*bytes));
        match view.dtype() {
            Dtype::F32 => view.data().as_chunks().0.iter().map(single).collect(),
            Dtype::F64 => view.data().as_chunks().0.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect(),
            other => panic!("{name} has the type {other:?}"),
        }
    }
}
