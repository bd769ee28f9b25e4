//! From stored values to seen ones. Expected values are by PS3.3 C.11; DCMTK's dcm2pnm 3.6.7 agreed but for LINEAR_EXACT and
//! widths below 1, which it takes as LINEAR and as an error.

use super::maker::{BIG_ENDIAN, EXPLICIT, IMPLICIT, Maker};
use super::{load, refusal, seen, values};
use lens_base::{Error, ErrorKind};
use lens_images::{Display, ImageFile, ReadOptions, WindowFunction};

fn load_as(file: &[u8], options: ReadOptions) -> Result<ImageFile, Error> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("no name");
    std::fs::write(&path, file).unwrap();
    ImageFile::load_as(&path, 0, &options)
}

fn twelve_bits(syntax: &'static str) -> Maker {
    Maker::image(syntax, "MONOCHROME2", [3, 1], [16, 12])
}

fn windowed(syntax: &'static str, center: &str, width: &str) -> Maker {
    twelve_bits(syntax).text(0x0028_1050, "DS", center).text(0x0028_1051, "DS", width)
}

/// A table of a sequence of lookup tables.
fn table(syntax: &'static str, vr: &str, [entries, first, bits]: [u16; 3], data: &[u16]) -> Maker {
    Maker::new(syntax).numbers(0x0028_3002, vr, &[entries, first, bits]).numbers(0x0028_3006, "OW", data)
}

fn assert_close(seen: &[f32], expected: &[f64]) {
    assert_eq!(seen.len(), expected.len());
    for (one, other) in seen.iter().zip(expected) {
        assert!((f64::from(*one) - other).abs() < 1e-6, "{seen:?}, not {expected:?}");
    }
}

#[test]
fn window_functions() {
    let file =
        |function, width| windowed(EXPLICIT, "100", width).text(0x0028_1056, "CS", function).words(&[90, 100, 130]);
    let sigmoid = |value: f64| 1.0 / (1.0 + (-4.0 * (value - 100.0) / 40.0).exp());
    let curve = load(&file("SIGMOID", "40"));
    assert_close(&seen(&curve), &[90.0, 100.0, 130.0].map(sigmoid));
    assert!(!curve.view().is_linear());
    assert_eq!(curve.view().window_ends(), (80.0, 120.0));
    assert_eq!(curve.presets()[0].line(), None);
    let bytes = [90.0, 100.0, 130.0].map(|value| (sigmoid(value) * 255.0).round() as u8);
    assert_eq!(curve.view().seen_bytes().unwrap(), bytes);
    let words = [90.0, 100.0, 130.0].map(|value| (sigmoid(value) * 65_535.0).round() as u16);
    let differences = curve.view().seen_words().unwrap().into_iter().zip(words).map(|(one, other)| one.abs_diff(other));
    assert!(differences.max() <= Some(1));
    let exact = load(&file("LINEAR_EXACT", "40"));
    assert_close(&seen(&exact), &[0.25, 0.5, 1.0]);
    assert!(exact.view().is_linear());
    assert_eq!((exact.view().window_ends(), exact.presets()[0].line()), ((80.0, 120.0), Some((80.0, 120.0))));
    let linear = load(&file("LINEAR", "41"));
    assert_close(&seen(&linear), &[10.5 / 40.0, 20.5 / 40.0, 1.0]);
    assert_eq!((linear.view().window_ends(), linear.presets()[0].line()), ((79.5, 119.5), Some((79.5, 119.5))));
    // A width below 1 is of LINEAR_EXACT, whatever the file says; one of 1 is a threshold.
    let narrow = load(&file("LINEAR", "0.5"));
    assert_eq!(narrow.view().windowing().function, WindowFunction::LinearExact);
    assert_close(&seen(&narrow), &[0.0, 0.5, 1.0]);
    assert_close(&seen(&load(&file("LINEAR", "1"))), &[0.0, 1.0, 1.0]);
}

#[test]
fn windows_for_those_who_know_lines() {
    let file = |function| windowed(EXPLICIT, "100", "40").text(0x0028_1056, "CS", function).words(&[90, 100, 130]);
    for (function, tolerance) in [("LINEAR", 0.0), ("LINEAR_EXACT", 1e-6), ("SIGMOID", 1e-5)] {
        let before = seen(&load(&file(function)));
        let linear = load(&file(function)).into_linear().unwrap();
        assert_eq!(linear.view().windowing().function, WindowFunction::Linear);
        assert!(linear.view().is_linear());
        let mut differences = seen(&linear).into_iter().zip(before).map(|(one, other)| (one - other).abs());
        assert!(differences.all(|difference| difference <= tolerance), "{function}");
    }
}

#[test]
fn voi_lookup_tables() {
    // Inputs from 100 on; those below and beyond have the first and the last entry.
    for syntax in [IMPLICIT, EXPLICIT, BIG_ENDIAN] {
        let lut = table(syntax, "US", [3, 100, 8], &[51, 0, 255]);
        let decoded = load(&twelve_bits(syntax).sequence(0x0028_3010, vec![lut]).words(&[0, 101, 4000]));
        assert_eq!(seen(&decoded), [0.2, 0.0, 1.0], "{syntax}");
        assert_eq!(decoded.view().lut().unwrap().values, [51, 0, 255]);
        assert!(!decoded.view().is_linear());
        assert_eq!((decoded.presets().len(), decoded.presets()[0].name.as_str()), (1, "LUT 1"));
        assert_eq!(values(&decoded), [0, 101, 4000]);
    }
    // After rescaling; what is between two entries gets the lower one.
    let lut = || table(EXPLICIT, "SS", [2, -10i16 as u16, 4], &[3, 15]);
    let rescaled = twelve_bits(EXPLICIT).text(0x0028_1052, "DS", "-20").text(0x0028_1053, "DS", "0.1");
    assert_eq!(seen(&load(&rescaled.sequence(0x0028_3010, vec![lut()]).words(&[100, 109, 110]))), [0.2, 0.2, 1.0]);
    // Entries of 8 bits in the two halves of a word.
    let halves = table(EXPLICIT, "US", [3, 0, 8], &[0x3300, 0x00ff]);
    assert_eq!(
        seen(&load(&twelve_bits(EXPLICIT).sequence(0x0028_3010, vec![halves]).words(&[0, 1, 2]))),
        [0.0, 0.2, 1.0]
    );
    // A descriptor that says fewer bits than the entries have.
    let more = table(EXPLICIT, "US", [2, 0, 8], &[0, 4095]);
    assert_eq!(
        seen(&load(&twelve_bits(EXPLICIT).sequence(0x0028_3010, vec![more]).words(&[0, 0, 1]))),
        [0.0, 0.0, 1.0]
    );
    // MONOCHROME1 turns round what the table gives.
    let inverse = Maker::image(EXPLICIT, "MONOCHROME1", [3, 1], [16, 12]);
    let lut = table(EXPLICIT, "US", [3, 100, 8], &[51, 0, 255]);
    assert_eq!(seen(&load(&inverse.sequence(0x0028_3010, vec![lut]).words(&[0, 101, 4000]))), [0.8, 1.0, 0.0]);
}

#[test]
fn first_inputs_whose_sign_is_not_said() {
    let signed = |syntax, vr| {
        let lut = table(syntax, vr, [3, -1i16 as u16, 8], &[0, 51, 255]);
        let maker = twelve_bits(syntax).number(0x0028_0103, 1).sequence(0x0028_3010, vec![lut]);
        seen(&load(&maker.words(&[0x0fff, 0, 1])))
    };
    for (syntax, vr) in [(IMPLICIT, "US"), (EXPLICIT, "US"), (EXPLICIT, "SS")] {
        assert_eq!(signed(syntax, vr), [0.0, 0.2, 1.0], "{syntax} {vr}");
    }
    for (syntax, vr) in [(IMPLICIT, "US"), (EXPLICIT, "US"), (EXPLICIT, "SS")] {
        let lut = table(syntax, vr, [2, 40_000, 8], &[0, 255]);
        let maker = Maker::image(syntax, "MONOCHROME2", [3, 1], [16, 16]).sequence(0x0028_3010, vec![lut]);
        assert_eq!(seen(&load(&maker.words(&[1, 40_000, 40_001]))), [0.0, 0.0, 1.0], "{syntax} {vr}");
    }
}

#[test]
fn lookup_tables_that_make_no_sense() {
    let file = |lut: Maker| twelve_bits(EXPLICIT).sequence(0x0028_3010, vec![lut]).words(&[0, 1, 2]);
    for (lut, said) in [
        (
            table(EXPLICIT, "US", [3, 0, 16], &[1, 2]),
            "LUT Data (0028,3006) has 4 bytes, too few for 3 entries of 16 bits",
        ),
        (table(EXPLICIT, "US", [0, 0, 16], &[1, 2]), "too few for 65536 entries"),
        (table(EXPLICIT, "US", [2, 0, 17], &[1, 2]), "LUT Descriptor (0028,3002) says that entries have 17 bits"),
        (Maker::new(EXPLICIT).numbers(0x0028_3006, "OW", &[1]), "no LUT Descriptor (0028,3002)"),
        (Maker::new(EXPLICIT).numbers(0x0028_3002, "US", &[1, 0]), "has not the three numbers"),
        (Maker::new(EXPLICIT).numbers(0x0028_3002, "US", &[1, 0, 8]), "no LUT Data (0028,3006)"),
    ] {
        let error = refusal(&file(lut));
        assert_eq!(error.kind(), ErrorKind::Format);
        assert!(error.message().contains(said), "{error}");
    }
}

#[test]
fn modality_lookup_tables() {
    let lut = || table(EXPLICIT, "US", [3, 10, 10], &[1000, 500, 0]);
    let file = |class: &str| {
        let mut maker = Maker::new(EXPLICIT).text(0x0008_0016, "UI", class);
        maker.body.extend(windowed(EXPLICIT, "512", "1024").sequence(0x0028_3000, vec![lut()]).body);
        maker.words(&[10, 11, 500])
    };
    let applied = load(&file("1.2.840.10008.5.1.4.1.1.1"));
    assert_eq!(values(&applied), [1000, 500, 0]);
    assert_eq!(applied.view().windowing().bits_stored, 10);
    assert_close(&seen(&applied), &[1000.0 / 1023.0, 500.0 / 1023.0, 0.0]);
    // X-ray angiography and fluoroscopy: it is not for display. Nor is their rescaling.
    for class in ["1.2.840.10008.5.1.4.1.1.12.1", "1.2.840.10008.5.1.4.1.1.12.2", "1.2.840.10008.5.1.4.1.1.12.3"] {
        let ignored = load(&file(class));
        assert_eq!(values(&ignored), [10, 11, 500]);
        assert_close(&seen(&ignored), &[10.0 / 1023.0, 11.0 / 1023.0, 500.0 / 1023.0]);
    }
    let mut rescaled = Maker::new(EXPLICIT).text(0x0008_0060, "CS", "XA");
    rescaled.body.extend(windowed(EXPLICIT, "512", "1024").text(0x0028_1053, "DS", "2").body);
    assert_close(&seen(&load(&rescaled.words(&[0, 1, 1023]))), &[0.0, 1.0 / 1023.0, 1.0]);
}

#[test]
fn presentation_lut_shapes() {
    let file = |photometric, shape: Option<&str>| {
        let maker = Maker::image(EXPLICIT, photometric, [2, 1], [8, 8]);
        match shape {
            Some(shape) => maker.text(0x2050_0020, "CS", shape).bytes(&[0, 51]),
            None => maker.bytes(&[0, 51]),
        }
    };
    for (photometric, shape, inverted) in [
        ("MONOCHROME1", None, true),
        ("MONOCHROME1", Some("INVERSE"), true),
        ("MONOCHROME1", Some("IDENTITY"), false),
        ("MONOCHROME2", None, false),
        ("MONOCHROME2", Some("INVERSE"), true),
        ("MONOCHROME2", Some("IDENTITY"), false),
    ] {
        let expected = if inverted { [1.0, 0.8] } else { [0.0, 0.2] };
        assert_eq!(seen(&load(&file(photometric, shape))), expected, "{photometric} {shape:?}");
    }
}

#[test]
fn windows_by_index_and_the_full_range() {
    let lut = table(EXPLICIT, "US", [2, 7, 8], &[0, 255]).text(0x0028_3003, "LO", "STEP");
    let maker = windowed(EXPLICIT, "100\\1000", "3\\2001").text(0x0028_1055, "LO", "A\\B");
    let file = maker.sequence(0x0028_3010, vec![lut]).words(&[0, 7, 4095]);
    let load_window = |window| load_as(&file, ReadOptions { window, ..ReadOptions::default() });
    let names: Vec<String> = load_window(0).unwrap().presets().iter().map(|preset| preset.name.clone()).collect();
    assert_eq!(names, ["A", "B", "STEP"]);
    assert_eq!(load_window(0).unwrap().view().window_ends(), (98.5, 100.5));
    assert_eq!(load_window(1).unwrap().view().window_ends(), (-0.5, 1999.5));
    assert_eq!(seen(&load_window(2).unwrap()), [0.0, 0.0, 1.0]);
    let error = load_window(3).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Argument);
    assert!(error.message().contains("window is 3, but the frame has 3 window(s)"), "{error}");
    let full = load_as(&file, ReadOptions { display: Display::FullRange, ..ReadOptions::default() }).unwrap();
    assert_close(&seen(&full), &[0.0, 7.0 / 4095.0, 1.0]);
    assert_eq!(full.presets().len(), 3);
    // Without a window, the default is stretched from the smallest to the largest value, and the full range is not.
    let plain = twelve_bits(EXPLICIT).words(&[100, 150, 200]);
    assert_close(&seen(&load(&plain)), &[0.0, 0.5, 1.0]);
    let full = load_as(&plain, ReadOptions { display: Display::FullRange, ..ReadOptions::default() }).unwrap();
    assert_close(&seen(&full), &[100.0 / 4095.0, 150.0 / 4095.0, 200.0 / 4095.0]);
    let colour = Maker::image(EXPLICIT, "RGB", [1, 1], [8, 8]).bytes(&[1, 2, 3, 0]);
    assert_eq!(
        load_as(&colour, ReadOptions { window: 1, ..ReadOptions::default() }).unwrap_err().kind(),
        ErrorKind::Argument
    );
}

#[test]
fn lookup_tables_of_each_frame() {
    let lut = |entries: [u16; 2]| table(EXPLICIT, "US", [2, 0, 8], &entries);
    let voi = |entries| Maker::new(EXPLICIT).sequence(0x0028_3010, vec![lut(entries)]);
    let group = |entries| Maker::new(EXPLICIT).sequence(0x0028_9132, vec![voi(entries)]);
    let file = Maker::image(EXPLICIT, "MONOCHROME2", [2, 1], [16, 12])
        .text(0x0028_0008, "IS", "2")
        .sequence(0x5200_9230, vec![group([0, 51]), group([255, 102])])
        .words(&[0, 1, 0, 1]);
    assert_eq!(seen(&load(&file)), [0.0, 0.2]);
    assert_eq!(seen(&super::load_frame(&file, 1).unwrap()), [1.0, 0.4]);
}

#[test]
fn text_in_several_character_sets() {
    let name = |sets: &str, explanation: &[u8]| {
        let mut maker = Maker::new(EXPLICIT).text(0x0008_0005, "CS", sets);
        maker.body.extend(windowed(EXPLICIT, "1", "2").element(0x0028_1055, "LO", explanation).body);
        load(&maker.words(&[0, 1, 2])).presets()[0].name.clone()
    };
    assert_eq!(name("ISO_IR 192", "Gefäß ".as_bytes()), "Gefäß");
    assert_eq!(name("ISO_IR 100", b"Gef\xe4\xdf "), "Gefäß");
    // PS3.5, H.3.1 and I.2: Yamada in Japanese, Kim in Korean.
    assert_eq!(name("\\ISO 2022 IR 87", b"\x1b$B;3ED\x1b(B"), "山田");
    assert_eq!(name("\\ISO 2022 IR 149", b"\x1b$)C\xb1\xe8 "), "김");
    assert_eq!(name("ISO 2022 IR 100\\ISO 2022 IR 144", b"\xe4 \x1b-L\xb8\xd2\xd0\xdd"), "ä Иван");
}
