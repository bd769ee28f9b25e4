//! The coded bytes of one frame.

use super::header::{Header, PixelData};
use super::photometric::Photometric;
use super::source::{Coding, Source};
use crate::opened::cannot_read;
use dicom_core::VR;
use lens_base::{Error, Result};
use std::io::{Read, Seek, SeekFrom};

/// Bits of a frame whose samples are stored as they are.
fn native_bits(header: &Header, photometric: Photometric) -> u64 {
    let samples = match photometric {
        Photometric::YbrFull422 => header.pixels() as u64 * 2,
        _ => header.samples() as u64,
    };
    samples * u64::from(header.bits_allocated)
}

/// Whole bytes of such a frame.
pub fn native_bytes(header: &Header, photometric: Photometric) -> u64 {
    native_bits(header, photometric).div_ceil(8)
}

/// Refuses pixel data that are of another form than the transfer syntax says, or too short for the header's frames.
pub fn check_length(source: &Source, header: &Header, photometric: Photometric) -> Result<()> {
    /// A fragment's header.
    const LEAST_BYTES_OF_FRAME: u64 = 8;
    match (header.pixel_data, source.coding) {
        (PixelData::Native { position, bytes, .. }, Coding::Native { .. }) => {
            let needed = native_bits(header, photometric).saturating_mul(header.frames.into()).div_ceil(8);
            let there = source.size.saturating_sub(position);
            if u64::from(bytes) > there {
                return Err(Error::format(format!(
                    "it is truncated: its pixel data have {bytes} bytes, but only {there} follow"
                )));
            }
            if u64::from(bytes) < needed {
                return Err(Error::format(format!(
                    "its pixel data have {bytes} bytes, but {} frame(s) of {} x {} pixels need {needed}",
                    header.frames, header.columns, header.rows
                )));
            }
            Ok(())
        }
        (PixelData::Native { .. }, _) => {
            Err(Error::format("its pixel data are not in fragments, as its transfer syntax asks for"))
        }
        (PixelData::Encapsulated { .. }, Coding::Native { .. }) if !source.names_syntax => Err(Error::format(
            "its pixel data are in fragments, but its file meta information names no transfer syntax (0002,0010), which \
             would say how they are coded",
        )),
        (PixelData::Encapsulated { .. }, Coding::Native { .. }) => {
            Err(Error::format("its pixel data are in fragments, which its transfer syntax does not have"))
        }
        (PixelData::Encapsulated { position }, _) => {
            let there = source.size.saturating_sub(position);
            if u64::from(header.frames) * LEAST_BYTES_OF_FRAME > there {
                return Err(Error::format(format!(
                    "{there} bytes of pixel data cannot hold {} frame(s)",
                    header.frames
                )));
            }
            Ok(())
        }
    }
}

/// Reads the bytes of a frame that is known to be within the header's number of frames. Frames of single bits may begin
/// within the first byte: see [`first_bit`].
pub fn read(source: &mut Source, header: &Header, photometric: Photometric, frame: u32) -> Result<Vec<u8>> {
    check_length(source, header, photometric)?;
    match header.pixel_data {
        PixelData::Native { position, bytes, vr } => {
            let one = native_bits(header, photometric);
            let start = one * u64::from(frame) / 8;
            let end = (one * (u64::from(frame) + 1)).div_ceil(8);
            // Bytes in words of the other byte order: a frame of odd length begins within a word.
            let swapped =
                source.coding == Coding::Native { big_endian: true } && header.bits_allocated <= 8 && vr == VR::OW;
            let (from, to) = if swapped { (start & !1, (end + 1) & !1) } else { (start, end) };
            let mut coded = read_exactly(source, position + from, to.min(bytes.into()) - from)?;
            if swapped {
                coded.as_chunks_mut::<2>().0.iter_mut().for_each(|word| word.reverse());
                coded.drain(..(start - from) as usize);
                coded.truncate((end - start) as usize);
            }
            Ok(coded)
        }
        PixelData::Encapsulated { position } => encapsulated(source, header, position, frame),
    }
}

/// The bit of the first byte that a frame begins with.
pub fn first_bit(header: &Header, photometric: Photometric, frame: u32) -> usize {
    match header.pixel_data {
        PixelData::Native { .. } => (native_bits(header, photometric) * u64::from(frame) % 8) as usize,
        PixelData::Encapsulated { .. } => 0,
    }
}

fn read_exactly(source: &mut Source, position: u64, bytes: u64) -> Result<Vec<u8>> {
    source.reader.seek(SeekFrom::Start(position)).map_err(cannot_read)?;
    let mut read = Vec::new();
    (&mut source.reader).take(bytes).read_to_end(&mut read).map_err(cannot_read)?;
    if read.len() as u64 != bytes {
        return Err(Error::format(format!("it is truncated: {bytes} bytes were expected, {} are there", read.len())));
    }
    Ok(read)
}

/// A fragment's value.
#[derive(Clone, Copy)]
struct Fragment {
    position: u64,
    bytes: u64,
}

/// The item that begins at `position`; `None`: the end of the sequence.
fn item(source: &mut Source, position: u64) -> Result<Option<Fragment>> {
    const ITEM: [u8; 4] = [0xfe, 0xff, 0x00, 0xe0];
    const END: [u8; 4] = [0xfe, 0xff, 0xdd, 0xe0];
    let header = read_exactly(source, position, 8)?;
    let (tag, bytes) = header.split_at(4);
    if tag == END {
        return Ok(None);
    }
    if tag != ITEM {
        return Err(Error::format(format!("it is broken: no fragment of pixel data begins at byte {position}")));
    }
    let bytes = bytes.iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
    let there = source.size.saturating_sub(position + 8);
    if bytes > there {
        return Err(Error::format(format!(
            "it is truncated: a fragment of its pixel data has {bytes} bytes, but only {there} follow"
        )));
    }
    Ok(Some(Fragment { position: position + 8, bytes }))
}

/// The fragments from `position` up to `end`.
fn fragments(source: &mut Source, mut position: u64, end: Option<u64>) -> Result<Vec<Fragment>> {
    let mut found = Vec::new();
    // Files without the delimiter at the end have all that belongs to the frames.
    while position < end.unwrap_or(source.size)
        && let Some(fragment) = item(source, position)?
    {
        found.push(fragment);
        position = fragment.position + fragment.bytes;
    }
    Ok(found)
}

fn encapsulated(source: &mut Source, header: &Header, position: u64, frame: u32) -> Result<Vec<u8>> {
    let table = item(source, position)?.ok_or_else(|| Error::format("its pixel data are empty"))?;
    let first = table.position + table.bytes;
    let of_frame = match offsets(source, header, table, frame)? {
        Some((start, end)) => fragments(source, first.saturating_add(start), end.map(|end| first.saturating_add(end)))?,
        None => {
            let all = fragments(source, first, None)?;
            of_frame(source, header, &all, frame)?
        }
    };
    let mut coded = Vec::new();
    for fragment in of_frame {
        coded.extend(read_exactly(source, fragment.position, fragment.bytes)?);
    }
    Ok(coded)
}

/// Where the frame begins and ends after the offset table; `None`: no table says so.
fn offsets(source: &mut Source, header: &Header, table: Fragment, frame: u32) -> Result<Option<(u64, Option<u64>)>> {
    let frames = u64::from(header.frames);
    // Readers that look at the tables of files with one frame find wrong ones.
    if frames == 1 {
        return Ok(None);
    }
    let is_last = frame + 1 == header.frames;
    if let Some(extended) = header.extended_offsets
        && extended.bytes == frames * 8
    {
        let entries = read_exactly(source, extended.position + u64::from(frame) * 8, if is_last { 8 } else { 16 })?;
        let mut offsets = entries.as_chunks::<8>().0.iter().map(|offset| u64::from_le_bytes(*offset));
        return Ok(offsets.next().map(|start| (start, offsets.next())));
    }
    if table.bytes != frames * 4 {
        return Ok(None);
    }
    let entries = read_exactly(source, table.position + u64::from(frame) * 4, if is_last { 4 } else { 8 })?;
    let (entries, _) = entries.as_chunks::<4>();
    let offset = |index: usize| Some(u64::from(u32::from_le_bytes(*entries.get(index)?)));
    Ok(offset(0).map(|start| (start, offset(1))))
}

/// The fragments of a frame without an offset table: one for each frame, or all, or from one that begins a code stream
/// up to the next that does.
fn of_frame(source: &mut Source, header: &Header, all: &[Fragment], frame: u32) -> Result<Vec<Fragment>> {
    let frames = header.frames as usize;
    if frames == 1 {
        return Ok(all.to_vec());
    }
    if all.len() == frames {
        return Ok(vec![all[frame as usize]]);
    }
    let mut starts = Vec::new();
    if all.len() > frames && source.coding.begins_frame(&[]).is_some() {
        for (index, fragment) in all.iter().enumerate() {
            let begin = read_exactly(source, fragment.position, fragment.bytes.min(4))?;
            if source.coding.begins_frame(&begin) == Some(true) {
                starts.push(index);
            }
        }
    }
    if starts.len() != frames {
        return Err(Error::format(format!(
            "its pixel data have {} fragment(s) for {frames} frames, and no offset table that says which are whose",
            all.len()
        )));
    }
    let frame = frame as usize;
    Ok(all[starts[frame]..starts.get(frame + 1).copied().unwrap_or(all.len())].to_vec())
}
