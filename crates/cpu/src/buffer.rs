//! Memory that work on the CPU needs for a while, kept from one time to the next.

use lens_base::{Error, ErrorKind, Result};

/// A buffer of this length, whatever it held before.
pub fn sized<T: Clone + Default>(buffer: &mut Vec<T>, length: usize) -> Result<&mut [T]> {
    if buffer.len() < length {
        // Nothing of the old content is worth copying, and its memory may be needed.
        *buffer = Vec::new();
        reserved(buffer, length)?.resize(length, T::default());
    }
    Ok(&mut buffer[..length])
}

/// An empty buffer with room for so many.
pub fn reserved<T>(buffer: &mut Vec<T>, length: usize) -> Result<&mut Vec<T>> {
    buffer.clear();
    buffer.try_reserve_exact(length).map_err(|_| {
        let bytes = length.saturating_mul(size_of::<T>());
        Error::new(ErrorKind::OutOfMemory, format!("out of memory: {bytes} bytes for a training step"))
    })?;
    Ok(buffer)
}
