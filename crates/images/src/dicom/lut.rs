//! Lookup tables: of VOI and Modality LUT Sequences (PS3.3 C.11.1.1 and C.11.2.1.1), and of palettes.

use super::attributes::Attributes;
use super::value::{Value, named};
use crate::windowing::LookupTable;
use dicom_core::VR;
use dicom_dictionary_std::tags;
use lens_base::{Error, Result};

/// What a descriptor says: entries, the first input, bits of an entry.
pub struct Descriptor {
    pub entries: usize,
    pub first: i32,
    pub bits: u32,
}

impl Descriptor {
    /// Reads one. Whether its first input is signed depends on the inputs, from `lowest` to `highest`, which the VR of many
    /// files does not know.
    pub fn read(value: &Value, (lowest, highest): (f64, f64)) -> Result<Self> {
        let wrong = |what: &str| Error::format(format!("{} {what}", named(value.tag)));
        let [Some(entries), Some(first), Some(bits)] = value.numbers()?[..] else {
            return Err(wrong("has not the three numbers that it must have"));
        };
        // 65,536 does not fit the two bytes there are for it, and 32,768 and more may have been read as signed.
        let entries = match entries as i64 as u16 {
            0 => 65_536,
            entries => usize::from(entries),
        };
        let unsigned = f64::from(first as i64 as u16);
        let signed = f64::from(first as i64 as i16);
        // By the standard the input has the sign of what comes before: some writers name the other one.
        let is_signed = match (value.names_vr, value.vr) {
            (true, VR::SS) => !(signed < 0.0 && lowest >= 0.0 && unsigned <= highest),
            (true, _) => unsigned > highest && lowest < 0.0,
            (false, _) => lowest < 0.0 && !(signed < lowest && unsigned <= highest),
        };
        if !(1.0..=16.0).contains(&bits) {
            return Err(wrong(&format!("says that entries have {bits} bits; they have 1 to 16")));
        }
        Ok(Descriptor { entries, first: if is_signed { signed } else { unsigned } as i32, bits: bits as u32 })
    }

    /// The entries. Those of 8 bits may be alone in a word, or two of them.
    pub fn entries(&self, data: &Value) -> Result<Vec<u16>> {
        let (words, bytes) = (data.words(), data.bytes.len());
        let mut values: Vec<u16> = if bytes >= self.entries * 2 {
            words
        } else if self.bits <= 8 && bytes >= self.entries {
            // The last byte of an odd number of them is in no word.
            let in_words = words.iter().flat_map(|word| word.to_le_bytes()).map(u16::from);
            in_words.chain(data.bytes.last().map(|byte| u16::from(*byte))).collect()
        } else {
            return Err(Error::format(format!(
                "{} has {bytes} bytes, too few for {} entries of {} bits",
                named(data.tag),
                self.entries,
                self.bits
            )));
        };
        values.truncate(self.entries);
        Ok(values)
    }
}

/// Entries in segments (PS3.3 C.7.9.2), expanded to as many as the descriptor says.
pub fn expanded(descriptor: &Descriptor, data: &Value) -> Result<Vec<u16>> {
    let codes: Vec<u16> = match descriptor.bits {
        16 => data.words(),
        // Two in a word, the first in its low byte.
        _ => data.words().iter().flat_map(|word| word.to_le_bytes()).map(u16::from).collect(),
    };
    let mut values = Vec::new();
    segments(&codes, descriptor.bits, None, descriptor.entries, &mut values)
        .filter(|()| values.len() == descriptor.entries)
        .ok_or_else(|| {
            Error::format(format!(
                "{} is broken: its segments give {} entries, not {}",
                named(data.tag),
                values.len(),
                descriptor.entries
            ))
        })?;
    Ok(values)
}

/// Appends what segments give, at most `most` entries: all segments, or, within an indirect one, `count` of them. `None`:
/// they are broken.
fn segments(codes: &[u16], bits: u32, count: Option<usize>, most: usize, values: &mut Vec<u16>) -> Option<()> {
    let (mut at, mut done) = (0, 0);
    while values.len() < most && count.map_or(at < codes.len(), |count| done < count) {
        let (kind, length) = (*codes.get(at)?, usize::from(*codes.get(at + 1)?));
        at += 2;
        if length == 0 {
            return None;
        }
        match kind {
            // Discrete: the entries themselves.
            0 => {
                values.extend_from_slice(codes.get(at..at + length)?);
                at += length;
            }
            // Linear: from the last entry to this one.
            1 => {
                let (from, to) = (f64::from(*values.last()?), f64::from(*codes.get(at)?));
                values
                    .extend((1..=length).map(|step| (from + (to - from) * step as f64 / length as f64).round() as u16));
                at += 1;
            }
            // Indirect: segments that were there, by their offset in bytes, which an indirect one cannot have in turn.
            2 if count.is_none() => {
                let parts = if bits == 16 { 2 } else { 4 };
                let part = if bits == 16 { 16 } else { 8 };
                let offset =
                    codes.get(at..at + parts)?.iter().rev().fold(0, |sum, code| sum << part | u64::from(*code));
                let index = usize::try_from(offset / u64::from(bits / 8)).ok()?;
                segments(codes.get(index..)?, bits, Some(length), most, values)?;
                at += parts;
            }
            _ => return None,
        }
        done += 1;
    }
    Some(())
}

/// The table of a sequence's item, for inputs from the lowest to the highest.
pub fn read(item: &Attributes, inputs: (f64, f64)) -> Result<LookupTable> {
    let required = |tag| item.get(tag).ok_or_else(|| Error::format(format!("a lookup table has no {}", named(tag))));
    let descriptor = Descriptor::read(required(tags::LUT_DESCRIPTOR)?, inputs)?;
    let values = descriptor.entries(required(tags::LUT_DATA)?)?;
    // Some descriptors say fewer bits than the entries have: the entries are right.
    let most = values.iter().max().map_or(0, |most| u16::BITS - most.leading_zeros());
    Ok(LookupTable { first: descriptor.first, values, bits: descriptor.bits.max(most) })
}
