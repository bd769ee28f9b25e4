//! Data sets that are coded in another way than their transfer syntax says, or say their value representations in another
//! way than most. pydicom 3.0 or DCMTK 3.6.7 reads each of these.

use super::maker::{BIG_ENDIAN, DEFLATED, END_OF_SEQUENCE, EXPLICIT, IMPLICIT, JPEG, Maker, implicit, item, long};
use super::{jpeg, load, load_frame, refusal, seen, values};

/// Twelve bits with a window from 0 to 4095.
fn image(syntax: &'static str) -> Maker {
    Maker::image(syntax, "MONOCHROME2", [2, 1], [16, 12]).text(0x0028_1050, "DS", "2048").text(
        0x0028_1051,
        "DS",
        "4096",
    )
}

const PIXELS: [u16; 2] = [4095, 819];

#[track_caller]
fn assert_read(file: &[u8]) {
    let decoded = load(file);
    assert_eq!(values(&decoded), [4095, 819]);
    assert_eq!(decoded.view().windowing().center, 2048.0);
}

/// A file of this body, whose file meta information names the syntax.
fn file(syntax: &'static str, body: Vec<u8>) -> Vec<u8> {
    let mut maker = Maker::new(syntax);
    maker.body = body;
    maker.file()
}

/// The body of an image with something in between.
fn with(between: &[u8]) -> Vec<u8> {
    let pixels = PIXELS.map(u16::to_le_bytes).concat();
    [&image(EXPLICIT).body[..], between, &long(0x7fe0_0010, b"OW", 4), &pixels].concat()
}

#[test]
fn sequences_of_unknown_representation() {
    // Items of UN are in implicit VR (PS3.5, 6.2.2), whether the length is defined or not.
    let inner = [implicit(0x0029_1001, b"1234"), implicit(0x0029_1002, &[])].concat();
    let nested = item(&[inner.clone(), implicit(0x0029_1003, &item(&inner))].concat());
    let undefined = [long(0x0029_1010, b"UN", u32::MAX), nested.clone(), nested, END_OF_SEQUENCE.to_vec()].concat();
    assert_read(&file(EXPLICIT, with(&undefined)));
    // Some writers have explicit VR there.
    let explicit = item(&Maker::new(EXPLICIT).text(0x0029_1001, "LO", "12").number(0x0029_1002, 7).body);
    let undefined = [&long(0x0029_1010, b"UN", u32::MAX)[..], &explicit, &END_OF_SEQUENCE].concat();
    assert_read(&file(EXPLICIT, with(&undefined)));
    // And some, implicit VR in sequences of explicit data sets.
    let sequence = [long(0x0029_1010, b"SQ", u32::MAX), item(&inner), END_OF_SEQUENCE.to_vec()].concat();
    assert_read(&file(EXPLICIT, with(&sequence)));
    let unclosed = [&long(0x0029_1010, b"UN", u32::MAX)[..], &item(&inner)].concat();
    let error = refusal(&file(EXPLICIT, with(&unclosed)));
    assert!(error.message().contains("where an item of (0029,1010) should begin"), "{error}");
}

#[test]
fn standard_elements_of_unknown_representation() {
    let unknown = |tag, value: &[u8]| [long(tag, b"UN", value.len() as u32), value.to_vec()].concat();
    let body = [
        unknown(0x0028_0002, &[1, 0]),
        unknown(0x0028_0004, b"MONOCHROME2 "),
        unknown(0x0028_0010, &[1, 0]),
        unknown(0x0028_0011, &[2, 0]),
        unknown(0x0028_0100, &[16, 0]),
        unknown(0x0028_0101, &[12, 0]),
        unknown(0x0028_1050, b"40"),
        unknown(0x0028_1051, b"400 "),
        unknown(0x0028_1052, b"-1000 "),
        unknown(0x0028_1053, b"2 "),
        unknown(0x7fe0_0010, &[255, 15, 51, 3]),
    ];
    let decoded = load(&file(EXPLICIT, body.concat()));
    assert_eq!(values(&decoded), [4095, 819]);
    let windowing = decoded.view().windowing().to_owned();
    assert_eq!((windowing.slope, windowing.intercept, windowing.center, windowing.width), (2.0, -1000.0, 40.0, 400.0));
    // A VOI LUT Sequence of unknown representation is a sequence all the same.
    let lut = [implicit(0x0028_3002, &[2, 0, 0, 0, 8, 0]), implicit(0x0028_3006, &[0, 0, 51, 0])];
    let defined = [&[0xfe, 0xff, 0, 0xe0][..], &(lut.concat().len() as u32).to_le_bytes(), &lut.concat()].concat();
    let mut body = Maker::image(EXPLICIT, "MONOCHROME2", [2, 1], [16, 12]).body;
    body.extend(unknown(0x0028_3010, &defined));
    body.extend([long(0x7fe0_0010, b"OW", 4), PIXELS.map(u16::to_le_bytes).concat()].concat());
    assert_eq!(seen(&load(&file(EXPLICIT, body))), [0.2, 0.2]);
}

#[test]
fn representations_that_do_not_exist() {
    let element = |vr: &[u8], length: &[u8]| [&[0x29, 0, 0x10, 0x10][..], vr, length, b"ABCD"].concat();
    for (vr, length) in [
        (&[0, 0], &[4, 0][..]),
        (b"  ", &[4, 0]),
        (b"??", &[4, 0]),
        // A representation that the standard does not have yet has a long length.
        (b"ZZ", &[0, 0, 4, 0, 0, 0]),
        (b"ZZ", &[4, 0]),
        // No representation, but a length of 4 bytes.
        (&[4, 0], &[0, 0]),
    ] {
        assert_read(&file(EXPLICIT, with(&element(vr, length))));
    }
    let error = refusal(&file(EXPLICIT, with(&element(b"??", &[5, 0]))));
    assert!(error.message().contains("which does not exist"), "{error}");
}

#[test]
fn data_sets_in_another_transfer_syntax() {
    let bodies: Vec<Vec<u8>> = [IMPLICIT, EXPLICIT, BIG_ENDIAN]
        .map(|syntax| {
            let mut maker = Maker::new(syntax).text(0x0008_0060, "CS", "OT");
            maker.body.extend(image(syntax).body);
            maker.numbers(0x7fe0_0010, "OW", &PIXELS).body
        })
        .into();
    for named in [IMPLICIT, EXPLICIT, BIG_ENDIAN] {
        for body in &bodies {
            assert_read(&file(named, body.clone()));
        }
    }
    // Said to be deflated, but not.
    let deflated = Maker::new(DEFLATED).file();
    let meta = &deflated[..deflated.len() - 2];
    assert_read(&[meta, &bodies[1]].concat());
    assert_read(&[meta, &deflate(&bodies[1])].concat());
    let error = refusal(&[meta, b"something else"].concat());
    assert!(error.message().contains("its deflated data set is broken"), "{error}");
}

fn deflate(body: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn file_meta_information() {
    let body = image(EXPLICIT).numbers(0x7fe0_0010, "OW", &PIXELS).body;
    let preamble = [&[0; 128][..], b"DICM"].concat();
    let syntax = format!("{EXPLICIT}\0");
    let implicit_meta = [
        implicit(0x0002_0001, &[0, 1]),
        implicit(0x0002_0002, b"1.2.840.10008.5.1.4.1.1.7\0"),
        implicit(0x0002_0010, syntax.as_bytes()),
    ]
    .concat();
    let explicit_meta = Maker::new(EXPLICIT).element(0x0002_0001, "OB", &[0, 1]).text(0x0002_0010, "UI", &syntax).body;
    let group_length = implicit(0x0002_0000, &(implicit_meta.len() as u32).to_le_bytes());
    for meta in [&implicit_meta, &[group_length, implicit_meta.clone()].concat(), &explicit_meta] {
        assert_read(&[&preamble[..], meta, &body].concat());
        assert_read(&[meta, &body[..]].concat());
    }
    // A length of the group that is wrong.
    let wrong = Maker::new(EXPLICIT).element(0x0002_0000, "UL", &[9, 9, 0, 0]).body;
    assert_read(&[&preamble[..], &wrong, &explicit_meta, &body].concat());
    // No transfer syntax: what the elements are coded in shows.
    let none = Maker::new(EXPLICIT).element(0x0002_0001, "OB", &[0, 1]).body;
    assert_read(&[&preamble[..], &none, &body].concat());
    let mut maker = Maker::new(IMPLICIT);
    maker.body = image(IMPLICIT).numbers(0x7fe0_0010, "OW", &PIXELS).body;
    assert_read(&[&preamble[..], &none, &maker.body].concat());
    // But not what the pixels are coded in.
    let fragments = Maker::image(JPEG, "MONOCHROME2", [16, 8], [8, 8]).fragments(&[], &[&jpeg(9)]);
    let begin = fragments.windows(4).position(|bytes| bytes == [0x28, 0, 2, 0]).unwrap();
    let error = refusal(&[&preamble[..], &none, &fragments[begin..]].concat());
    assert!(error.message().contains("names no transfer syntax"), "{error}");
}

#[test]
fn bare_data_sets() {
    for syntax in [EXPLICIT, IMPLICIT, BIG_ENDIAN] {
        for (tag, vr, value) in [
            (0x0008_0005, "CS", "ISO_IR 100"),
            (0x0008_0012, "DA", "20260101"),
            (0x0008_0016, "UI", "1.2.3.4\0"),
            (0x0008_0060, "CS", "OT"),
        ] {
            let mut maker = Maker::new(syntax).text(tag, vr, value);
            maker.body.extend(image(syntax).body);
            assert_read(&maker.numbers(0x7fe0_0010, "OW", &PIXELS).body);
        }
    }
}

#[test]
fn files_that_only_begin_like_data_sets() {
    for start in [&[8, 0, 0x12, 0, 8, 0, 0, 0][..], &[8, 0, 0x12, 0, 9, 0, 0, 0], &[8, 0, 0, 1, 4, 0, 0, 0]] {
        let error = refusal(&[start, &[0xff; 100]].concat());
        assert!(error.message().contains("it is not a DICOM"), "{error}");
    }
}

#[test]
fn functional_groups_of_undefined_length() {
    let window =
        |center: &str| Maker::new(EXPLICIT).text(0x0028_1050, "DS", center).text(0x0028_1051, "DS", "100").body;
    let sequence = |tag, content: Vec<u8>| [long(tag, b"SQ", u32::MAX), content, END_OF_SEQUENCE.to_vec()].concat();
    let frame = |center| item(&sequence(0x0028_9132, item(&window(center))));
    let groups = sequence(0x5200_9230, [frame("10"), frame("20"), frame("30")].concat());
    let mut body = Maker::image(EXPLICIT, "MONOCHROME2", [1, 1], [16, 12]).text(0x0028_0008, "IS", "3").body;
    body.extend(groups);
    body.extend([long(0x7fe0_0010, b"OW", 6), vec![1, 0, 2, 0, 3, 0]].concat());
    let file = file(EXPLICIT, body);
    for (frame, center) in [(0, 10.0), (1, 20.0), (2, 30.0)] {
        let decoded = load_frame(&file, frame).unwrap();
        assert_eq!((values(&decoded), decoded.view().windowing().center), (vec![i64::from(frame) + 1], center));
    }
}

#[test]
fn hostile_structures() {
    // Sequences in sequences, without an end.
    let deep = [long(0x0029_1010, b"SQ", u32::MAX), vec![0xfe, 0xff, 0, 0xe0, 0xff, 0xff, 0xff, 0xff]].concat();
    let error = refusal(&file(EXPLICIT, deep.repeat(100_000)));
    assert!(error.message().contains("nested more than 64 deep"), "{error}");
    // Lengths beyond the file, and values that no attribute has.
    let error = refusal(&file(EXPLICIT, with(&long(0x0029_1010, b"OB", u32::MAX - 1))));
    assert!(error.message().contains("(0029,1010) has 4294967294 bytes, but only"), "{error}");
    let mut large = Maker::new(EXPLICIT).element(0x0028_1201, "OW", &vec![0; 2 << 20]).body;
    large.extend(with(&[]));
    let error = refusal(&file(EXPLICIT, large));
    assert!(error.message().contains("has 2097152 bytes; no value of it has more than 1048576"), "{error}");
}
