//! The elements of a data set, one after the other; of values only those that are asked for are read.

use super::source::{Encoding, Source};
use super::value::{Value, named};
use crate::opened::cannot_read;
use dicom_core::dictionary::{DataDictionary, DataDictionaryEntry, VirtualVr};
use dicom_core::{Tag, VR};
use dicom_dictionary_std::StandardDataDictionary;
use lens_base::{Error, Result};
use std::io::{Read, Seek, SeekFrom};

/// Length of a value that ends with a delimiter.
pub const UNDEFINED: u32 = u32::MAX;

const ITEM: Tag = Tag(0xfffe, 0xe000);
const END_OF_ITEM: Tag = Tag(0xfffe, 0xe00d);
const END_OF_SEQUENCE: Tag = Tag(0xfffe, 0xe0dd);

/// The highest group that a data set is taken to begin with.
const LAST_FIRST_GROUP: u16 = 0x0028;

/// Deepest nesting of sequences; beyond what any file needs, and small enough for the stack.
const DEEPEST: u32 = 64;

/// Most bytes of a value that is read: lookup tables are the longest, of 128 KiB.
const LONGEST_VALUE: u32 = 1 << 20;

/// An element, without its value.
#[derive(Clone, Copy, Debug)]
pub struct Element {
    pub tag: Tag,
    /// What the file says, or else what the dictionary says of it; `UN` where neither does.
    pub vr: VR,
    /// Whether the file says so.
    pub names_vr: bool,
    /// Bytes of the value, or [`UNDEFINED`].
    pub bytes: u32,
    /// Where the value begins.
    pub position: u64,
    /// How its value is coded.
    pub encoding: Encoding,
}

/// Elements that belong together: the data set or an item.
#[derive(Clone, Copy, Debug)]
pub struct Scope {
    pub encoding: Encoding,
    /// The byte after it, at the latest.
    end: u64,
    /// Whether it ends there, or at a delimiter before.
    has_length: bool,
    depth: u32,
}

/// Goes through a source.
pub struct Elements<'a> {
    source: &'a mut Source,
    position: u64,
    /// Where the reader is.
    reader_at: Option<u64>,
}

/// What follows an element's tag.
#[derive(Clone, Copy)]
struct Length {
    vr: Option<VR>,
    bytes: u32,
    /// Bytes that VR and length take.
    header: u64,
}

impl<'a> Elements<'a> {
    /// From the first element of the data set on. Files may name a wrong transfer syntax; the first element tells, and the
    /// source is corrected.
    pub fn new(source: &'a mut Source) -> Result<(Self, Scope)> {
        let (position, end) = (source.begin, source.size);
        let mut elements = Elements { source, position, reader_at: None };
        let mut scope = Scope { encoding: elements.source.encoding, end, has_length: true, depth: 0 };
        if position + 8 <= end {
            // Data sets begin with low groups, such as 0008, which is 0800 in the other byte order.
            let other = Scope { encoding: scope.encoding.swapped(), ..scope };
            if elements.tag(position, scope)?.0 > LAST_FIRST_GROUP
                && elements.tag(position, other)?.0 <= LAST_FIRST_GROUP
            {
                scope = other;
            }
        }
        scope.encoding.implicit = elements.is_implicit(scope)?;
        elements.source.correct(scope.encoding);
        Ok((elements, scope))
    }

    /// Where the next element begins.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// The group of the next element; `None` at the end.
    pub fn group(&mut self, scope: Scope) -> Result<Option<u16>> {
        if self.position + 4 > scope.end {
            return Ok(None);
        }
        Ok(Some(self.tag(self.position, scope)?.0))
    }

    /// The next element; `None` at the end. Its value must be read, skipped or entered before the next.
    pub fn next(&mut self, scope: Scope) -> Result<Option<Element>> {
        if self.position >= scope.end {
            return Ok(None);
        }
        let tag = self.tag(self.position, scope)?;
        if tag == END_OF_ITEM && scope.depth > 0 {
            self.position += 8;
            return Ok(None);
        }
        if tag.0 == 0xfffe {
            return Err(Error::format(format!(
                "it is broken: a delimiter {tag} is at byte {}, where an element should begin",
                self.position
            )));
        }
        let length = self.length(tag, scope)?;
        let in_dictionary = vr_of(tag);
        let (vr, encoding) = match length.vr {
            // A value of unknown representation is coded as in Implicit VR Little Endian (PS3.5, 6.2.2).
            Some(VR::UN) => (in_dictionary, Encoding { implicit: true, big_endian: false }),
            Some(vr) => (vr, scope.encoding),
            None => (in_dictionary, scope.encoding),
        };
        let position = self.position + 4 + length.header;
        if length.bytes != UNDEFINED {
            let there = scope.end.saturating_sub(position);
            if u64::from(length.bytes) > there && !is_pixel_data(tag) {
                return Err(Error::format(format!(
                    "it is truncated: {} has {} bytes, but only {there} follow",
                    named(tag),
                    length.bytes
                )));
            }
        }
        self.position = position;
        let names_vr = length.vr.is_some_and(|vr| vr != VR::UN);
        Ok(Some(Element { tag, vr, names_vr, bytes: length.bytes, position, encoding }))
    }

    /// Passes over an element's value.
    pub fn skip(&mut self, element: Element, scope: Scope) -> Result<()> {
        if element.bytes != UNDEFINED {
            self.position = element.position + u64::from(element.bytes);
            return Ok(());
        }
        self.items(element, scope, |elements, _, item| elements.pass(item))
    }

    /// Passes over all elements of an item.
    pub fn pass(&mut self, scope: Scope) -> Result<()> {
        if scope.has_length {
            return Ok(());
        }
        while let Some(element) = self.next(scope)? {
            self.skip(element, scope)?;
        }
        Ok(())
    }

    /// Reads an element's value.
    pub fn value(&mut self, element: Element) -> Result<Value> {
        if element.bytes > LONGEST_VALUE {
            return Err(Error::format(format!(
                "it is broken: {} has {} bytes; no value of it has more than {LONGEST_VALUE}",
                named(element.tag),
                element.bytes
            )));
        }
        let mut bytes = Vec::new();
        self.seek(element.position)?;
        self.reader_at = None;
        (&mut self.source.reader).take(element.bytes.into()).read_to_end(&mut bytes).map_err(cannot_read)?;
        if bytes.len() as u64 != u64::from(element.bytes) {
            return Err(ended(element.position + bytes.len() as u64));
        }
        self.position = element.position + bytes.len() as u64;
        self.reader_at = Some(self.position);
        let Element { tag, vr, names_vr, encoding, .. } = element;
        Ok(Value { tag, vr, names_vr, bytes, big_endian: encoding.big_endian })
    }

    /// Goes through the items of a sequence. `each` gets the number of an item, from 0, and must go through all of its
    /// elements or pass over them.
    pub fn items(
        &mut self,
        element: Element,
        scope: Scope,
        mut each: impl FnMut(&mut Self, u32, Scope) -> Result<()>,
    ) -> Result<()> {
        if scope.depth == DEEPEST {
            return Err(Error::format(format!("its sequences are nested more than {DEEPEST} deep")));
        }
        let has_end = element.bytes != UNDEFINED;
        let end = if has_end { element.position + u64::from(element.bytes) } else { scope.end };
        let around = Scope { encoding: element.encoding, end, has_length: has_end, depth: scope.depth + 1 };
        let mut number = 0u32;
        while self.position < end {
            let tag = self.tag(self.position, around)?;
            let bytes = self.u32(self.position + 4, around)?;
            if tag == END_OF_SEQUENCE {
                self.position += 8;
                break;
            }
            if tag != ITEM {
                return Err(Error::format(format!(
                    "it is broken: {tag} is at byte {}, where an item of {} should begin",
                    self.position,
                    named(element.tag)
                )));
            }
            self.position += 8;
            let start = self.position;
            let item_end = if bytes == UNDEFINED { end } else { start + u64::from(bytes) };
            if item_end > end {
                return Err(Error::format(format!(
                    "it is truncated: an item of {} has {bytes} bytes, but only {} follow",
                    named(element.tag),
                    end - start
                )));
            }
            let has_length = bytes != UNDEFINED;
            let mut item = Scope { end: item_end, has_length, ..around };
            item.encoding.implicit = self.is_implicit(item)?;
            each(self, number, item)?;
            if has_length {
                self.position = item_end;
            }
            number = number.saturating_add(1);
        }
        if has_end {
            self.position = end;
        }
        Ok(())
    }

    /// Whether the elements of a scope are without VR. Files say it of the whole data set, but some writers nest items of
    /// the other kind.
    fn is_implicit(&mut self, scope: Scope) -> Result<bool> {
        let said = scope.encoding.implicit;
        let at = self.position;
        if at + 8 > scope.end || self.tag(at, scope)?.0 == 0xfffe {
            return Ok(said);
        }
        let vr: [u8; 2] = self.read(at + 4)?;
        let has_vr = VR::from_binary(vr).is_some();
        if has_vr != said {
            return Ok(said);
        }
        // Letters of a VR may be a length, and the other way round: what comes next decides.
        let tag = self.tag(at, scope)?;
        let fits = |elements: &mut Self, implicit| {
            let scope = Scope { encoding: Encoding { implicit, ..scope.encoding }, ..scope };
            match elements.length(tag, scope) {
                Ok(length) => elements.is_followed(tag, &length, scope, false),
                Err(_) => Ok(false),
            }
        };
        Ok(if said { !fits(self, false)? || fits(self, true)? } else { fits(self, true)? })
    }

    /// The VR and the length that follow a tag at the present position.
    fn length(&mut self, tag: Tag, scope: Scope) -> Result<Length> {
        let at = self.position + 4;
        if scope.encoding.implicit {
            return Ok(Length { vr: None, bytes: self.u32(at, scope)?, header: 4 });
        }
        let letters: [u8; 2] = self.bounded(at, scope)?;
        if let Some(vr) = VR::from_binary(letters) {
            return if is_long(vr) {
                Ok(Length { vr: Some(vr), bytes: self.u32(at + 4, scope)?, header: 8 })
            } else {
                Ok(Length { vr: Some(vr), bytes: self.u16(at + 2, scope)?.into(), header: 4 })
            };
        }
        // No VR that there is. VRs to come have a length of 4 bytes (PS3.5, 7.1.2); writers that leave it blank one of 2; and
        // some leave it out. What fits the element after it is right.
        let of_4_bytes = match self.u32(at + 4, scope) {
            Ok(bytes) => Some(Length { vr: None, bytes, header: 8 }),
            Err(_) => None,
        };
        let of_2_bytes = Some(Length { vr: None, bytes: self.u16(at + 2, scope)?.into(), header: 4 });
        let without = Some(Length { vr: None, bytes: self.u32(at, scope)?, header: 4 });
        let candidates = match letters.iter().all(u8::is_ascii_uppercase) {
            true => [of_4_bytes, of_2_bytes, without],
            false => [without, of_2_bytes, of_4_bytes],
        };
        // Best of all, what follows has a VR.
        for needs_vr in [true, false] {
            for length in candidates.iter().flatten() {
                if self.is_followed(tag, length, scope, needs_vr)? {
                    return Ok(*length);
                }
            }
        }
        Err(Error::format(format!(
            "it is broken: at byte {} {} has the VR {:02x} {:02x}, which does not exist",
            self.position,
            named(tag),
            letters[0],
            letters[1]
        )))
    }

    /// Whether an element of this length, at the present position, is followed by one that may follow.
    fn is_followed(&mut self, tag: Tag, length: &Length, scope: Scope, needs_vr: bool) -> Result<bool> {
        let begin = self.position + 4 + length.header;
        if length.bytes == UNDEFINED {
            // Then an item or the end of the sequence follows.
            return Ok(begin + 8 <= scope.end && self.tag(begin, scope)?.0 == 0xfffe);
        }
        let next = begin + u64::from(length.bytes);
        if next >= scope.end || is_pixel_data(tag) {
            return Ok(next == scope.end || is_pixel_data(tag));
        }
        if next + 8 > scope.end {
            return Ok(false);
        }
        let following = self.tag(next, scope)?;
        Ok(match following.0 {
            0xfffe => following == END_OF_ITEM && scope.depth > 0,
            _ => following > tag && (!needs_vr || VR::from_binary(self.read(next + 4)?).is_some()),
        })
    }

    fn seek(&mut self, position: u64) -> Result<()> {
        // Relative to where the reader is, nothing that was read ahead is read again.
        let distance = self.reader_at.and_then(|at| i64::try_from(i128::from(position) - i128::from(at)).ok());
        match distance {
            Some(distance) => self.source.reader.seek_relative(distance),
            None => self.source.reader.seek(SeekFrom::Start(position)).map(drop),
        }
        .map_err(cannot_read)?;
        self.reader_at = Some(position);
        Ok(())
    }

    fn read<const N: usize>(&mut self, position: u64) -> Result<[u8; N]> {
        self.seek(position)?;
        // Unknown until it was read.
        self.reader_at = None;
        let mut bytes = [0; N];
        self.source.reader.read_exact(&mut bytes).map_err(|error| match error.kind() {
            std::io::ErrorKind::UnexpectedEof => ended(position),
            _ => cannot_read(error),
        })?;
        self.reader_at = Some(position + N as u64);
        Ok(bytes)
    }

    fn bounded<const N: usize>(&mut self, position: u64, scope: Scope) -> Result<[u8; N]> {
        if position + N as u64 > scope.end {
            return Err(ended(position));
        }
        self.read(position)
    }

    fn u16(&mut self, position: u64, scope: Scope) -> Result<u16> {
        Ok(scope.encoding.u16(self.bounded(position, scope)?))
    }

    fn u32(&mut self, position: u64, scope: Scope) -> Result<u32> {
        Ok(scope.encoding.u32(self.bounded(position, scope)?))
    }

    fn tag(&mut self, position: u64, scope: Scope) -> Result<Tag> {
        let [a, b, c, d] = self.bounded(position, scope)?;
        Ok(Tag(scope.encoding.u16([a, b]), scope.encoding.u16([c, d])))
    }
}

fn ended(position: u64) -> Error {
    Error::format(format!("it is truncated: it ends at byte {position}, within an element"))
}

fn is_pixel_data(tag: Tag) -> bool {
    matches!(tag, Tag(0x7fe0, 0x0008..=0x0010))
}

/// The representation that the dictionary has for an attribute; of the signs of numbers, none.
fn vr_of(tag: Tag) -> VR {
    match StandardDataDictionary.by_tag(tag).map(|entry| entry.vr()) {
        Some(VirtualVr::Exact(vr)) => vr,
        Some(VirtualVr::Xs) => VR::US,
        Some(VirtualVr::Ox | VirtualVr::Px | VirtualVr::Lt) => VR::OW,
        _ => VR::UN,
    }
}

/// Whether a representation has a length of 4 bytes after 2 reserved ones (PS3.5, table 7.1-1).
fn is_long(vr: VR) -> bool {
    use VR::{OB, OD, OF, OL, OV, OW, SQ, SV, UC, UN, UR, UT, UV};
    matches!(vr, OB | OD | OF | OL | OV | OW | SQ | SV | UC | UN | UR | UT | UV)
}
