//! The attributes that say what the pixels are.

use super::attributes::Attributes;
use super::elements::{Element, Elements, Scope, UNDEFINED};
use super::source::Source;
use super::value::{Value, named};
use crate::pixels::MOST_PIXELS;
use dicom_core::{Tag, VR};
use dicom_dictionary_std::tags;
use lens_base::{Error, ErrorKind, Result};
use std::str::FromStr;

/// Items of the sequences that hold lookup tables.
type Items = Vec<Attributes>;

/// What functional groups, of a frame or of all, say of the way from stored to seen values.
#[derive(Clone, Debug, Default)]
struct FunctionalGroup {
    attributes: Attributes,
    voi_luts: Items,
}

/// What kind of numbers the pixel data are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numbers {
    Integers,
    Float,
    Double,
}

/// Where the pixels are.
#[derive(Clone, Copy, Debug)]
pub enum PixelData {
    /// Pixels in one element.
    Native { position: u64, bytes: u32, vr: VR },
    /// Pixels in fragments, after the basic offset table.
    Encapsulated { position: u64 },
}

/// A value of which only a part is read.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    pub position: u64,
    pub bytes: u64,
}

/// Attributes, checked.
pub struct Header {
    pub rows: u32,
    pub columns: u32,
    pub samples_per_pixel: u16,
    pub bits_allocated: u16,
    pub bits_stored: u16,
    pub high_bit: u16,
    pub signed: bool,
    pub planar: bool,
    pub frames: u32,
    pub numbers: Numbers,
    pub pixel_data: PixelData,
    /// Extended Offset Table (7FE0,0001), of 8 bytes for each frame.
    pub extended_offsets: Option<Part>,
    /// The first item of the Modality LUT Sequence.
    pub modality_lut: Option<Attributes>,
    data_set: Attributes,
    voi_luts: Items,
    /// Of the frame alone, and of all frames.
    functional_groups: [FunctionalGroup; 2],
}

const OF_THE_DATA_SET: &[Tag] = &[
    tags::SPECIFIC_CHARACTER_SET,
    tags::MODALITY,
    tags::SERIES_DESCRIPTION,
    tags::RECOMMENDED_DISPLAY_FRAME_RATE,
    tags::CINE_RATE,
    tags::FRAME_TIME,
    tags::SERIES_INSTANCE_UID,
    tags::INSTANCE_NUMBER,
    tags::ROWS,
    tags::COLUMNS,
    tags::SAMPLES_PER_PIXEL,
    tags::PHOTOMETRIC_INTERPRETATION,
    tags::PLANAR_CONFIGURATION,
    tags::NUMBER_OF_FRAMES,
    tags::BITS_ALLOCATED,
    tags::BITS_STORED,
    tags::HIGH_BIT,
    tags::PIXEL_REPRESENTATION,
    tags::RESCALE_SLOPE,
    tags::RESCALE_INTERCEPT,
    tags::WINDOW_CENTER,
    tags::WINDOW_WIDTH,
    tags::WINDOW_CENTER_WIDTH_EXPLANATION,
    tags::VOILUT_FUNCTION,
    tags::PIXEL_PADDING_VALUE,
    tags::PIXEL_PADDING_RANGE_LIMIT,
    tags::RED_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR,
    tags::GREEN_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR,
    tags::BLUE_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR,
    tags::RED_PALETTE_COLOR_LOOKUP_TABLE_DATA,
    tags::GREEN_PALETTE_COLOR_LOOKUP_TABLE_DATA,
    tags::BLUE_PALETTE_COLOR_LOOKUP_TABLE_DATA,
    tags::SEGMENTED_RED_PALETTE_COLOR_LOOKUP_TABLE_DATA,
    tags::SEGMENTED_GREEN_PALETTE_COLOR_LOOKUP_TABLE_DATA,
    tags::SEGMENTED_BLUE_PALETTE_COLOR_LOOKUP_TABLE_DATA,
    tags::SOP_CLASS_UID,
    tags::PRESENTATION_LUT_SHAPE,
    tags::FLOAT_PIXEL_PADDING_VALUE,
    tags::FLOAT_PIXEL_PADDING_RANGE_LIMIT,
    tags::DOUBLE_FLOAT_PIXEL_PADDING_VALUE,
    tags::DOUBLE_FLOAT_PIXEL_PADDING_RANGE_LIMIT,
];

const OF_LUT: &[Tag] = &[tags::LUT_DESCRIPTOR, tags::LUT_EXPLANATION, tags::LUT_DATA];

const OF_FUNCTIONAL_GROUPS: &[Tag] = &[
    tags::RESCALE_SLOPE,
    tags::RESCALE_INTERCEPT,
    tags::WINDOW_CENTER,
    tags::WINDOW_WIDTH,
    tags::WINDOW_CENTER_WIDTH_EXPLANATION,
    tags::VOILUT_FUNCTION,
];

/// Most lookup tables that are taken from a file.
const MOST_LUTS: usize = 64;

/// What reading a data set found.
#[derive(Default)]
struct Found {
    data_set: Attributes,
    modality_luts: Items,
    voi_luts: Items,
    functional_groups: [FunctionalGroup; 2],
    extended_offsets: Option<Part>,
}

impl Found {
    /// Reads up to the pixel data, whose element it returns.
    fn read(&mut self, elements: &mut Elements, scope: Scope, frame: u32) -> Result<Option<Element>> {
        while let Some(element) = elements.next(scope)? {
            match element.tag {
                tags::PIXEL_DATA | tags::FLOAT_PIXEL_DATA | tags::DOUBLE_FLOAT_PIXEL_DATA => return Ok(Some(element)),
                tags::MODALITY_LUT_SEQUENCE => luts(elements, element, scope, &mut self.modality_luts)?,
                tags::VOILUT_SEQUENCE => luts(elements, element, scope, &mut self.voi_luts)?,
                tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE => {
                    elements.items(element, scope, |elements, number, item| match number == frame {
                        true => self.functional_groups[0].read(elements, item),
                        false => elements.pass(item),
                    })?;
                }
                tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE => {
                    elements.items(element, scope, |elements, number, item| match number {
                        0 => self.functional_groups[1].read(elements, item),
                        _ => elements.pass(item),
                    })?;
                }
                tags::EXTENDED_OFFSET_TABLE => {
                    self.extended_offsets = Some(Part { position: element.position, bytes: element.bytes.into() });
                    elements.skip(element, scope)?;
                }
                _ => self.data_set.take(elements, element, scope, OF_THE_DATA_SET)?,
            }
        }
        Ok(None)
    }
}

impl FunctionalGroup {
    fn read(&mut self, elements: &mut Elements, scope: Scope) -> Result<()> {
        while let Some(element) = elements.next(scope)? {
            match element.tag {
                tags::PIXEL_VALUE_TRANSFORMATION_SEQUENCE | tags::FRAME_VOILUT_SEQUENCE => {
                    elements.items(element, scope, |elements, number, item| match number {
                        0 => self.read_macro(elements, item),
                        _ => elements.pass(item),
                    })?;
                }
                _ => elements.skip(element, scope)?,
            }
        }
        Ok(())
    }

    fn read_macro(&mut self, elements: &mut Elements, scope: Scope) -> Result<()> {
        while let Some(element) = elements.next(scope)? {
            match element.tag {
                tags::VOILUT_SEQUENCE => luts(elements, element, scope, &mut self.voi_luts)?,
                _ => self.attributes.take(elements, element, scope, OF_FUNCTIONAL_GROUPS)?,
            }
        }
        Ok(())
    }
}

fn luts(elements: &mut Elements, element: Element, scope: Scope, found: &mut Items) -> Result<()> {
    elements.items(element, scope, |elements, _, item| {
        let mut lut = Attributes::default();
        if found.len() == MOST_LUTS {
            return elements.pass(item);
        }
        while let Some(element) = elements.next(item)? {
            lut.take(elements, element, item, OF_LUT)?;
        }
        found.push(lut);
        Ok(())
    })
}

impl Header {
    /// Reads up to the pixel data; of all values only those that are needed for `frame`.
    pub fn read(source: &mut Source, frame: u32) -> Result<Self> {
        let (mut elements, scope) = Elements::new(source)?;
        let mut found = Found::default();
        let pixels = found.read(&mut elements, scope, frame)?.ok_or_else(|| match found.data_set.is_empty() {
            false => Error::format("it has no pixel data (7FE0,0010)"),
            true => Error::format("it has no pixel data (7FE0,0010), nor any other attribute of an image"),
        })?;
        let Element { tag, vr, bytes, position, .. } = pixels;
        let pixel_data = match bytes {
            UNDEFINED => PixelData::Encapsulated { position },
            bytes => PixelData::Native { position, bytes, vr },
        };
        let numbers = match tag {
            tags::FLOAT_PIXEL_DATA => Numbers::Float,
            tags::DOUBLE_FLOAT_PIXEL_DATA => Numbers::Double,
            _ => Numbers::Integers,
        };
        Header::checked(found, pixel_data, numbers)
    }

    fn checked(found: Found, pixel_data: PixelData, numbers: Numbers) -> Result<Self> {
        let data_set = found.data_set;
        let required =
            |tag: Tag| data_set.whole(tag)?.ok_or_else(|| Error::format(format!("it has no {}", named(tag))));
        let (rows, columns) = (required(tags::ROWS)?, required(tags::COLUMNS)?);
        for (name, side) in [("Rows", rows), ("Columns", columns)] {
            if !(1..=u32::from(u16::MAX)).contains(&side) {
                return Err(Error::format(format!("{name} is {side}; it must be 1 to {}", u16::MAX)));
            }
        }
        if u64::from(rows) * u64::from(columns) > MOST_PIXELS {
            return Err(Error::format(format!("{columns} x {rows} pixels are more than {MOST_PIXELS}")));
        }
        let bits_allocated = required(tags::BITS_ALLOCATED)?;
        let (readable, said) = match numbers {
            Numbers::Integers => (matches!(bits_allocated, 1 | 8 | 16 | 32), "1, 8, 16 and 32"),
            Numbers::Float => (bits_allocated == 32, "32 with Float Pixel Data (7FE0,0008)"),
            Numbers::Double => (bits_allocated == 64, "64 with Double Float Pixel Data (7FE0,0009)"),
        };
        if !readable {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!("Bits Allocated is {bits_allocated}; this library decodes {said}"),
            ));
        }
        let bits_stored = data_set.whole(tags::BITS_STORED)?.unwrap_or(bits_allocated);
        if !(1..=bits_allocated).contains(&bits_stored) {
            return Err(Error::format(format!("Bits Stored is {bits_stored}; it must be 1 to {bits_allocated}")));
        }
        let high_bit = data_set.whole(tags::HIGH_BIT)?.unwrap_or(bits_stored - 1);
        if !(bits_stored - 1..bits_allocated).contains(&high_bit) {
            return Err(Error::format(format!(
                "High Bit is {high_bit}; it must be {} to {}",
                bits_stored - 1,
                bits_allocated - 1
            )));
        }
        let samples_per_pixel = data_set.whole(tags::SAMPLES_PER_PIXEL)?.unwrap_or(1);
        if !matches!(samples_per_pixel, 1 | 3) {
            return Err(Error::format(format!("Samples per Pixel is {samples_per_pixel}; it must be 1 or 3")));
        }
        let switch = |tag: Tag| match data_set.whole(tag)? {
            None | Some(0) => Ok(false),
            Some(1) => Ok(true),
            Some(other) => Err(Error::format(format!("{} is {other}; it must be 0 or 1", named(tag)))),
        };
        Ok(Header {
            rows,
            columns,
            samples_per_pixel: samples_per_pixel as u16,
            bits_allocated: bits_allocated as u16,
            bits_stored: bits_stored as u16,
            high_bit: high_bit as u16,
            signed: switch(tags::PIXEL_REPRESENTATION)?,
            planar: switch(tags::PLANAR_CONFIGURATION)?,
            // Some writers leave 0 where there is one frame.
            frames: data_set.whole(tags::NUMBER_OF_FRAMES)?.unwrap_or(1).max(1),
            numbers,
            pixel_data,
            extended_offsets: found.extended_offsets,
            modality_lut: found.modality_luts.into_iter().next(),
            data_set,
            voi_luts: found.voi_luts,
            functional_groups: found.functional_groups,
        })
    }

    /// Pixels of a frame.
    pub fn pixels(&self) -> usize {
        self.rows as usize * self.columns as usize
    }

    /// Samples of a frame.
    pub fn samples(&self) -> usize {
        self.pixels() * usize::from(self.samples_per_pixel)
    }

    /// The attributes of the data set.
    pub fn data_set(&self) -> &Attributes {
        &self.data_set
    }

    /// The attributes of the frame's own functional group, of the one that all frames share, and of the data set, whichever
    /// is the first to have a value for `tag`.
    pub fn place_of(&self, tag: Tag) -> Option<&Attributes> {
        let groups = self.functional_groups.iter().map(|group| &group.attributes);
        groups.chain([&self.data_set]).find(|attributes| attributes.get(tag).is_some_and(|value| !value.is_empty()))
    }

    /// The first number of the frame's own attribute, or else of all frames', or else of the data set's.
    pub fn frame_number(&self, tag: Tag) -> Result<Option<f64>> {
        self.place_of(tag).map_or(Ok(None), |attributes| attributes.number(tag))
    }

    /// The VOI lookup tables of the frame, or else of all frames, or else of the data set.
    pub fn voi_luts(&self) -> &[Attributes] {
        let groups = self.functional_groups.iter().map(|group| &group.voi_luts);
        groups.chain([&self.voi_luts]).find(|luts| !luts.is_empty()).map_or(&[], |luts| luts)
    }

    /// Text in the data set's character set, without padding; `None` when it is empty.
    pub fn decoded_text(&self, value: &Value) -> Option<String> {
        self.data_set.decoded_text(value)
    }

    /// An attribute's text of the data set; `None` where it has none.
    pub fn described_text(&self, tag: Tag) -> Option<String> {
        self.decoded_text(self.data_set.get(tag)?)
    }

    /// The first of an attribute's values as a number, for what describes the file and not its pixels: `None` where it has
    /// none, or none that makes sense.
    pub fn described_number<T: FromStr>(&self, tag: Tag) -> Option<T> {
        self.data_set.text(tag)?.split('\\').next()?.trim().parse().ok()
    }
}
