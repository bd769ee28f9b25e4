//! Checkpoints of PyTorch since 1.6: a zip archive of a pickle and an uncompressed entry for each storage.

use super::archive::{Archive, ArchiveKind};
use super::object::Storage;
use super::pickle;
use super::state_dict::{METADATA_KEY, StateDict};
use lens_base::{Error, Result};
use std::collections::HashMap;

/// Entry with this library's metadata.
const METADATA_ENTRY: &str = "extra/lesionlens.json";

/// Reads the archive.
pub fn read(bytes: &[u8]) -> Result<StateDict<'_>> {
    let mut archive = Archive::open(bytes)?;
    let kind = archive.kind();
    if kind != ArchiveKind::StateDict {
        let kind = kind.description();
        return Err(Error::format(format!(
            "is {kind}, not a state dict: save the network's state_dict() with torch.save"
        )));
    }
    if archive.has("byteorder") && archive.entry("byteorder")? != b"little" {
        return Err(Error::format("was saved on a big-endian machine; only little-endian files are read"));
    }
    let pickle = pickle::read(archive.entry("data.pkl")?)?;
    let mut found: HashMap<&str, &[u8]> = HashMap::new();
    let mut state = StateDict::of_pickle(&pickle, |storage| {
        let bytes = match found.get(storage.key) {
            Some(bytes) => *bytes,
            None => archive.entry(&format!("data/{}", storage.key))?,
        };
        found.insert(storage.key, bytes);
        check_size(storage, bytes)?;
        Ok(bytes)
    })?;
    if archive.has(METADATA_ENTRY) {
        let text = std::str::from_utf8(archive.entry(METADATA_ENTRY)?)
            .map_err(|_| Error::format(format!("its entry {METADATA_ENTRY} is not UTF-8")))?;
        state.metadata.insert(METADATA_KEY.to_string(), text.to_string());
    }
    Ok(state)
}

fn check_size(storage: &Storage, bytes: &[u8]) -> Result<()> {
    let size = storage.dtype.size();
    if storage.count.checked_mul(size) == Some(bytes.len()) {
        return Ok(());
    }
    Err(Error::format(format!(
        "storage {} has {} bytes, not {} numbers of {size}",
        storage.key.escape_debug(),
        bytes.len(),
        storage.count
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Cursor, Write};
    use zip::write::SimpleFileOptions;
    use zip::{CompressionMethod, ZipWriter};

    /// {"w": two floats of storage "0"}.
    const PICKLE: &[u8] = b"\x80\x02}X\x01\x00\x00\x00wctorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00storage\
        ctorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x02tQK\x00K\x02\x85K\x01\x85\x89}tRs.";
    const NUMBERS: &[u8] = &[0, 0, 0x80, 0x3f, 0, 0, 0, 0x40];

    fn archive(entries: &[(&str, &[u8])]) -> Vec<u8> {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        for (name, content) in entries {
            writer.start_file(*name, options).unwrap();
            writer.write_all(content).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    fn message(entries: &[(&str, &[u8])]) -> String {
        read(&archive(entries)).unwrap_err().to_string()
    }

    #[test]
    fn state_dict_is_read_from_any_root() {
        for root in ["archive/", "my.model/", ""] {
            let (pickle, numbers) = (format!("{root}data.pkl"), format!("{root}data/0"));
            let bytes = archive(&[(&pickle, PICKLE), (&numbers, NUMBERS)]);
            let state = read(&bytes).unwrap();
            assert_eq!(state.tensors[0].0, "w");
            assert_eq!(state.tensors[0].1.values().unwrap(), [1.0, 2.0]);
        }
    }

    #[test]
    fn other_archives_are_named() {
        let package = [("m/data/aotinductor/model/c.wrapper.so", &b""[..]), ("m/archive_format", b"pt2")];
        assert!(message(&package).contains("is an AOTInductor package"));
        assert!(message(&[("c3ab8ff1.so", b""), ("c3ab8ff1_metadata.json", b"{}")]).contains("an AOTInductor package"));
        let exported = [("m/models/model.json", &b""[..]), ("m/archive_format", b"pt2")];
        assert!(message(&exported).contains("saved by torch.export"));
        assert!(message(&[("m/data.pkl", PICKLE), ("m/code/a.py", b"")]).contains("is a TorchScript program"));
        assert!(message(&[("m/data.pkl", PICKLE), ("m/constants.pkl", b"")]).contains("is a TorchScript program"));
        assert!(message(&[("word/document.xml", b"")]).contains("is a zip archive without data.pkl"));
        assert!(message(&[]).contains("is a zip archive without data.pkl"));
    }

    #[test]
    fn invalid_files_are_refused() {
        let (pickle, numbers) = (("m/data.pkl", PICKLE), ("m/data/0", NUMBERS));
        assert!(message(&[pickle, numbers, ("m/byteorder", b"big")]).contains("big-endian"));
        assert!(message(&[pickle]).contains("data/0 is missing"));
        assert!(message(&[pickle, ("m/data/0", &NUMBERS[..7])]).contains("has 7 bytes, not 2 numbers of 4"));
        let whole = archive(&[pickle, numbers]);
        for length in 0..whole.len() {
            assert!(read(&whole[..length]).is_err(), "{length}");
        }
        let mut damaged = whole.clone();
        let position = damaged.windows(8).position(|window| window == NUMBERS).unwrap();
        damaged[position] ^= 1;
        assert!(read(&damaged).unwrap_err().message().contains("data/0 is damaged"));
        // Both headers of an entry have its compression method at a fixed distance from their signature.
        let mut compressed = whole;
        for (signature, distance) in [(b"PK\x03\x04", 8), (b"PK\x01\x02", 10)] {
            let header = compressed.windows(4).position(|window| window == signature).unwrap();
            compressed[header + distance] = 8;
        }
        assert!(read(&compressed).is_err());
    }

    #[test]
    fn entries_that_share_bytes_are_bounded() {
        let big = vec![7; 100_000];
        let mut numbers: Vec<(String, &[u8])> = vec![("m/data.pkl".into(), PICKLE), ("m/data/0".into(), &big)];
        numbers.extend((1..9).map(|index| (format!("m/data/{index}"), NUMBERS)));
        let entries: Vec<(&str, &[u8])> = numbers.iter().map(|(name, bytes)| (name.as_str(), *bytes)).collect();
        let bytes = archive(&entries);
        let mut opened = Archive::open(&bytes).unwrap();
        assert!(opened.entry("data/0").is_ok());
        let again = opened.entry("data/0").unwrap_err();
        assert!(again.message().contains("shares its bytes"), "{again}");
    }
}
