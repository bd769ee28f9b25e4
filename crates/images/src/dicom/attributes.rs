//! Attributes of a data set or of an item, as they were read.

use super::character_set;
use super::elements::{Element, Elements, Scope};
use super::value::{Value, named};
use dicom_core::Tag;
use dicom_dictionary_std::tags;
use lens_base::{Error, Result};
use std::collections::BTreeMap;

/// Attributes of a data set or of an item.
#[derive(Clone, Debug, Default)]
pub struct Attributes(BTreeMap<Tag, Value>);

impl Attributes {
    /// An attribute.
    pub fn get(&self, tag: Tag) -> Option<&Value> {
        self.0.get(&tag)
    }

    /// An attribute's text, without padding; `None` when it is empty.
    pub fn text(&self, tag: Tag) -> Option<String> {
        self.get(tag)?.text()
    }

    /// An attribute's numbers; none where there is no such attribute or it is empty.
    pub fn numbers(&self, tag: Tag) -> Result<Vec<Option<f64>>> {
        self.get(tag).map_or(Ok(Vec::new()), Value::numbers)
    }

    /// The first of an attribute's numbers.
    pub fn number(&self, tag: Tag) -> Result<Option<f64>> {
        Ok(self.numbers(tag)?.first().copied().flatten())
    }

    /// The first of an attribute's numbers, which must be whole and of 0 to 2^32 - 1.
    pub fn whole(&self, tag: Tag) -> Result<Option<u32>> {
        let Some(number) = self.number(tag)? else {
            return Ok(None);
        };
        if number.fract() != 0.0 || !(0.0..=f64::from(u32::MAX)).contains(&number) {
            return Err(Error::format(format!("{} is {number}; it must be a whole number of 0 or more", named(tag))));
        }
        Ok(Some(number as u32))
    }

    /// Text in the character set that these attributes name, without padding; `None` when it is empty.
    pub fn decoded_text(&self, value: &Value) -> Option<String> {
        let sets = self.text(tags::SPECIFIC_CHARACTER_SET).unwrap_or_default();
        let text = character_set::decoded(&value.bytes, &sets);
        let text = text.trim_matches([' ', '\0']);
        (!text.is_empty()).then(|| text.to_string())
    }

    /// Reads an element that is wanted, and passes over others.
    pub fn take(&mut self, elements: &mut Elements, element: Element, scope: Scope, wanted: &[Tag]) -> Result<()> {
        if !wanted.contains(&element.tag) {
            return elements.skip(element, scope);
        }
        self.0.insert(element.tag, elements.value(element)?);
        Ok(())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
