//! Scratch buffers that are kept from one use to the next.

use lens_base::{Result, reserve};

/// The first `length` elements of the buffer, which grows if needed; their values are unspecified.
pub fn sized<T: Clone + Default>(buffer: &mut Vec<T>, length: usize) -> Result<&mut [T]> {
    if buffer.len() < length {
        // The old values are not needed, and their memory may be.
        *buffer = Vec::new();
        reserved(buffer, length)?.resize(length, T::default());
    }
    Ok(&mut buffer[..length])
}

/// The buffer, empty, with capacity for `length` elements.
pub fn reserved<T>(buffer: &mut Vec<T>, length: usize) -> Result<&mut Vec<T>> {
    buffer.clear();
    reserve(buffer, length, "a training step")?;
    Ok(buffer)
}
