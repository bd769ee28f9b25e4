//! Memory of pixels.

use lens_base::{Result, reserve};

/// Zeros, which cost nothing before they are written to, but are there.
pub fn zeroed(bytes: usize) -> Result<Vec<u8>> {
    reserve(&mut Vec::<u8>::new(), bytes, "the pixels of an image")?;
    Ok(vec![0; bytes])
}

/// Makes pixels of `FROM` bytes ones of `TO` bytes, which are no more, in the same memory.
pub fn narrow<const FROM: usize, const TO: usize>(bytes: &mut Vec<u8>, pixel: impl Fn([u8; FROM]) -> [u8; TO]) {
    const { assert!(TO <= FROM) };
    let pixels = bytes.len() / FROM;
    for index in 0..pixels {
        let from: [u8; FROM] = std::array::from_fn(|byte| bytes[index * FROM + byte]);
        bytes[index * TO..][..TO].copy_from_slice(&pixel(from));
    }
    bytes.truncate(pixels * TO);
    bytes.shrink_to_fit();
}

/// The 8 highest bits of samples of 16, rounded, in the machine's byte order.
pub fn rounded<const SAMPLES: usize>(words: impl Fn(usize) -> [u8; 2]) -> [u8; SAMPLES] {
    std::array::from_fn(|sample| ((u32::from(u16::from_ne_bytes(words(sample))) + 128) / 257) as u8)
}
