//! Heatmaps as NumPy reads them.

use lens_base::{Result, write_atomically};
use npyz::WriterBuilder;
use std::path::Path;

/// Writes height x width 32-bit floats, row by row.
pub fn write_npy(path: &Path, width: usize, height: usize, values: &[f32]) -> Result<()> {
    write_atomically(path, |file| {
        let mut writer =
            npyz::WriteOptions::new().default_dtype().shape(&[height as u64, width as u64]).writer(file).begin_nd()?;
        writer.extend(values)?;
        writer.finish()
    })
}
