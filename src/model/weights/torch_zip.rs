//! Checkpoints of PyTorch since 1.6: a zip archive with a pickle and a stored entry for each storage.

use super::object::Storage;
use super::pickle;
use super::state_dict::StateDict;
use crate::error::{Error, Result};
use std::collections::HashMap;
use std::io::{Cursor, copy, sink};
use zip::read::{ArchiveOffset, Config};
use zip::{CompressionMethod, ZipArchive};

/// Reads the archive.
pub fn read(bytes: &[u8]) -> Result<StateDict<'_>> {
    let mut archive = Archive::open(bytes)?;
    if archive.has("byteorder") && archive.entry("byteorder")? != b"little" {
        return Err(Error::format("was saved on a big-endian machine; only little-endian files are read"));
    }
    let pickle = pickle::read(archive.entry("data.pkl")?)?;
    let mut found: HashMap<&str, &[u8]> = HashMap::new();
    StateDict::of_pickle(&pickle, |storage| {
        let bytes = match found.get(storage.key) {
            Some(bytes) => *bytes,
            None => archive.entry(&format!("data/{}", storage.key))?,
        };
        found.insert(storage.key, bytes);
        check_size(storage, bytes)?;
        Ok(bytes)
    })
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

struct Archive<'a> {
    bytes: &'a [u8],
    zip: ZipArchive<Cursor<&'a [u8]>>,
    /// The directory that all entries lie in, with its slash.
    root: String,
    /// Bytes that may still be read: entries that share bytes could keep the reader busy for ever.
    left: u64,
}

impl<'a> Archive<'a> {
    fn open(bytes: &'a [u8]) -> Result<Self> {
        // Offsets count from the file's beginning; to search for headers would find those of archives within this one.
        let config = Config { archive_offset: ArchiveOffset::Known(0) };
        let zip = ZipArchive::with_config(config, Cursor::new(bytes))
            .map_err(|error| Error::format(format!("not a whole zip archive: {error}")))?;
        let names: Vec<String> = zip.file_names().filter_map(|name| Some(name.ok()?.into_owned())).collect();
        let root = names.first().and_then(|name| name.split_once('/')).map_or("", |(root, _)| root);
        let root = if root.is_empty() { String::new() } else { format!("{root}/") };
        let has = |test: &dyn Fn(&str) -> bool| {
            names.iter().any(|name| test(name.strip_prefix(root.as_str()).unwrap_or(name)))
        };
        // The last part: all kinds of archives but state dicts, from the most telling sign on.
        let kind = if has(&|name| name.starts_with("data/aotinductor/") || name.ends_with(".so")) {
            "an AOTInductor package: compiled code for one machine"
        } else if has(&|name| name == "archive_format" || name.ends_with("serialized_exported_program.json")) {
            "a program saved by torch.export"
        } else if has(&|name| name == "constants.pkl" || name.starts_with("code/")) {
            "a TorchScript program"
        } else if !has(&|name| name == "data.pkl") {
            "a zip archive without data.pkl"
        } else {
            return Ok(Archive { bytes, zip, root, left: bytes.len() as u64 });
        };
        Err(Error::format(format!("is {kind}, not a state dict: save the network's state_dict() with torch.save")))
    }

    fn has(&self, name: &str) -> bool {
        self.zip.index_for_name(&format!("{}{name}", self.root)).is_some()
    }

    /// An entry's bytes where they lie in the file.
    fn entry(&mut self, name: &str) -> Result<&'a [u8]> {
        let shown = name.escape_debug();
        let broken = |reason: String| Error::format(format!("its entry {shown} {reason}"));
        let full = format!("{}{name}", self.root);
        let index = self.zip.index_for_name(&full).ok_or_else(|| broken("is missing".into()))?;
        let mut entry = self.zip.by_index(index).map_err(|error| broken(format!("cannot be read: {error}")))?;
        if entry.compression() != CompressionMethod::Stored || entry.encrypted() {
            return Err(broken("is compressed or encrypted; torch.save stores entries as they are".into()));
        }
        let size = entry.size();
        let range = entry.data_start().and_then(|start| {
            let end = start.checked_add(size)?;
            Some(usize::try_from(start).ok()?..usize::try_from(end).ok()?)
        });
        let stored = range.and_then(|range| self.bytes.get(range)).ok_or_else(|| broken("leaves the file".into()))?;
        self.left = self.left.checked_sub(size).ok_or_else(|| broken("shares its bytes with others".into()))?;
        // The reader compares the checksum at the end.
        copy(&mut entry, &mut sink()).map_err(|error| broken(format!("is damaged: {error}")))?;
        Ok(stored)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

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
    fn a_state_dict_is_read_from_any_root() {
        for root in ["archive/", "my.model/", ""] {
            let (pickle, numbers) = (format!("{root}data.pkl"), format!("{root}data/0"));
            let bytes = archive(&[(&pickle, PICKLE), (&numbers, NUMBERS)]);
            let state = read(&bytes).unwrap();
            assert_eq!(state.tensors[0].0, "w");
            assert_eq!(state.tensors[0].1.values().unwrap(), [1.0, 2.0]);
        }
    }

    #[test]
    fn other_archives_are_called_by_what_they_are() {
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
    fn what_does_not_fit_is_refused() {
        let (pickle, numbers) = (("m/data.pkl", PICKLE), ("m/data/0", NUMBERS));
        assert!(message(&[pickle, numbers, ("m/byteorder", b"big")]).contains("big-endian"));
        assert!(message(&[pickle]).contains("data/0 is missing"));
        assert!(message(&[pickle, ("m/data/0", &NUMBERS[..7])]).contains("has 7 bytes, not 2 numbers of 4"));
        let whole = archive(&[pickle, numbers]);
        for length in 0..whole.len() {
            assert!(read(&whole[..length]).is_err(), "{length}");
        }
        let mut damaged = whole.clone();
        let place = damaged.windows(8).position(|window| window == NUMBERS).unwrap();
        damaged[place] ^= 1;
        assert!(read(&damaged).unwrap_err().message().contains("data/0 is damaged"));
        // Both headers of an entry name its method at a fixed distance from its name.
        let mut compressed = whole;
        for (signature, distance) in [(b"PK\x03\x04", 8), (b"PK\x01\x02", 10)] {
            let header = compressed.windows(4).position(|window| window == signature).unwrap();
            compressed[header + distance] = 8;
        }
        assert!(read(&compressed).is_err());
    }

    #[test]
    fn entries_cannot_share_bytes_without_end() {
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
