//! JPEG (ITU-T T.81): Huffman- and arithmetic-coded, sequential and progressive of 8 and 12 bits; lossless of 2 to 16 bits.

use crate::segments::{EOI, SOI, SOS, Segments, ends_with_marker};
use crate::turbo::{Decompressor, Failure, Sample};
use crate::{Accept, Decoded, Samples, Size, zeros};
use lens_base::{Error, ErrorKind, Result};
use std::borrow::Cow;

/// What becomes of the components of coloured images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colours {
    /// They stay as they are coded.
    AsCoded,
    /// Red, green and blue, or cyan, magenta, yellow and black, by what the markers say, or else by libjpeg's rules.
    Converted,
    /// Red, green and blue of three components, which are luminance and colour differences whatever the markers say.
    OfYbr,
}

/// What the markers of an image with three components say that these are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Components {
    /// Red, green and blue: by the components' names, or by an Adobe marker.
    Rgb,
    /// Luminance and colour differences: by a JFIF or an Adobe marker.
    Ybr,
}

/// What is known before the first scan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Size of the image.
    pub size: Size,
    /// Bits of a sample.
    pub precision: u32,
    /// What the markers say of three components.
    pub components: Option<Components>,
    /// The data of EXIF, a TIFF file's structure, where there are any.
    pub exif: Option<Vec<u8>>,
    /// Marker of the frame header, which says how the image is coded.
    frame: u8,
    /// Whether all components are in the first scan.
    is_interleaved: bool,
}

fn broken(what: &str) -> Error {
    Error::format(format!("its JPEG code stream is broken: {what}"))
}

fn unsupported(what: &str) -> Error {
    Error::new(ErrorKind::Unsupported, format!("its JPEG code stream is {what}, which this library cannot decode"))
}

impl Header {
    /// Reads the header of an image of which perhaps only the start is there; `None`: more is needed.
    pub fn read(start: &[u8]) -> Result<Option<Self>> {
        let segments = Segments::of(start).ok_or_else(|| broken("it does not begin with a start of image"))?;
        let (mut frame, mut is_jfif, mut adobe, mut exif) = (None, false, None, None);
        for segment in segments {
            match segment.marker {
                // Tables of Huffman codes, arithmetic conditioning; an extension.
                0xc4 | 0xc8 | 0xcc => {}
                0xc0..=0xcf if frame.is_some() => return Err(broken("it has two frame headers")),
                0xc0..=0xcf => frame = Some(segment),
                0xe0 => is_jfif |= segment.content.starts_with(b"JFIF\0"),
                0xe1 if exif.is_none() => exif = segment.content.strip_prefix(b"Exif\0\0"),
                0xee if segment.content.starts_with(b"Adobe") => adobe = segment.content.get(11).copied(),
                SOS => {
                    let frame = frame.ok_or_else(|| broken("a scan comes before a frame header"))?;
                    // Precision, lines, samples of a line, components; three bytes for each of these (T.81, B.2.2).
                    let &[precision, y1, y0, x1, x0, components, ref each @ ..] = frame.content else {
                        return Err(broken("its frame header is too short"));
                    };
                    let names: Vec<u8> = each.as_chunks::<3>().0.iter().map(|component| component[0]).collect();
                    let size = Size {
                        width: u16::from_be_bytes([x1, x0]).into(),
                        height: u16::from_be_bytes([y1, y0]).into(),
                        components: components.into(),
                    };
                    return Ok(Some(Header {
                        size,
                        precision: precision.into(),
                        components: match (&names[..], is_jfif, adobe) {
                            ([b'R', b'G', b'B'] | [b'r', b'g', b'b'], ..) => Some(Components::Rgb),
                            ([_, _, _], true, _) | ([_, _, _], _, Some(1)) => Some(Components::Ybr),
                            ([_, _, _], _, Some(0)) => Some(Components::Rgb),
                            _ => None,
                        },
                        exif: exif.map(<[u8]>::to_vec),
                        frame: frame.marker,
                        is_interleaved: segment.content.first() == Some(&components),
                    }));
                }
                _ => {}
            }
        }
        Ok(None)
    }

    /// Whether the image is coded without loss, by prediction.
    pub fn is_lossless(&self) -> bool {
        self.frame == 0xc3
    }

    fn check(&self) -> Result<()> {
        let coding = match self.frame {
            0xc0..=0xc3 | 0xc9 | 0xca => None,
            0xc5..=0xc7 | 0xcd..=0xcf => Some("hierarchical"),
            0xcb => Some("lossless and arithmetic-coded"),
            _ => Some("of an unknown kind"),
        };
        if let Some(coding) = coding {
            return Err(unsupported(coding));
        }
        if !(matches!(self.precision, 8 | 12) || self.is_lossless() && (2..=16).contains(&self.precision)) {
            return Err(broken(&format!("its samples have {} bits", self.precision)));
        }
        if self.size.width == 0 || self.size.height == 0 {
            return Err(unsupported(&format!("of {} x {} pixels", self.size.width, self.size.height)));
        }
        if !matches!(self.size.components, 1 | 3 | 4) {
            return Err(unsupported(&format!("of {} components", self.size.components)));
        }
        Ok(())
    }

    /// Whether all of the image has been decoded when its first scan has, and missing data show.
    fn is_whole_after_first_scan(&self) -> bool {
        self.is_interleaved && matches!(self.frame, 0xc0 | 0xc1 | 0xc3)
    }
}

/// Decodes an image. All that libjpeg warns of is an error, but for bytes between the last scan and the end of the image; and
/// that end may be missing after a scan that is whole.
pub fn decode(coded: &[u8], colours: Colours, accept: &Accept) -> Result<Decoded> {
    let header = Header::read(coded)?.ok_or_else(|| broken("it ends before the first scan"))?;
    header.check()?;
    accept(header.size)?;
    let stream = prepared(coded, &header, colours);
    let samples = match header.precision {
        ..=8 => Samples::Bytes(decode_to::<u8>(&stream, &header)?),
        9..=12 => Samples::Words(decode_to::<i16>(&stream, &header)?.into_iter().map(|sample| sample as u16).collect()),
        _ => Samples::Words(decode_to::<u16>(&stream, &header)?),
    };
    let is_lossy = !header.is_lossless();
    Ok(Decoded { size: header.size, precision: header.precision, signed: false, is_lossy, samples })
}

/// An image in the abbreviated format (T.81, B.4) with the tables of another code stream.
pub fn with_tables(tables: &[u8], coded: &[u8]) -> Result<Vec<u8>> {
    let tables = Segments::of(tables).ok_or_else(|| broken("its tables do not begin with a start of image"))?;
    let image = coded.strip_prefix(&[0xff, SOI]).ok_or_else(|| broken("it does not begin with a start of image"))?;
    // Of Huffman codes, arithmetic conditioning, quantisation; restart intervals.
    let tables = tables.filter(|segment| matches!(segment.marker, 0xc4 | 0xcc | 0xdb | 0xdd));
    let mut whole = vec![0xff, SOI];
    tables.for_each(|segment| whole.extend(segment.whole));
    whole.extend(image);
    Ok(whole)
}

/// The stream as libjpeg is to see it.
fn prepared<'a>(coded: &'a [u8], header: &Header, colours: Colours) -> Cow<'a, [u8]> {
    // "Adobe", version 100, no flags; then the transform.
    const ADOBE: [u8; 15] = [0xff, 0xee, 0, 14, b'A', b'd', b'o', b'b', b'e', 0, 100, 0, 0, 0, 0];
    let transform = match colours {
        Colours::AsCoded => Some(0),
        Colours::OfYbr => Some(1),
        Colours::Converted => None,
    };
    let mut stream = Cow::Borrowed(coded);
    if let Some(transform) = transform.filter(|_| header.size.components > 1) {
        let mut segments = Segments::of(coded).expect("its header was read");
        let mut rewritten = [&[0xff, SOI][..], &ADOBE, &[transform]].concat();
        // Applications' segments would say otherwise.
        for segment in segments.by_ref().filter(|segment| !matches!(segment.marker, 0xe0..=0xef)) {
            rewritten.extend(segment.whole);
        }
        rewritten.extend(segments.rest);
        stream = Cow::Owned(rewritten);
    }
    if header.is_whole_after_first_scan() {
        let mut segments = Segments::of(&stream).expect("its header was read");
        segments.by_ref().for_each(drop);
        if !ends_with_marker(segments.rest) {
            stream.to_mut().extend([0xff, EOI]);
        }
    }
    stream
}

fn decode_to<T: Sample>(stream: &[u8], header: &Header) -> Result<Vec<T>> {
    let mut samples = zeros(header.size)?;
    let mut decode = |warnings_are_failures| {
        Ok(Decompressor::new()?.decode(stream, header.size, &mut samples, warnings_are_failures))
    };
    match decode(true)? {
        // Then all scans have been read without another warning.
        Err(failure) if failure.is_warning && failure.message.ends_with("extraneous bytes before marker 0xd9") => {
            decode(false)?.map_err(error)?;
        }
        other => other.map_err(error)?,
    }
    Ok(samples)
}

fn error(failure: Failure) -> Error {
    /// What libjpeg says of valid streams that it cannot decode.
    const CANNOT: [&str; 6] = [
        "Not implemented yet",
        "Requested feature was omitted at compile time",
        "Unsupported color conversion request",
        "sampling not implemented yet",
        "Unsupported JPEG process",
        "DNL not supported",
    ];
    if CANNOT.iter().any(|message| failure.message.contains(message)) {
        let message = format!("its JPEG code stream has what this library cannot decode: {}", failure.message);
        return Error::new(ErrorKind::Unsupported, message);
    }
    broken(&failure.message)
}
