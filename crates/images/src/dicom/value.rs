//! Values of elements. A value that is there but cannot be read is an error that names it, never a default.

use dicom_core::dictionary::{DataDictionary, DataDictionaryEntry};
use dicom_core::{Tag, VR};
use dicom_dictionary_std::StandardDataDictionary;
use lens_base::{Error, Result};

/// An element's value as it is in the file.
#[derive(Clone, Debug)]
pub struct Value {
    pub tag: Tag,
    pub vr: VR,
    /// Whether the file names the VR; it is the dictionary's otherwise.
    pub names_vr: bool,
    pub bytes: Vec<u8>,
    pub big_endian: bool,
}

impl Value {
    /// Its text as ASCII, without padding; `None` when it is empty.
    pub fn text(&self) -> Option<String> {
        let text = String::from_utf8_lossy(&self.bytes);
        let text = text.trim_matches(is_padding);
        (!text.is_empty()).then(|| text.to_string())
    }

    /// Whether there is nothing in it but padding.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty() || !is_binary(self.vr) && self.text().is_none()
    }

    /// Whether it is the float or double that is no number.
    pub fn is_nan(&self) -> bool {
        let is_nan =
            |numbers: Result<Vec<f64>>| numbers.is_ok_and(|numbers| numbers.iter().any(|number| number.is_nan()));
        match self.vr {
            VR::FL => is_nan(self.binary(f32::from_le_bytes)),
            VR::FD => is_nan(self.binary(f64::from_le_bytes)),
            _ => false,
        }
    }

    /// Its numbers, `None` for those that are empty.
    pub fn numbers(&self) -> Result<Vec<Option<f64>>> {
        let numbers: Vec<f64> = match self.vr {
            VR::US | VR::OW => self.binary(u16::from_le_bytes)?,
            VR::SS => self.binary(i16::from_le_bytes)?,
            VR::UL => self.binary(u32::from_le_bytes)?,
            VR::SL => self.binary(i32::from_le_bytes)?,
            VR::FL => self.binary(f32::from_le_bytes)?,
            VR::FD => self.binary(f64::from_le_bytes)?,
            _ => {
                let text = String::from_utf8_lossy(&self.bytes);
                return text.trim_matches(is_padding).split('\\').map(|value| self.number(value)).collect();
            }
        };
        match numbers.iter().find(|number| !number.is_finite()) {
            Some(number) => Err(Error::format(format!("{} is {number}; it must be finite", named(self.tag)))),
            None => Ok(numbers.into_iter().map(Some).collect()),
        }
    }

    fn number(&self, text: &str) -> Result<Option<f64>> {
        let text = text.trim_matches(is_padding);
        if text.is_empty() {
            return Ok(None);
        }
        match text.parse() {
            // "inf" and "nan" are numbers to Rust, but not to DICOM.
            Ok(number) if f64::is_finite(number) => Ok(Some(number)),
            _ => Err(Error::format(format!(
                "{} is {:?}, which is no number{}",
                named(self.tag),
                String::from_utf8_lossy(&self.bytes).trim_matches(is_padding),
                if text.contains(',') { ": decimals have a point, not a comma" } else { "" }
            ))),
        }
    }

    fn binary<T: Into<f64>, const N: usize>(&self, number: fn([u8; N]) -> T) -> Result<Vec<f64>> {
        let (numbers, rest) = self.bytes.as_chunks::<N>();
        if !rest.is_empty() {
            return Err(Error::format(format!(
                "{} has {} bytes; a number of it has {N}",
                named(self.tag),
                self.bytes.len()
            )));
        }
        Ok(numbers
            .iter()
            .map(|bytes| {
                let mut bytes = *bytes;
                if self.big_endian {
                    bytes.reverse();
                }
                number(bytes).into()
            })
            .collect())
    }

    /// Its words of 16 bits; of a value of odd length, the last is incomplete and left out.
    pub fn words(&self) -> Vec<u16> {
        // Bytes have no order, but tables of them are read in words.
        let word = if self.big_endian && self.vr != VR::OB { u16::from_be_bytes } else { u16::from_le_bytes };
        self.bytes.as_chunks::<2>().0.iter().map(|bytes| word(*bytes)).collect()
    }
}

fn is_binary(vr: VR) -> bool {
    matches!(vr, VR::US | VR::OW | VR::SS | VR::UL | VR::SL | VR::FL | VR::FD | VR::OB)
}

/// What fills values up to an even length.
fn is_padding(letter: char) -> bool {
    letter == '\0' || letter.is_whitespace()
}

/// An attribute's name and tag, such as "Rescale Slope (0028,1053)".
pub fn named(tag: Tag) -> String {
    let Some(entry) = StandardDataDictionary.by_tag(tag) else {
        return tag.to_string();
    };
    let mut name = String::new();
    let keyword = entry.alias().replace("VOILUT", "VOI LUT");
    let letters: Vec<char> = keyword.chars().collect();
    for (index, letter) in letters.iter().enumerate() {
        let after_lower = index > 0 && letters[index - 1].is_lowercase();
        let before_lower = letters.get(index + 1).is_some_and(|next| next.is_lowercase());
        if letter.is_uppercase() && (after_lower || before_lower) && !name.is_empty() && !name.ends_with(' ') {
            name.push(' ');
        }
        name.push(*letter);
    }
    format!("{name} {tag}")
}
