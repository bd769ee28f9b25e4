//! safetensors files.

use super::dtype::Dtype;
use super::state_dict::StateDict;
use super::tensor::{StridedLayout, TensorData};
use lens_base::{Error, Result};
use safetensors::SafeTensors;

/// Reads the file.
pub fn read(bytes: &[u8]) -> Result<StateDict<'_>> {
    let broken = |error: safetensors::SafeTensorError| Error::format(format!("not a whole safetensors file: {error}"));
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(broken)?;
    let file = SafeTensors::deserialize(bytes).map_err(broken)?;
    let mut state = StateDict { metadata: header.metadata().clone().unwrap_or_default(), ..StateDict::default() };
    for name in header.offset_keys() {
        let view = file.tensor(&name).map_err(broken)?;
        match Dtype::try_from(view.dtype()) {
            Ok(dtype) => {
                let layout = StridedLayout::contiguous(view.shape());
                let tensor = TensorData::new(dtype, &layout, view.data())
                    .map_err(|error| error.prefixed(&name.escape_debug().to_string()))?;
                state.tensors.push((name, tensor));
            }
            Err(()) => state.others.push(name),
        }
    }
    Ok(state)
}
