//! Zip archives as PyTorch writes them: one directory of uncompressed entries.

use lens_base::{Error, Result};
use std::io::{Cursor, copy, sink};
use zip::read::{ArchiveOffset, Config};
use zip::{CompressionMethod, ZipArchive};

/// Kind of an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArchiveKind {
    /// What torch.save writes.
    StateDict,
    /// What torch.jit.save writes.
    TorchScript,
    /// What torch.export.save writes.
    ExportedProgram,
    /// An AOTInductor package: compiled code for one kind of machine.
    AotInductor,
    /// Not of PyTorch.
    Other,
}

impl ArchiveKind {
    /// Description for messages.
    pub fn description(self) -> &'static str {
        match self {
            ArchiveKind::StateDict => "a checkpoint of torch.save",
            ArchiveKind::TorchScript => "a TorchScript program",
            ArchiveKind::ExportedProgram => "a program saved by torch.export",
            ArchiveKind::AotInductor => "an AOTInductor package: compiled code for one machine",
            ArchiveKind::Other => "a zip archive without data.pkl",
        }
    }
}

/// Whether the bytes are a zip archive.
pub fn is_archive(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06")
}

/// An opened archive.
pub struct Archive<'a> {
    bytes: &'a [u8],
    zip: ZipArchive<Cursor<&'a [u8]>>,
    /// The directory of all entries, with its slash.
    root: String,
    /// Bytes that may still be read: bounds the work for entries that share bytes.
    left: u64,
}

impl<'a> Archive<'a> {
    /// Reads the central directory.
    pub fn open(bytes: &'a [u8]) -> Result<Self> {
        // Offsets count from the file's beginning; searching for headers would find those of archives within this one.
        let config = Config { archive_offset: ArchiveOffset::Known(0) };
        let zip = ZipArchive::with_config(config, Cursor::new(bytes))
            .map_err(|error| Error::format(format!("not a whole zip archive: {error}")))?;
        let first = zip.file_names().find_map(|name| Some(name.ok()?.into_owned())).unwrap_or_default();
        let root = first.split_once('/').map_or("", |(root, _)| root);
        let root = if root.is_empty() { String::new() } else { format!("{root}/") };
        Ok(Archive { bytes, zip, root, left: bytes.len() as u64 })
    }

    /// Its kind, by the most specific entries first.
    pub fn kind(&self) -> ArchiveKind {
        let has = |test: &dyn Fn(&str) -> bool| {
            let mut names = self.zip.file_names().filter_map(|name| name.ok());
            names.any(|name| test(name.strip_prefix(self.root.as_str()).unwrap_or(&name)))
        };
        if has(&|name| name.starts_with("data/aotinductor/") || name.ends_with(".so")) {
            ArchiveKind::AotInductor
        } else if has(&|name| name == "archive_format" || name.ends_with("serialized_exported_program.json")) {
            ArchiveKind::ExportedProgram
        } else if has(&|name| name == "constants.pkl" || name.starts_with("code/")) {
            ArchiveKind::TorchScript
        } else if has(&|name| name == "data.pkl") {
            ArchiveKind::StateDict
        } else {
            ArchiveKind::Other
        }
    }

    /// Whether it has an entry of this name.
    pub fn has(&self, name: &str) -> bool {
        self.zip.index_for_name(&format!("{}{name}", self.root)).is_some()
    }

    /// An entry's bytes, borrowed from the file.
    pub fn entry(&mut self, name: &str) -> Result<&'a [u8]> {
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
