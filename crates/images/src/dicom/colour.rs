//! Colours as red, green and blue of 8 bits.

use super::codec::{Samples, Stored};
use super::header::Header;
use super::lut::{self, Descriptor};
use super::photometric::Photometric;
use super::value::named;
use crate::colours::rgb_of_ybr;
use dicom_core::Tag;
use dicom_dictionary_std::tags;
use lens_base::{Error, Result};

/// Red, green and blue of every pixel.
pub fn rgb(samples: &Samples, header: &Header, photometric: Photometric) -> Result<Vec<u8>> {
    if photometric == Photometric::Palette {
        return palette(samples, header);
    }
    // Of deeper samples the 8 highest bits; of shallower ones all, as the highest.
    let bits = u32::from(header.bits_stored);
    let eight = |sample: u16| if bits >= 8 { (sample >> (bits - 8)) as u8 } else { (sample << (8 - bits)) as u8 };
    let stored = samples.stored(header).map(eight);
    Ok(rgb_of(stored.collect(), photometric))
}

/// Red, green and blue of bytes that are them, or luminance and colour differences.
pub fn rgb_of(bytes: Vec<u8>, photometric: Photometric) -> Vec<u8> {
    if photometric == Photometric::Rgb {
        return bytes;
    }
    bytes.as_chunks::<3>().0.iter().flat_map(|ybr| rgb_of_ybr(*ybr)).collect()
}

/// Descriptor, data, and data in segments of each colour's table.
const RED: [Tag; 3] = [
    tags::RED_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR,
    tags::RED_PALETTE_COLOR_LOOKUP_TABLE_DATA,
    tags::SEGMENTED_RED_PALETTE_COLOR_LOOKUP_TABLE_DATA,
];
const GREEN: [Tag; 3] = [
    tags::GREEN_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR,
    tags::GREEN_PALETTE_COLOR_LOOKUP_TABLE_DATA,
    tags::SEGMENTED_GREEN_PALETTE_COLOR_LOOKUP_TABLE_DATA,
];
const BLUE: [Tag; 3] = [
    tags::BLUE_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR,
    tags::BLUE_PALETTE_COLOR_LOOKUP_TABLE_DATA,
    tags::SEGMENTED_BLUE_PALETTE_COLOR_LOOKUP_TABLE_DATA,
];

/// A table from stored values to 8 bits of one colour.
struct Table {
    first: i32,
    values: Vec<u8>,
}

impl Table {
    fn read(header: &Header, [descriptor, data, segments]: [Tag; 3]) -> Result<Self> {
        let missing = |tag| Error::format(format!("it has no {}", named(tag)));
        let described = header.data_set().get(descriptor).ok_or_else(|| missing(descriptor))?;
        // The first input has the sign of the pixels.
        let inputs =
            if header.signed { (f64::from(i16::MIN), f64::from(i16::MAX)) } else { (0.0, f64::from(u16::MAX)) };
        let described = Descriptor::read(described, inputs)?;
        if !matches!(described.bits, 8 | 16) {
            return Err(Error::format(format!(
                "{} says {} bits; palettes have 8 or 16",
                named(descriptor),
                described.bits
            )));
        }
        let values = match (header.data_set().get(data), header.data_set().get(segments)) {
            (Some(data), _) => described.entries(data)?,
            (None, Some(segments)) => lut::expanded(&described, segments)?,
            (None, None) => return Err(missing(data)),
        };
        let values = match described.bits {
            16 => values.iter().map(|value| (value >> 8) as u8).collect(),
            _ => values.iter().map(|value| *value as u8).collect(),
        };
        Ok(Table { first: described.first, values })
    }

    fn look_up(&self, stored: i32) -> u8 {
        // Values beyond an end are that end's.
        let index = (stored - self.first).clamp(0, self.values.len() as i32 - 1);
        self.values[index as usize]
    }
}

fn palette(samples: &Samples, header: &Header) -> Result<Vec<u8>> {
    let red = Table::read(header, RED)?;
    let green = Table::read(header, GREEN)?;
    let blue = Table::read(header, BLUE)?;
    let tables = [red, green, blue];
    let unused = 16 - header.bits_stored;
    let indices = samples.stored(header).map(|stored| match header.signed {
        true => i32::from((stored << unused) as i16 >> unused),
        false => i32::from(stored),
    });
    Ok(indices.flat_map(|index| tables.each_ref().map(|table| table.look_up(index))).collect())
}
