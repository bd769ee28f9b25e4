//! Memory that work on the CPU needs for a while, kept from one time to the next.

use crate::error::{Error, ErrorKind, Result};

/// A buffer of this length, whatever it held before.
pub fn sized<T: Clone + Default>(buffer: &mut Vec<T>, length: usize) -> Result<&mut [T]> {
    if buffer.len() < length {
        // Nothing of the old content is worth copying, and its memory may be needed.
        *buffer = Vec::new();
        buffer.try_reserve_exact(length).map_err(|_| {
            let bytes = length * size_of::<T>();
            Error::new(ErrorKind::OutOfMemory, format!("out of memory: {bytes} bytes for a training step"))
        })?;
        buffer.resize(length, T::default());
    }
    Ok(&mut buffer[..length])
}
