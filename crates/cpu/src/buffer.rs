//! Memory that work on the CPU needs for a while, kept from one time to the next.

use lens_base::{Result, reserve};

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
    reserve(buffer, length, "a training step")?;
    Ok(buffer)
}
