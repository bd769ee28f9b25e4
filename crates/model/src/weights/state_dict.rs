//! Named tensors of any file format.

use super::dtype::Dtype;
use super::object::{Pickle, Storage, Value};
use super::tensor::TensorData;
use lens_base::{Error, Result};
use std::collections::HashMap;

/// Keys of the state dict in checkpoints of training programs, in the order of preference.
const STATE_DICT_KEYS: [&str; 5] = ["model_state_dict", "state_dict", "model", "net", "network"];
/// Levels of nesting in checkpoints.
const MAX_NESTING: usize = 4;
/// Key of this library's metadata.
pub const METADATA_KEY: &str = "lesionlens";
/// Longest name in bytes.
const MAX_NAME: usize = 1024;

/// The tensors of a file, in its order.
#[derive(Debug, Default)]
pub struct StateDict<'a> {
    /// Name and tensor; names are unique.
    pub tensors: Vec<(String, TensorData<'a>)>,
    /// Names of entries that are no plain tensors: sparse, quantised or no tensors at all.
    pub others: Vec<String>,
    /// Metadata of the file.
    pub metadata: HashMap<String, String>,
}

impl<'a> StateDict<'a> {
    /// From a pickle and a function that returns the bytes of a storage.
    pub(super) fn of_pickle(
        pickle: &Pickle<'a>,
        mut bytes_of: impl FnMut(&Storage<'a>) -> Result<&'a [u8]>,
    ) -> Result<Self> {
        let mut entries: Vec<(&str, Value)> = Vec::new();
        let mut positions: HashMap<&str, usize> = HashMap::new();
        for (key, value) in pickle.dict(find(pickle)?).unwrap_or_default() {
            let Value::Text(name) = key else { continue };
            if name.len() > MAX_NAME {
                return Err(Error::format(format!("a tensor's name has {} bytes; at most {MAX_NAME}", name.len())));
            }
            // As in Python, a repeated key keeps its position and takes the last value.
            match positions.get(name) {
                Some(position) => entries[*position].1 = *value,
                None => {
                    positions.insert(name, entries.len());
                    entries.push((name, *value));
                }
            }
        }
        let mut state = StateDict::default();
        for (name, value) in entries {
            let Some(tensor) = pickle.tensor(value) else {
                state.others.push(name.to_string());
                continue;
            };
            let view = || {
                let bytes = part(&tensor.storage, bytes_of(&tensor.storage)?)?;
                TensorData::new(tensor.dtype, &tensor.layout, bytes)
            };
            let tensor = { view }().map_err(|error| error.prefixed(&name.escape_debug().to_string()))?;
            state.tensors.push((name.to_string(), tensor));
        }
        Ok(state)
    }
}

/// The dict with the tensors: the value of a well-known key, or the root object itself.
fn find<'a>(pickle: &Pickle<'a>) -> Result<Value<'a>> {
    let mut dict = pickle.root;
    let has_tensors = |dict| {
        pickle.dict(dict).is_some_and(|entries| entries.iter().any(|(_, value)| pickle.tensor(*value).is_some()))
    };
    for _ in 0..MAX_NESTING {
        let inner = STATE_DICT_KEYS.into_iter().filter_map(|key| pickle.entry(dict, key));
        match { inner }.find(|inner| pickle.dict(*inner).is_some()) {
            Some(inner) => dict = inner,
            None => break,
        }
    }
    if has_tensors(dict) {
        return Ok(dict);
    }
    Err(Error::format(format!(
        "has no state dict: neither the saved object nor its entry {} is a dict with tensors; save model.state_dict()",
        STATE_DICT_KEYS.join(", ")
    )))
}

/// The viewed part of a storage.
fn part<'a>(storage: &Storage, bytes: &'a [u8]) -> Result<&'a [u8]> {
    let size = Dtype::size(storage.dtype);
    match storage.part {
        None => Ok(bytes),
        Some((first, count)) => {
            let start = first.checked_mul(size);
            let end = first.checked_add(count).and_then(|end| end.checked_mul(size));
            start.zip(end).and_then(|(start, end)| bytes.get(start..end)).ok_or_else(|| {
                Error::format(format!("its storage is {count} numbers from {first} on of {}", bytes.len() / size))
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weights::pickle;

    const TENSOR: &[u8] =
        b"ctorch._utils\n_rebuild_tensor_v2\n((U\x07storagectorch\nFloatStorage\nU\x010U\x03cpuK\x01tQK\x00))tR";

    fn names(body: &[u8]) -> Result<(Vec<String>, Vec<String>)> {
        let bytes = [b"\x80\x02", body, b"."].concat();
        let pickle = pickle::read(&bytes)?;
        let state = StateDict::of_pickle(&pickle, |_| Ok(&[0; 4]))?;
        Ok((state.tensors.into_iter().map(|(name, _)| name).collect(), state.others))
    }

    fn entry(name: &str, value: &[u8]) -> Vec<u8> {
        [b"U", &[name.len() as u8], name.as_bytes(), value, b"s"].concat()
    }

    fn dict(entries: &[Vec<u8>]) -> Vec<u8> {
        [b"}".to_vec(), entries.concat()].concat()
    }

    #[test]
    fn state_dict_is_found_by_well_known_keys() {
        let inner = dict(&[entry("w", TENSOR), entry("note", b"N")]);
        assert_eq!(names(&inner).unwrap(), (vec!["w".into()], vec!["note".into()]));
        for key in STATE_DICT_KEYS {
            let checkpoint = dict(&[entry("epoch", b"K\x03"), entry(key, &inner), entry("loss", TENSOR)]);
            assert_eq!(names(&checkpoint).unwrap().0, ["w"], "{key}");
        }
        let deep = dict(&[entry("model", &dict(&[entry("state_dict", &inner)]))]);
        assert_eq!(names(&deep).unwrap().0, ["w"]);
        // A tensor with such a name is one of the tensors.
        assert_eq!(names(&dict(&[entry("model", TENSOR)])).unwrap().0, ["model"]);
        for body in [&b"N"[..], b"]", b"}", &dict(&[entry("model", b"]")]), &dict(&[entry("model", b"K\x01")])] {
            assert!(names(body).unwrap_err().message().contains("has no state dict"));
        }
        // A dict that contains itself.
        assert!(names(b"}q\x00U\x05modelh\x00s").unwrap_err().message().contains("has no state dict"));
    }

    #[test]
    fn repeated_key_takes_last_value() {
        let body = dict(&[entry("a", b"N"), entry("b", TENSOR), entry("a", TENSOR)]);
        assert_eq!(names(&body).unwrap(), (vec!["a".into(), "b".into()], vec![]));
    }

    #[test]
    fn name_length_is_bounded() {
        let long = [&b"}X\x01\x04\x00\x00"[..], &[b'n'; 1025], TENSOR, b"s"].concat();
        assert!(names(&long).unwrap_err().message().contains("1025 bytes"));
    }

    #[test]
    fn pending_negation_is_no_plain_tensor() {
        let lazy =
            b"ctorch._utils\n_rebuild_tensor_v2\n((U\x07storagectorch\nFloatStorage\nU\x010U\x03cpuK\x01tQK\x00))\
            \x89}}U\x03neg\x88stR";
        let (tensors, others) = names(&dict(&[entry("w", TENSOR), entry("n", lazy)])).unwrap();
        assert_eq!((tensors, others), (vec!["w".to_string()], vec!["n".to_string()]));
    }
}
