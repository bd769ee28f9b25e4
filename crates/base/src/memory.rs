//! Memory that may not be there.

use crate::{Error, ErrorKind, Result};
use lens_system::Pages;

/// Makes room in a buffer for `count` more, which are for `what`.
pub fn reserve<T>(buffer: &mut Vec<T>, count: usize, what: &str) -> Result<()> {
    buffer.try_reserve_exact(count).map_err(|_| out_of_memory(count.saturating_mul(size_of::<T>()), what))
}

/// Zeros for `what` in pages of their own, which the system has back as soon as they are dropped.
pub fn pages(bytes: usize, what: &str) -> Result<Pages> {
    Pages::zeroed(bytes).ok_or_else(|| out_of_memory(bytes, what))
}

fn out_of_memory(bytes: usize, what: &str) -> Error {
    Error::new(ErrorKind::OutOfMemory, format!("out of memory: {bytes} bytes for {what}"))
}

/// So many zeros for `what`.
pub fn zeros(count: usize, what: &str) -> Result<Vec<f32>> {
    let mut values = Vec::new();
    reserve(&mut values, count, what)?;
    values.resize(count, 0.0);
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_had_is_an_error_that_says_how_much_and_for_what() {
        let error = zeros(usize::MAX / 64, "a heatmap").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::OutOfMemory);
        assert_eq!(error.message(), format!("out of memory: {} bytes for a heatmap", usize::MAX / 64 * 4));
        assert_eq!(zeros(3, "a heatmap").unwrap(), [0.0; 3]);
        assert_eq!(pages(usize::MAX / 64 * 4, "a heatmap").unwrap_err().message(), error.message());
    }
}
