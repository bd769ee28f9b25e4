//! A volume's file from its beginning on: as it is, or decompressed on the way, of which nothing is kept.

use crate::opened::cannot_read;
use flate2::read::{GzDecoder, MultiGzDecoder};
use lens_base::{Error, Result, reserve};
use std::fs::File;
use std::io::{BufReader, ErrorKind, Read, Seek, SeekFrom};

/// What gzip streams begin with: two magic bytes and deflate.
const GZIP: [u8; 3] = [0x1f, 0x8b, 8];

/// The most that a byte of deflate becomes, rounded up (a match of 258 bytes takes at least 2 bits).
const MOST_EXPANSION: u64 = 1032;

enum Reader {
    Plain(BufReader<File>),
    Gzip(Box<MultiGzDecoder<BufReader<File>>>),
}

/// A file being read.
pub struct Stream {
    reader: Reader,
    position: u64,
    /// Bytes there are; of a compressed file, bytes there can be at most.
    most: u64,
}

/// The first bytes of what a gzip stream that begins so has in it; `None`: it is none.
pub fn decompressed_start(start: &[u8], bytes: usize) -> Option<Vec<u8>> {
    if !start.starts_with(&GZIP) {
        return None;
    }
    let mut decompressed = vec![0; bytes];
    let mut decoder = GzDecoder::new(start);
    let mut length = 0;
    while length < bytes {
        match decoder.read(&mut decompressed[length..]) {
            Ok(read) if read > 0 => length += read,
            // The end of what is there.
            _ => break,
        }
    }
    decompressed.truncate(length);
    Some(decompressed)
}

impl Stream {
    /// From the beginning of a file on.
    pub fn open(mut file: File) -> Result<Self> {
        let mut start = Vec::new();
        (&mut file).take(GZIP.len() as u64).read_to_end(&mut start).map_err(cannot_read)?;
        file.rewind().map_err(cannot_read)?;
        let bytes = file.metadata().map_err(cannot_read)?.len();
        let reader = BufReader::new(file);
        Ok(if start == GZIP {
            let most = bytes.saturating_mul(MOST_EXPANSION);
            Stream { reader: Reader::Gzip(Box::new(MultiGzDecoder::new(reader))), position: 0, most }
        } else {
            Stream { reader: Reader::Plain(reader), position: 0, most: bytes }
        })
    }

    /// Refuses a file that cannot have so many bytes, before memory is taken for them.
    pub fn check_length(&self, needed: Option<u64>) -> Result<()> {
        if needed.is_some_and(|needed| needed <= self.most) {
            return Ok(());
        }
        let needed = needed.map_or_else(|| format!("beyond {}", u64::MAX), |needed| needed.to_string());
        let there = match self.reader {
            Reader::Plain(_) => format!("has {}", self.most),
            Reader::Gzip(_) => format!("cannot have more than {} when it is decompressed", self.most),
        };
        Err(Error::format(format!(
            "it is truncated, or its header is wrong: its voxels end at byte {needed}, but it {there}"
        )))
    }

    /// Goes on to a byte behind the present one.
    pub fn skip_to(&mut self, position: u64) -> Result<()> {
        match &mut self.reader {
            Reader::Plain(reader) => {
                reader.seek(SeekFrom::Start(position)).map_err(cannot_read)?;
            }
            Reader::Gzip(reader) => {
                let between = position - self.position;
                let passed = std::io::copy(&mut reader.take(between), &mut std::io::sink()).map_err(failed)?;
                if passed < between {
                    return Err(ended(self.position + passed));
                }
            }
        }
        self.position = position;
        Ok(())
    }

    /// The next bytes.
    pub fn read(&mut self, bytes: usize) -> Result<Vec<u8>> {
        let mut read = Vec::new();
        reserve(&mut read, bytes, "a slice")?;
        let reader: &mut dyn Read = match &mut self.reader {
            Reader::Plain(reader) => reader,
            Reader::Gzip(reader) => reader,
        };
        reader.take(bytes as u64).read_to_end(&mut read).map_err(failed)?;
        self.position += read.len() as u64;
        if read.len() < bytes {
            return Err(ended(self.position));
        }
        Ok(read)
    }
}

fn ended(position: u64) -> Error {
    Error::format(format!("it is truncated: it ends at byte {position}, within its header or its voxels"))
}

fn failed(error: std::io::Error) -> Error {
    if error.raw_os_error().is_some() {
        cannot_read(error)
    } else if error.kind() == ErrorKind::UnexpectedEof {
        Error::format("it is truncated: its gzip stream ends too early")
    } else {
        Error::format(format!("its gzip stream is broken: {error}"))
    }
}
