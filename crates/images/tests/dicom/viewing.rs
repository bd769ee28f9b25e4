//! What viewers ask of DICOM files besides pixels.

use super::maker::{BIG_ENDIAN, DEFLATED, EXPLICIT, IMPLICIT, JPEG, Maker, RLE};
use super::{jpeg, load, load_frame, real_files};
use lens_base::{Error, ErrorKind};
use lens_images::{FileInfo, ImageFile, PixelView, WindowFunction, WindowPreset, jpeg_frame};
use std::path::Path;

fn with_file<T>(file: &[u8], read: impl FnOnce(&Path) -> T) -> T {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("no name");
    std::fs::write(&path, file).unwrap();
    read(&path)
}

fn info(file: &[u8]) -> Result<FileInfo, Error> {
    with_file(file, FileInfo::read)
}

fn image(syntax: &'static str) -> Maker {
    Maker::image(syntax, "MONOCHROME2", [2, 1], [8, 8])
}

#[test]
fn what_files_say_of_themselves() {
    for syntax in [IMPLICIT, EXPLICIT, DEFLATED, BIG_ENDIAN] {
        let mut maker = Maker::new(syntax)
            .text(0x0008_0005, "CS", "ISO_IR 100")
            .text(0x0008_0060, "CS", "XA")
            .element(0x0008_103e, "LO", b"C\xe6ur ")
            .text(0x0018_0040, "IS", "15")
            .text(0x0018_1063, "DS", "40")
            .text(0x0020_000e, "UI", "1.2.3")
            .text(0x0020_0013, "IS", "7");
        maker.body.extend(image(syntax).text(0x0028_0008, "IS", "3").body);
        let expected = FileInfo {
            is_dicom: true,
            width: 2,
            height: 1,
            frames: 3,
            orientation: 1,
            series: Some("1.2.3".into()),
            instance_number: Some(7),
            series_description: Some("Cæur".into()),
            modality: Some("XA".into()),
            rate: Some(15.0),
        };
        assert_eq!(info(&maker.bytes(&[1; 6])).unwrap(), expected, "{syntax}");
    }
    let nothing = FileInfo {
        is_dicom: true,
        width: 2,
        height: 1,
        frames: 1,
        orientation: 1,
        series: None,
        instance_number: None,
        series_description: None,
        modality: None,
        rate: None,
    };
    assert_eq!(info(&image(EXPLICIT).bytes(&[1, 2])).unwrap(), nothing);
}

#[test]
fn frame_rates() {
    let rate = |values: [&str; 3]| {
        let mut maker = Maker::new(EXPLICIT);
        for (tag, vr, value) in
            [(0x0008_2144, "IS", values[0]), (0x0018_0040, "IS", values[1]), (0x0018_1063, "DS", values[2])]
        {
            maker = maker.text(tag, vr, value);
        }
        maker.body.extend(image(EXPLICIT).body);
        info(&maker.bytes(&[1, 2])).unwrap().rate
    };
    assert_eq!(rate(["30", "15", "40"]), Some(30.0));
    assert_eq!(rate(["0", "15", "40"]), Some(15.0));
    assert_eq!(rate(["", "1000", " 40.0"]), Some(25.0));
    assert_eq!(rate(["240", "", ""]), Some(240.0));
    for milliseconds in ["0", "-40", "1e-9", "nan", "inf", "fast"] {
        assert_eq!(rate(["", "-1", milliseconds]), None, "{milliseconds}");
    }
}

#[test]
fn text_that_does_not_fit_its_character_set() {
    for set in ["", "ISO_IR 192", "ISO 2022 IR 87", "unknown"] {
        let mut maker = Maker::new(EXPLICIT)
            .text(0x0008_0005, "CS", set)
            .element(0x0008_103e, "LO", &[b'a', 0xff, 0xfe, 0x1b])
            .element(0x0020_0013, "IS", &[0xff, b'1']);
        maker.body.extend(image(EXPLICIT).body);
        let file = maker.bytes(&[1, 2]);
        let info = info(&file).unwrap();
        assert!(info.series_description.unwrap().starts_with('a'), "{set}");
        assert_eq!(info.instance_number, None);
        assert_eq!(load(&file).view().bytes(), [1, 2]);
    }
}

#[test]
fn files_that_cannot_be_described() {
    let frames = |maker: Maker, frames| maker.text(0x0028_0008, "IS", frames);
    for (file, said) in [
        (image(EXPLICIT).file(), "no pixel data"),
        (frames(image(EXPLICIT), "9").bytes(&[1, 2]), "9 frame(s) of 2 x 1 pixels need 18"),
        (frames(image(RLE), "4294967295").fragments(&[], &[&[1, 2]]), "cannot hold 4294967295 frame(s)"),
        (Maker::image(EXPLICIT, "CMYK", [2, 1], [8, 8]).bytes(&[1, 2]), "CMYK"),
        (image("1.2.840.10008.1.2.4.102").bytes(&[1, 2]), "MPEG-4"),
    ] {
        let error = info(&file).unwrap_err();
        assert!(error.message().contains(said) && error.message().contains("no name: "), "{error}");
    }
}

fn presets(maker: Maker) -> Vec<(String, f64, f64)> {
    let decoded = load(&maker.words(&[0, 4095]));
    let windowing = *decoded.view().windowing();
    if let Some(first) = decoded.presets().first() {
        assert_eq!((first.center, first.width), (windowing.center, windowing.width));
    }
    let plain = |preset: &WindowPreset| (preset.name.clone(), preset.center, preset.width);
    decoded.presets().iter().map(plain).collect()
}

fn windows(center: &str, width: &str) -> Maker {
    Maker::image(EXPLICIT, "MONOCHROME2", [2, 1], [16, 12]).text(0x0028_1050, "DS", center).text(
        0x0028_1051,
        "DS",
        width,
    )
}

#[test]
fn all_windows_of_a_file() {
    let named = |name: &str, center, width| (name.to_string(), center, width);
    let all = windows("40\\300\\-600", "400\\1500\\1600");
    let expected = [named("SOFT", 40.0, 400.0), named("2", 300.0, 1500.0), named("LUNG", -600.0, 1600.0)];
    assert_eq!(presets(all.text(0x0028_1055, "LO", "SOFT\\\\ LUNG")), expected);
    let exact = windows("40\\300", "400\\0.5").text(0x0028_1056, "CS", "LINEAR_EXACT");
    assert_eq!(presets(exact), [named("1", 40.0, 400.0), named("2", 300.0, 0.5)]);
    assert_eq!(presets(Maker::image(EXPLICIT, "MONOCHROME2", [2, 1], [16, 12])), []);
    let colour =
        Maker::image(EXPLICIT, "RGB", [1, 1], [8, 8]).text(0x0028_1050, "DS", "1").text(0x0028_1051, "DS", "9");
    assert!(load(&colour.bytes(&[1, 2, 3, 0])).presets().is_empty());
}

#[test]
fn windows_that_make_no_sense() {
    let named = |name: &str, center, width| (name.to_string(), center, width);
    for (center, width) in [("40\\300", "400\\0"), ("40\\300", "400"), ("40", "400\\1500"), ("40\\", "400\\-3")] {
        assert_eq!(presets(windows(center, width)), [named("1", 40.0, 400.0)], "{center} {width}");
    }
    assert_eq!(presets(windows("0\\300", "0\\1500")), [named("2", 300.0, 1500.0)]);
}

#[test]
fn values_that_cannot_be_read() {
    let twelve_bits = || Maker::image(EXPLICIT, "MONOCHROME2", [2, 1], [16, 12]);
    let with = |tag, vr, value: &[u8]| twelve_bits().element(tag, vr, value).words(&[0, 4095]);
    for (file, said) in [
        (windows("40\\x", "400\\1500").words(&[0, 1]), "Window Center (0028,1050) is \"40\\\\x\", which is no number"),
        (windows("40\\inf", "400\\5").words(&[0, 1]), "Window Center (0028,1050) is"),
        (windows("40", "400,5").words(&[0, 1]), "decimals have a point, not a comma"),
        (with(0x0028_1050, "DS", b"40\\\xff\xfe"), "Window Center (0028,1050) is"),
        (with(0x0028_1052, "DS", b"1,5 "), "Rescale Intercept (0028,1052) is \"1,5\", which is no number"),
        (with(0x0028_1053, "DS", b"nan "), "Rescale Slope (0028,1053) is \"nan\", which is no number"),
        (with(0x0028_0008, "IS", b"2.5 "), "Number Of Frames (0028,0008) is 2.5; it must be a whole number"),
        (with(0x0028_0008, "IS", b"many"), "Number Of Frames (0028,0008) is \"many\""),
        (with(0x0028_0010, "US", &[1, 0, 0]), "Rows (0028,0010) has 3 bytes"),
        (with(0x0028_0103, "US", &[2, 0]), "Pixel Representation (0028,0103) is 2; it must be 0 or 1"),
        (with(0x0028_0120, "US", &[2]), "Pixel Padding Value (0028,0120) has 1 bytes"),
        (windows("40", "400").text(0x0028_1056, "CS", "CUBIC").words(&[0, 1]), "VOI LUT Function (0028,1056) is CUBIC"),
        (with(0x2050_0020, "CS", b"LIN OD"), "Presentation LUT Shape (2050,0020) is LIN OD"),
    ] {
        let error = load_frame(&file, 0).unwrap_err();
        assert!(error.message().contains(said), "{error}, not {said}");
    }
}

#[test]
fn windows_of_each_frame_have_their_own_names() {
    let window = |name: Option<&str>| {
        let window = Maker::new(EXPLICIT).text(0x0028_1050, "DS", "10").text(0x0028_1051, "DS", "20");
        match name {
            Some(name) => window.text(0x0028_1055, "LO", name),
            None => window,
        }
    };
    let item = |name| Maker::new(EXPLICIT).sequence(0x0028_9132, vec![window(name)]);
    let file = windows("1", "2")
        .text(0x0028_0008, "IS", "2")
        .text(0x0028_1055, "LO", "ALL")
        .sequence(0x5200_9230, vec![item(Some("ONE")), item(None)])
        .words(&[1, 2, 3, 4]);
    for (frame, name) in [(0, "ONE"), (1, "1")] {
        let expected =
            WindowPreset { name: name.into(), center: 10.0, width: 20.0, function: WindowFunction::Linear, lut: None };
        assert_eq!(load_frame(&file, frame).unwrap().presets(), [expected]);
    }
}

/// How far the bytes of a JPEG, decoded by another decoder, are from the stored values.
fn difference(coded: &[u8], view: &PixelView) -> u8 {
    let decoded = image::load_from_memory_with_format(coded, image::ImageFormat::Jpeg).unwrap();
    assert_eq!((decoded.width() as usize, decoded.height() as usize), (view.width(), view.height()));
    let gray = decoded.as_luma8().expect("gray").as_raw();
    gray.iter().zip(view.bytes()).map(|(one, other)| one.abs_diff(*other)).max().unwrap()
}

#[test]
fn frames_that_are_jpeg() {
    let (one, other) = (jpeg(50), jpeg(200));
    let (front, back) = one.split_at(one.len() / 2);
    let image = |photometric| {
        Maker::image(JPEG, photometric, [16, 8], [8, 8])
            .text(0x0028_0008, "IS", "2")
            .fragments(&[], &[front, back, &[&other[..], &[0xd3]].concat()])
    };
    for photometric in ["MONOCHROME1", "MONOCHROME2"] {
        with_file(&image(photometric), |path| {
            assert_eq!(jpeg_frame(path, 0).unwrap().unwrap(), one);
            assert_eq!(jpeg_frame(path, 1).unwrap().unwrap(), other);
            let error = jpeg_frame(path, 2).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Argument);
            assert!(error.message().contains("no name: frame is 2"), "{error}");
        });
    }
}

#[test]
fn frames_that_browsers_see_differently() {
    let coded = jpeg(50);
    // After the start of image.
    let with = |marker: u8, content: &[u8]| {
        let length = (content.len() as u16 + 2).to_be_bytes();
        [&coded[..2], &[0xff, marker], &length, content, &coded[2..]].concat()
    };
    let frame = |bits, coded: &[u8], maker: fn(Maker) -> Maker| {
        let file = maker(Maker::image(JPEG, "MONOCHROME2", [16, 8], bits)).fragments(&[], &[coded]);
        with_file(&file, |path| jpeg_frame(path, 0)).unwrap()
    };
    let same = |maker| maker;
    assert!(frame([8, 8], &coded, same).is_some());
    assert!(frame([8, 8], &with(0xfe, b"a comment"), same).is_some());
    assert!(frame([8, 7], &coded, same).is_none());
    assert!(frame([16, 12], &coded, same).is_none());
    assert!(frame([16, 8], &coded, |maker| maker.number(0x0028_0102, 9)).is_none());
    assert!(frame([8, 8], &coded, |maker| maker.number(0x0028_0103, 1)).is_none());
    assert!(frame([8, 8], &with(0xe1, b"Exif\0\0"), same).is_none());
    assert!(frame([8, 8], &with(0xe2, b"ICC_PROFILE\0\x01\x01"), same).is_none());
    assert!(frame([8, 8], &with(0xee, b"Adobe\0d\0\0\0\0\0"), same).is_none());
    assert!(frame([8, 8], &coded[..coded.len() - 2], same).is_none());
    let start_of_frame = coded.windows(2).position(|bytes| bytes == [0xff, 0xc0]).unwrap();
    // Marker (lossless, arithmetic coding), precision, height, number of components.
    for (offset, value) in [(1, 0xc3), (1, 0xc9), (4, 12), (6, 9), (9, 3)] {
        let mut other = coded.clone();
        other[start_of_frame + offset] = value;
        assert!(frame([8, 8], &other, same).is_none(), "{offset}");
    }
    for end in 0..coded.len() {
        assert!(frame([8, 8], &coded[..end], same).is_none(), "{end}");
    }
    let file = Maker::image(JPEG, "RGB", [16, 8], [8, 8]).fragments(&[], &[&coded]);
    assert!(with_file(&file, |path| jpeg_frame(path, 0)).unwrap().is_none());
    assert!(with_file(&image(EXPLICIT).bytes(&[1, 2]), |path| jpeg_frame(path, 0)).unwrap().is_none());
}

#[test]
fn pictures_that_are_jpeg() {
    let coded = jpeg(50);
    let frame = |coded: &[u8], frame| with_file(coded, |path| jpeg_frame(path, frame));
    assert_eq!(frame(&[&coded[..], b"\xd3"].concat(), 0).unwrap().unwrap(), coded);
    assert_eq!(frame(&coded, 1).unwrap_err().kind(), ErrorKind::Argument);
    let start_of_frame = coded.windows(2).position(|bytes| bytes == [0xff, 0xc0]).unwrap();
    let mut sampled = coded;
    sampled[start_of_frame + 11] = 0x22;
    let mut colours = Vec::new();
    let encoder = image::codecs::jpeg::JpegEncoder::new(&mut colours);
    image::ImageEncoder::write_image(encoder, &[9; 16 * 8 * 3], 16, 8, image::ExtendedColorType::Rgb8).unwrap();
    for other in [&sampled[..], &colours, b"no image"] {
        assert_eq!(frame(other, 0).unwrap(), None);
    }
}

#[test]
fn real_files_as_viewers_see_them() {
    let Some(directory) = real_files() else {
        return;
    };
    let cine = directory.join("xa-coronary-cine-96x512x512-8bit-jpeg.dcm");
    let info = FileInfo::read(&cine).unwrap();
    assert_eq!((info.width, info.height, info.frames, info.modality.as_deref()), (512, 512, 96, Some("XA")));
    assert_eq!(info.rate, Some(1000.0 / 33.0));
    for frame in [0, 41, 95] {
        let coded = jpeg_frame(&cine, frame).unwrap().expect("8-bit gray JPEG");
        // Inverse cosine transforms may differ by one, twice.
        assert!(difference(&coded, &ImageFile::load(&cine, frame).unwrap().view()) <= 2, "{frame}");
    }
    for name in ["cr-monochrome1-10bit.dcm", "ct-signed-16bit.dcm", "mr-multiframe-rle.dcm", "vl-rgb.dcm"] {
        let path = directory.join(name);
        let (info, image) = (FileInfo::read(&path).unwrap(), ImageFile::load(&path, 0).unwrap());
        let size = (image.view().width() as u32, image.view().height() as u32, image.frames());
        assert_eq!((info.width, info.height, info.frames), size, "{name}");
        assert_eq!(jpeg_frame(&path, 0).unwrap(), None, "{name}");
    }
    let error = FileInfo::read(&directory.join("mr-truncated-on-purpose.dcm")).unwrap_err();
    assert!(error.message().contains("8192 bytes, but only 8130"), "{error}");
}
