//! Colours as red, green and blue of 8 bits.

use super::codec::Samples;
use super::header::Header;
use super::photometric::Photometric;
use crate::ybr::rgb_of_ybr;
use dicom_core::Tag;
use dicom_dictionary_std::tags;
use lens_base::{Error, ErrorKind, Result};

/// Red, green and blue of every pixel.
pub fn rgb(samples: &Samples, header: &Header, photometric: Photometric) -> Result<Vec<u8>> {
    if photometric == Photometric::Palette {
        return palette(samples, header);
    }
    // Of deeper samples the 8 highest bits; of shallower ones all, as the highest.
    let bits = u32::from(header.bits_stored);
    let eight = |sample: u16| if bits >= 8 { (sample >> (bits - 8)) as u8 } else { (sample << (8 - bits)) as u8 };
    let stored = samples.stored(header).map(eight);
    if photometric == Photometric::Rgb {
        return Ok(stored.collect());
    }
    let stored: Vec<u8> = stored.collect();
    Ok(stored.as_chunks::<3>().0.iter().flat_map(|ybr| rgb_of_ybr(*ybr)).collect())
}

/// A table from stored values to 8 bits of one colour.
struct Table {
    first: i32,
    values: Vec<u8>,
}

impl Table {
    fn read(header: &Header, descriptor: Tag, data: Tag) -> Result<Self> {
        let described = header.get(descriptor).and_then(|value| value.to_multi_int::<i32>().ok());
        let Some([entries, first, bits]) = described.as_deref() else {
            return Err(Error::format(format!("it has no palette descriptor {descriptor} of three numbers")));
        };
        // 65,536 does not fit the two bytes there are for it, and 32,768 and more may have been read as signed.
        let entries = match *entries as u16 {
            0 => 65_536,
            entries => usize::from(entries),
        };
        let data = header.get(data).map(|value| value.to_bytes()).ok_or_else(|| {
            Error::new(
                ErrorKind::Unsupported,
                format!("it has no palette {data}; this library does not decode segmented palettes"),
            )
        })?;
        let words = data.as_chunks::<2>().0.iter().map(|bytes| u16::from_ne_bytes(*bytes));
        let values: Vec<u8> = match bits {
            16 if data.len() >= entries * 2 => words.map(|word| (word >> 8) as u8).collect(),
            8 if data.len() >= entries * 2 => words.map(|word| word as u8).collect(),
            8 if data.len() >= entries => words.flat_map(u16::to_le_bytes).collect(),
            _ => {
                return Err(Error::format(format!(
                    "its palette {descriptor} has {} bytes, too few for {entries} entries of {bits} bits",
                    data.len()
                )));
            }
        };
        Ok(Table { first: *first, values: values[..entries].to_vec() })
    }

    fn look_up(&self, stored: i32) -> u8 {
        // Values beyond an end are that end's.
        let index = (stored - self.first).clamp(0, self.values.len() as i32 - 1);
        self.values[index as usize]
    }
}

fn palette(samples: &Samples, header: &Header) -> Result<Vec<u8>> {
    let red = Table::read(
        header,
        tags::RED_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR,
        tags::RED_PALETTE_COLOR_LOOKUP_TABLE_DATA,
    )?;
    let green = Table::read(
        header,
        tags::GREEN_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR,
        tags::GREEN_PALETTE_COLOR_LOOKUP_TABLE_DATA,
    )?;
    let blue = Table::read(
        header,
        tags::BLUE_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR,
        tags::BLUE_PALETTE_COLOR_LOOKUP_TABLE_DATA,
    )?;
    let tables = [red, green, blue];
    let unused = 16 - header.bits_stored;
    let indices = samples.stored(header).map(|stored| match header.signed {
        true => i32::from((stored << unused) as i16 >> unused),
        false => i32::from(stored),
    });
    Ok(indices.flat_map(|index| tables.each_ref().map(|table| table.look_up(index))).collect())
}
