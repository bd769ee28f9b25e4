//! The attributes that say what the pixels are.

use super::source::{Source, explain};
use crate::pixels::MOST_PIXELS;
use dicom_core::value::PrimitiveValue;
use dicom_core::{Tag, VR};
use dicom_dictionary_std::tags;
use dicom_encoding::text::{SpecificCharacterSet, TextCodec};
use dicom_parser::StatefulDecode;
use dicom_parser::dataset::LazyDataToken;
use dicom_parser::dataset::lazy_read::LazyDataSetReader;
use dicom_parser::dataset::read::ValueReadStrategy;
use lens_base::{Error, ErrorKind, Result};
use std::collections::BTreeMap;
use std::str::FromStr;

type Attributes = BTreeMap<Tag, PrimitiveValue>;

/// Where the pixels are.
#[derive(Clone, Copy, Debug)]
pub enum PixelData {
    /// Pixels in one element.
    Native { position: u64, bytes: u32, vr: VR },
    /// Pixels in fragments, after the basic offset table.
    Encapsulated { position: u64 },
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
    pub pixel_data: PixelData,
    data_set: Attributes,
    /// Of the frame alone, and of all frames.
    functional_groups: [Attributes; 2],
}

const OF_THE_DATA_SET: [Tag; 33] = [
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
    tags::EXTENDED_OFFSET_TABLE,
];

const OF_FUNCTIONAL_GROUPS: [Tag; 6] = [
    tags::RESCALE_SLOPE,
    tags::RESCALE_INTERCEPT,
    tags::WINDOW_CENTER,
    tags::WINDOW_WIDTH,
    tags::WINDOW_CENTER_WIDTH_EXPLANATION,
    tags::VOILUT_FUNCTION,
];

/// The sequences that the parser is in.
#[derive(Default)]
struct Nesting {
    /// Sequences that are open, each with its items so far.
    open: Vec<(Tag, u32)>,
}

impl Nesting {
    fn is_top(&self) -> bool {
        self.open.is_empty()
    }

    /// Whether these are attributes of a macro in the functional groups of one frame (0) or of all (1).
    fn functional_group(&self, frame: u32) -> Option<usize> {
        match self.open[..] {
            [(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE, items), (_, 1)] if items == frame + 1 => Some(0),
            [(tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE, 1), (_, 1)] => Some(1),
            _ => None,
        }
    }
}

impl Header {
    /// Reads up to the pixel data; of all values only those that are needed for `frame`.
    pub fn read(source: &mut Source, frame: u32) -> Result<Self> {
        let broken = |reason: &dyn std::error::Error| Error::format(format!("it is broken: {}", explain(reason)));
        let size = source.size;
        let mut tokens =
            LazyDataSetReader::new_with_ts(&mut source.reader, source.attributes).map_err(|error| broken(&error))?;
        let (mut data_set, mut functional_groups) = (Attributes::new(), [Attributes::new(), Attributes::new()]);
        let (mut nesting, mut character_set) = (Nesting::default(), None);
        let native = loop {
            let token = tokens
                .advance()
                .ok_or_else(|| Error::format("it has no pixel data (7FE0,0010)"))?
                .map_err(|error| broken(&error))?;
            match token {
                LazyDataToken::SequenceStart { tag, .. } => nesting.open.push((tag, 0)),
                LazyDataToken::PixelSequenceStart if nesting.is_top() => break None,
                LazyDataToken::PixelSequenceStart => nesting.open.push((tags::PIXEL_DATA, 0)),
                LazyDataToken::SequenceEnd => drop(nesting.open.pop()),
                LazyDataToken::ItemStart { .. } => {
                    if let [(tags::MODALITY_LUT_SEQUENCE, _)] = nesting.open[..] {
                        return Err(Error::new(
                            ErrorKind::Unsupported,
                            "it has a Modality LUT Sequence (0028,3000), which this library cannot apply; convert it to \
                             Rescale Slope and Intercept",
                        ));
                    }
                    if let Some((_, items)) = nesting.open.last_mut() {
                        *items = items.saturating_add(1);
                    }
                }
                LazyDataToken::ElementHeader(header) if header.tag == tags::PIXEL_DATA && nesting.is_top() => {
                    break Some((header.vr, header.len.0));
                }
                LazyDataToken::LazyValue { header, decoder } => {
                    let (tag, bytes, position) = (header.tag, header.len.0, decoder.position());
                    if position.saturating_add(bytes.into()) > size {
                        return Err(Error::format(format!(
                            "it is truncated: {tag} has {bytes} bytes, but only {} follow",
                            size.saturating_sub(position)
                        )));
                    }
                    let target = if nesting.is_top() && OF_THE_DATA_SET.contains(&tag) {
                        Some(&mut data_set)
                    } else if OF_FUNCTIONAL_GROUPS.contains(&tag) {
                        nesting.functional_group(frame).map(|group| &mut functional_groups[group])
                    } else {
                        None
                    };
                    let token = LazyDataToken::LazyValue { header, decoder };
                    match target {
                        Some(target) if is_text(header.vr) => {
                            let coded = token.into_value_with_strategy(ValueReadStrategy::Raw);
                            let coded = coded.map_err(|error| broken(&error))?;
                            target.insert(tag, decoded(&coded.to_bytes(), character_set.as_ref()));
                        }
                        Some(target) => {
                            target.insert(tag, token.into_value().map_err(|error| broken(&error))?);
                        }
                        None => token.skip().map_err(|error| broken(&error))?,
                    }
                    if tag == tags::SPECIFIC_CHARACTER_SET && nesting.is_top() {
                        character_set = first(&data_set, tag).and_then(|name| SpecificCharacterSet::from_code(&name));
                    }
                }
                token => token.skip().map_err(|error| broken(&error))?,
            }
        };
        let position = tokens.into_decoder().position();
        let pixel_data = match native {
            Some((vr, bytes)) => PixelData::Native { position, bytes, vr },
            None => PixelData::Encapsulated { position },
        };
        Header::checked(data_set, functional_groups, pixel_data)
    }

    fn checked(data_set: Attributes, functional_groups: [Attributes; 2], pixel_data: PixelData) -> Result<Self> {
        let optional = |tag: Tag| data_set.get(&tag).and_then(|value| value.to_int::<u32>().ok());
        let required = |tag: Tag, name: &str| {
            optional(tag).ok_or_else(|| Error::format(format!("it has no {name} {tag}, or one that is no number")))
        };
        let (rows, columns) = (required(tags::ROWS, "Rows")?, required(tags::COLUMNS, "Columns")?);
        for (name, side) in [("Rows", rows), ("Columns", columns)] {
            if !(1..=u32::from(u16::MAX)).contains(&side) {
                return Err(Error::format(format!("{name} is {side}; it must be 1 to {}", u16::MAX)));
            }
        }
        if u64::from(rows) * u64::from(columns) > MOST_PIXELS {
            return Err(Error::format(format!("{columns} x {rows} pixels are more than {MOST_PIXELS}")));
        }
        let bits_allocated = required(tags::BITS_ALLOCATED, "Bits Allocated")?;
        if !matches!(bits_allocated, 8 | 16) {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!("Bits Allocated is {bits_allocated}; this library decodes 8 and 16"),
            ));
        }
        let bits_stored = optional(tags::BITS_STORED).unwrap_or(bits_allocated);
        if !(1..=bits_allocated).contains(&bits_stored) {
            return Err(Error::format(format!("Bits Stored is {bits_stored}; it must be 1 to {bits_allocated}")));
        }
        let high_bit = optional(tags::HIGH_BIT).unwrap_or(bits_stored - 1);
        if !(bits_stored - 1..bits_allocated).contains(&high_bit) {
            return Err(Error::format(format!(
                "High Bit is {high_bit}; it must be {} to {}",
                bits_stored - 1,
                bits_allocated - 1
            )));
        }
        let samples_per_pixel = optional(tags::SAMPLES_PER_PIXEL).unwrap_or(1);
        if !matches!(samples_per_pixel, 1 | 3) {
            return Err(Error::format(format!("Samples per Pixel is {samples_per_pixel}; it must be 1 or 3")));
        }
        Ok(Header {
            rows,
            columns,
            samples_per_pixel: samples_per_pixel as u16,
            bits_allocated: bits_allocated as u16,
            bits_stored: bits_stored as u16,
            high_bit: high_bit as u16,
            signed: optional(tags::PIXEL_REPRESENTATION) == Some(1),
            planar: optional(tags::PLANAR_CONFIGURATION) == Some(1),
            // Some writers leave 0 where there is one frame.
            frames: optional(tags::NUMBER_OF_FRAMES).unwrap_or(1).max(1),
            pixel_data,
            data_set,
            functional_groups,
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

    /// An attribute of the data set.
    pub fn get(&self, tag: Tag) -> Option<&PrimitiveValue> {
        self.data_set.get(&tag)
    }

    /// An attribute's text, without padding; `None` when it is empty.
    pub fn text(&self, tag: Tag) -> Option<String> {
        text(self.get(tag)?)
    }

    /// The first of an attribute's values as a number.
    pub fn number<T: FromStr>(&self, tag: Tag) -> Option<T> {
        first(&self.data_set, tag)?.parse().ok()
    }

    /// The text of the frame's own attribute, or else of all frames', or else of the data set's.
    pub fn frame_text(&self, tag: Tag) -> Option<String> {
        self.frame_text_beside(tag, tag)
    }

    /// An attribute's text from where the frame's text of another one is.
    pub fn frame_text_beside(&self, tag: Tag, other: Tag) -> Option<String> {
        let mut places = self.functional_groups.iter().chain([&self.data_set]);
        let place = places.find(|attributes| attributes.get(&other).and_then(text).is_some())?;
        text(place.get(&tag)?)
    }

    /// The first number of such an attribute.
    pub fn frame_number(&self, tag: Tag) -> Option<f64> {
        number(self.frame_text(tag)?.split('\\').next()?)
    }
}

/// A finite number.
pub fn number(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|number: &f64| number.is_finite())
}

/// The first of an attribute's values, without padding.
fn first(attributes: &Attributes, tag: Tag) -> Option<String> {
    Some(text(attributes.get(&tag)?)?.split('\\').next()?.trim().to_string())
}

/// Value representations of text and of numbers written as text (PS3.5, 6.2).
fn is_text(vr: VR) -> bool {
    use VR::{AE, AS, CS, DA, DS, DT, IS, LO, LT, PN, SH, ST, TM, UC, UI, UR, UT};
    matches!(vr, AE | AS | CS | DA | DS | DT | IS | LO | LT | PN | SH | ST | TM | UC | UI | UR | UT)
}

/// The values of text. No text is so broken that the pixels cannot be read: what does not fit the character set is
/// replaced.
fn decoded(coded: &[u8], character_set: Option<&SpecificCharacterSet>) -> PrimitiveValue {
    let text = character_set.and_then(|set| set.decode(coded).ok());
    let text = text.unwrap_or_else(|| String::from_utf8_lossy(coded).into_owned());
    PrimitiveValue::Strs(text.split('\\').map(str::to_string).collect())
}

fn text(value: &PrimitiveValue) -> Option<String> {
    let text = value.to_str();
    let text = text.trim_matches([' ', '\0']);
    (!text.is_empty()).then(|| text.to_string())
}
