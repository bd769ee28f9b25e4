//! Maps as NumPy reads them.

use lens_base::{Error, Result};
use npyz::WriterBuilder;

/// A file of height x width 32-bit floats.
pub fn file(width: usize, height: usize, values: &[f32]) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let options = npyz::WriteOptions::new().default_dtype().shape(&[height as u64, width as u64]);
    let written = options.writer(&mut bytes).begin_nd().and_then(|mut writer| {
        writer.extend(values)?;
        writer.finish()
    });
    written.map_err(|error| Error::internal(format!("cannot write an npy file: {error}")))?;
    Ok(bytes)
}
