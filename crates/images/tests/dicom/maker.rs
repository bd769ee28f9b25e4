//! Small DICOM files.

use std::io::Write;

pub const IMPLICIT: &str = "1.2.840.10008.1.2";
pub const EXPLICIT: &str = "1.2.840.10008.1.2.1";
pub const DEFLATED: &str = "1.2.840.10008.1.2.1.99";
pub const BIG_ENDIAN: &str = "1.2.840.10008.1.2.2";
pub const RLE: &str = "1.2.840.10008.1.2.5";
pub const JPEG: &str = "1.2.840.10008.1.2.4.50";
pub const JPEG2000: &str = "1.2.840.10008.1.2.4.90";

/// A DICOM file, element by element.
pub struct Maker {
    syntax: &'static str,
    pub body: Vec<u8>,
}

impl Maker {
    pub fn new(syntax: &'static str) -> Self {
        Maker { syntax, body: Vec::new() }
    }

    /// An image's attributes: columns, rows, bits allocated and stored.
    pub fn image(
        syntax: &'static str,
        photometric: &str,
        [columns, rows]: [u16; 2],
        [allocated, stored]: [u16; 2],
    ) -> Self {
        let samples = if photometric.starts_with("MONO") || photometric.starts_with("PAL") { 1 } else { 3 };
        Maker::new(syntax)
            .number(0x0028_0002, samples)
            .text(0x0028_0004, "CS", photometric)
            .number(0x0028_0010, rows)
            .number(0x0028_0011, columns)
            .number(0x0028_0100, allocated)
            .number(0x0028_0101, stored)
    }

    fn u16(&self, value: u16) -> [u8; 2] {
        if self.syntax == BIG_ENDIAN { value.to_be_bytes() } else { value.to_le_bytes() }
    }

    fn u32(&self, value: u32) -> [u8; 4] {
        if self.syntax == BIG_ENDIAN { value.to_be_bytes() } else { value.to_le_bytes() }
    }

    fn header(&mut self, tag: u32, vr: &str, bytes: u32) {
        let tag = [self.u16((tag >> 16) as u16), self.u16(tag as u16)].concat();
        self.body.extend(tag);
        if self.syntax == IMPLICIT {
            self.body.extend(self.u32(bytes));
            return;
        }
        self.body.extend(vr.as_bytes());
        if matches!(vr, "OB" | "OD" | "OF" | "OW" | "SQ" | "UN") {
            self.body.extend([0, 0]);
            self.body.extend(self.u32(bytes));
        } else {
            self.body.extend(self.u16(bytes as u16));
        }
    }

    pub fn element(mut self, tag: u32, vr: &str, value: &[u8]) -> Self {
        self.header(tag, vr, value.len() as u32);
        self.body.extend(value);
        self
    }

    pub fn number(self, tag: u32, value: u16) -> Self {
        let value = self.u16(value);
        self.element(tag, "US", &value)
    }

    pub fn numbers(self, tag: u32, vr: &str, values: &[u16]) -> Self {
        let values: Vec<u8> = values.iter().flat_map(|value| self.u16(*value)).collect();
        self.element(tag, vr, &values)
    }

    pub fn text(self, tag: u32, vr: &str, value: &str) -> Self {
        let padded = if value.len() % 2 == 1 { format!("{value} ") } else { value.into() };
        self.element(tag, vr, padded.as_bytes())
    }

    /// A sequence whose items have these elements.
    pub fn sequence(mut self, tag: u32, items: Vec<Maker>) -> Self {
        let start = [self.u16(0xfffe), self.u16(0xe000)].concat();
        let item = |item: Maker| [&start[..], &self.u32(item.body.len() as u32), &item.body].concat();
        let items: Vec<u8> = items.into_iter().flat_map(item).collect();
        self.header(tag, "SQ", items.len() as u32);
        self.body.extend(items);
        self
    }

    pub fn bytes(self, pixels: &[u8]) -> Vec<u8> {
        self.element(0x7fe0_0010, "OB", pixels).file()
    }

    pub fn words(self, pixels: &[u16]) -> Vec<u8> {
        self.numbers(0x7fe0_0010, "OW", pixels).file()
    }

    /// Fragments after an offset table.
    pub fn fragments(mut self, table: &[u32], fragments: &[&[u8]]) -> Vec<u8> {
        self.header(0x7fe0_0010, "OB", u32::MAX);
        let table: Vec<u8> = table.iter().flat_map(|offset| offset.to_le_bytes()).collect();
        for item in [&table[..]].iter().chain(fragments) {
            self.body.extend([0xfe, 0xff, 0, 0xe0]);
            self.body.extend((item.len() as u32).to_le_bytes());
            self.body.extend(*item);
        }
        self.body.extend([0xfe, 0xff, 0xdd, 0xe0, 0, 0, 0, 0]);
        self.file()
    }

    pub fn file(self) -> Vec<u8> {
        let meta = Maker::new(EXPLICIT).text(0x0002_0010, "UI", self.syntax).body;
        let length = Maker::new(EXPLICIT).element(0x0002_0000, "UL", &(meta.len() as u32).to_le_bytes()).body;
        let body = match self.syntax {
            DEFLATED => {
                let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
                encoder.write_all(&self.body).unwrap();
                encoder.finish().unwrap()
            }
            _ => self.body,
        };
        [&[0; 128][..], b"DICM", &length, &meta, &body].concat()
    }
}

/// An element of Explicit VR Little Endian with a length of 4 bytes.
pub fn long(tag: u32, vr: &[u8; 2], bytes: u32) -> Vec<u8> {
    [&tag_of(tag)[..], vr, &[0, 0], &bytes.to_le_bytes()].concat()
}

/// An element of Implicit VR Little Endian.
pub fn implicit(tag: u32, value: &[u8]) -> Vec<u8> {
    [&tag_of(tag)[..], &(value.len() as u32).to_le_bytes(), value].concat()
}

/// An item of undefined length.
pub fn item(content: &[u8]) -> Vec<u8> {
    [&[0xfe, 0xff, 0, 0xe0, 0xff, 0xff, 0xff, 0xff][..], content, &[0xfe, 0xff, 0x0d, 0xe0, 0, 0, 0, 0]].concat()
}

/// The end of a sequence of undefined length.
pub const END_OF_SEQUENCE: [u8; 8] = [0xfe, 0xff, 0xdd, 0xe0, 0, 0, 0, 0];

fn tag_of(tag: u32) -> [u8; 4] {
    let ([group_low, group_high], [low, high]) = (((tag >> 16) as u16).to_le_bytes(), (tag as u16).to_le_bytes());
    [group_low, group_high, low, high]
}
