//! Checkpoints of PyTorch before 1.6: five pickles, then the bytes of all storages.

use super::object::{Pickle, Value};
use super::pickle;
use super::state_dict::StateDict;
use lens_base::{Error, Result};
use std::collections::HashMap;

/// 0x1950a86a20f9469cfc6c, as a pickle holds it.
const MAGIC_NUMBER: [u8; 10] = [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];
/// The only version.
const VERSION: i64 = 1001;

/// Reads the file.
pub fn read(bytes: &[u8]) -> Result<StateDict<'_>> {
    let mut rest = bytes;
    let mut next = || -> Result<Pickle<'_>> {
        let pickle = pickle::read(rest)?;
        rest = &rest[pickle.length..];
        Ok(pickle)
    };
    if next()?.root != Value::LongInteger(&MAGIC_NUMBER) {
        return Err(Error::format("is a pickle that torch.save did not write"));
    }
    let version = next()?.root;
    if version != Value::Integer(VERSION) {
        return Err(Error::format(format!("has the format version {version:?}; {VERSION} is read")));
    }
    let system = next()?;
    if system.entry(system.root, "little_endian") != Some(Value::Bool(true)) {
        return Err(Error::format("was saved on a big-endian machine; only little-endian files are read"));
    }
    let saved = next()?;
    let keys = next()?;
    let keys = keys.list(keys.root).ok_or_else(|| Error::format("has no list of its storages"))?;
    let storages = locate(&saved, keys, rest)?;
    StateDict::of_pickle(&saved, |storage| {
        let found = storages.get(storage.key);
        found.copied().ok_or_else(|| Error::format("its storage is not in the file"))
    })
}

/// Finds each storage's bytes: a count, then as many elements of the type in the pickle.
fn locate<'a>(saved: &Pickle<'a>, keys: &[Value<'a>], bytes: &'a [u8]) -> Result<HashMap<&'a str, &'a [u8]>> {
    let mut known = HashMap::new();
    for storage in saved.storages() {
        let shape = (storage.count, storage.dtype);
        if *known.entry(storage.key).or_insert(shape) != shape {
            return Err(Error::format(format!("storage {} has two types or sizes", storage.key.escape_debug())));
        }
    }
    let mut rest = bytes;
    let mut storages = HashMap::new();
    for key in keys {
        let Value::Text(key) = *key else { return Err(Error::format("has a storage whose key is no text")) };
        let broken = |reason: &str| Error::format(format!("storage {} {reason}", key.escape_debug()));
        let (count, dtype) = *known.get(key).ok_or_else(|| broken("belongs to no tensor"))?;
        let (head, numbers) = rest.split_first_chunk().ok_or_else(|| broken("is cut off"))?;
        if usize::try_from(u64::from_le_bytes(*head)) != Ok(count) {
            return Err(broken("has another size than the pickle says"));
        }
        let size = count.checked_mul(dtype.size()).filter(|size| *size <= numbers.len());
        let (stored, after) = numbers.split_at(size.ok_or_else(|| broken("is cut off"))?);
        storages.insert(key, stored);
        rest = after;
    }
    Ok(storages)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAGIC: &[u8] = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.";
    const VERSION: &[u8] = b"\x80\x02M\xe9\x03.";
    const SYSTEM: &[u8] = b"\x80\x02}X\x0d\x00\x00\x00little_endian\x88s.";
    const KEYS: &[u8] = b"\x80\x02]X\x01\x00\x00\x00ka.";
    const NUMBERS: &[u8] = b"\x03\0\0\0\0\0\0\0\0\0\x80\x3f\0\0\0\x40\0\0\x40\x40";

    /// {"w": two floats, from one on, of storage "k" of three}; `view` is the storage's last field.
    fn object(view: &[u8]) -> Vec<u8> {
        let head: &[u8] = b"\x80\x02}X\x01\x00\x00\x00wctorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00storage\
            ctorch\nFloatStorage\nX\x01\x00\x00\x00kX\x03\x00\x00\x00cpuK\x03";
        [head, view, b"tQK\x00K\x02\x85K\x01\x85\x89}tRs."].concat()
    }

    fn values(parts: &[&[u8]]) -> Result<Vec<f32>> {
        let bytes = parts.concat();
        read(&bytes)?.tensors[0].1.values()
    }

    #[test]
    fn storages_and_views() {
        let whole = object(b"N");
        assert_eq!(values(&[MAGIC, VERSION, SYSTEM, &whole, KEYS, NUMBERS]).unwrap(), [1.0, 2.0]);
        // PyTorch before 0.4 saved views of storages: key, first element, count.
        let part = object(b"X\x01\x00\x00\x00vK\x01K\x02\x87");
        assert_eq!(values(&[MAGIC, VERSION, SYSTEM, &part, KEYS, NUMBERS]).unwrap(), [2.0, 3.0]);
        for outside in [&b"X\x01\x00\x00\x00vK\x02K\x02\x87"[..], b"X\x01\x00\x00\x00vK\x00K\x01\x87"] {
            let error = values(&[MAGIC, VERSION, SYSTEM, &object(outside), KEYS, NUMBERS]).unwrap_err();
            assert!(error.message().contains("w: "), "{error}");
        }
    }

    #[test]
    fn invalid_files_are_refused() {
        let whole = object(b"N");
        let message = |parts: &[&[u8]]| values(parts).unwrap_err().to_string();
        assert!(message(&[b"\x80\x02}."]).contains("torch.save did not write"));
        assert!(message(&[MAGIC, b"\x80\x02M\xea\x03."]).contains("1001 is read"));
        let big = b"\x80\x02}X\x0d\x00\x00\x00little_endian\x89s.";
        assert!(message(&[MAGIC, VERSION, big, &whole]).contains("big-endian"));
        let none = b"\x80\x02].";
        assert!(message(&[MAGIC, VERSION, SYSTEM, &whole, none]).contains("w: its storage is not in the file"));
        let foreign = b"\x80\x02]X\x01\x00\x00\x00za.";
        assert!(
            message(&[MAGIC, VERSION, SYSTEM, &whole, foreign, NUMBERS]).contains("storage z belongs to no tensor")
        );
        let fewer = [b"\x02\0\0\0\0\0\0\0", &NUMBERS[8..]].concat();
        assert!(message(&[MAGIC, VERSION, SYSTEM, &whole, KEYS, &fewer]).contains("another size"));
        let all = [MAGIC, VERSION, SYSTEM, &whole, KEYS, NUMBERS].concat();
        for length in 0..all.len() {
            assert!(read(&all[..length]).is_err(), "{length}");
        }
    }
}
