//! Text in DICOM's character sets (PS3.3, C.12.1.1.2). No text is so broken that the pixels cannot be read: what does not fit
//! its character set is replaced.

use dicom_encoding::text::{SpecificCharacterSet, TextCodec};

/// Text by Specific Character Set (0008,0005), whose values are separated by backslashes.
pub fn decoded(coded: &[u8], character_sets: &str) -> String {
    const ESCAPE: u8 = 0x1b;
    let first = character_sets.split('\\').next().unwrap_or("").trim();
    let first = (!first.is_empty()).then_some(first);
    let Some(escape) = coded.iter().position(|byte| *byte == ESCAPE) else {
        return in_set(coded, first);
    };
    let mut text = in_set(&coded[..escape], first);
    for part in coded[escape + 1..].split(|byte| *byte == ESCAPE) {
        text += &after_escape(part, first);
    }
    text
}

/// What follows an escape character: the rest of an escape sequence, and text in the set that it names (table
/// C.12-3 and C.12-4).
fn after_escape(part: &[u8], first: Option<&str>) -> String {
    let sets: [(&[u8], &str); 15] = [
        (b"(B", "ISO_IR 6"),
        (b"(J", "ISO_IR 13"),
        (b")I", "ISO_IR 13"),
        (b"-A", "ISO_IR 100"),
        (b"-B", "ISO_IR 101"),
        (b"-C", "ISO_IR 109"),
        (b"-D", "ISO_IR 110"),
        (b"-L", "ISO_IR 144"),
        (b"-G", "ISO_IR 127"),
        (b"-F", "ISO_IR 126"),
        (b"-H", "ISO_IR 138"),
        (b"-T", "ISO_IR 166"),
        (b"$)C", "ISO_IR 149"),
        (b"$)A", "ISO 2022 IR 58"),
        (b"$B", "ISO_IR 87"),
    ];
    match sets.iter().find(|(sequence, _)| part.starts_with(sequence)) {
        // Its codec reads the escape sequence itself.
        Some((_, set @ "ISO_IR 87")) => in_set(&[b"\x1b", part].concat(), Some(set)),
        // The single-byte set of Japanese has no other letters in its upper half, so ASCII stays what it is.
        Some((sequence, set)) => in_set(&part[sequence.len()..], Some(set)),
        None => in_set(part, first),
    }
}

fn in_set(coded: &[u8], name: Option<&str>) -> String {
    let set = name.and_then(SpecificCharacterSet::from_code);
    let text = set.and_then(|set| set.decode(coded).ok());
    text.unwrap_or_else(|| String::from_utf8_lossy(coded).into_owned())
}
