//! Series of files as volumes; orders of `tests/golden/series.json` are GDCM's.

use super::maker::{EXPLICIT, Maker};
use lens_base::ErrorKind;
use lens_images::{FoundSeries, ReadOptions, Series, find_series};
use serde_json::Value;
use std::path::Path;

const AXIAL: &str = "1\\0\\0\\0\\1\\0";
const CORONAL: &str = "1\\0\\0\\0\\0\\-1";

/// A file of a series, of 2 x 1 pixels, the first of which is its instance number.
struct File<'a> {
    name: &'a str,
    series: &'a str,
    instance: String,
    number: u16,
    position: String,
    orientation: &'a str,
    columns: u16,
}

/// An axial slice at `position` mm.
fn slice(name: &str, number: u16, position: impl ToString) -> File<'_> {
    File {
        name,
        series: "1.2.3",
        instance: format!("9.{name}"),
        number,
        position: format!("-100\\50\\{}", position.to_string()),
        orientation: AXIAL,
        columns: 2,
    }
}

impl File<'_> {
    fn maker(&self) -> Maker {
        let maker = Maker::new(EXPLICIT)
            .text(0x0008_0018, "UI", &self.instance)
            .text(0x0008_0060, "CS", "CT")
            .text(0x0008_103e, "LO", "thorax")
            .text(0x0020_000e, "UI", self.series);
        let maker = if self.number == 0 { maker } else { maker.text(0x0020_0013, "IS", &self.number.to_string()) };
        let maker = if self.position.is_empty() { maker } else { maker.text(0x0020_0032, "DS", &self.position) };
        if self.orientation.is_empty() { maker } else { maker.text(0x0020_0037, "DS", self.orientation) }
    }

    fn bytes(&self) -> Vec<u8> {
        let mut maker = self.maker();
        maker.body.extend(Maker::image(EXPLICIT, "MONOCHROME2", [self.columns, 1], [16, 12]).body);
        maker.words(&[self.number; 4][..self.columns.into()])
    }
}

fn directory(files: &[File]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    for file in files {
        let path = directory.path().join(file.name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, file.bytes()).unwrap();
    }
    directory
}

fn found(files: &[File]) -> FoundSeries {
    find_series(directory(files).path()).unwrap()
}

fn names(series: &Series) -> Vec<&str> {
    series.slices().iter().map(|slice| slice.path.file_name().unwrap().to_str().unwrap()).collect()
}

#[test]
fn orders_of_gdcm() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/series.json");
    let golden: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let texts = |value: &Value| {
        value.as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect::<Vec<_>>().join("\\")
    };
    for case in golden.as_array().unwrap() {
        let (orientation, positions) = (texts(&case["orientation"]), case["positions"].as_array().unwrap());
        let file_names: Vec<String> = (0..positions.len()).map(|index| index.to_string()).collect();
        let files: Vec<File> = file_names
            .iter()
            .enumerate()
            .map(|(index, name)| File {
                position: texts(&positions[index]),
                orientation: &orientation,
                ..slice(name, case["numbers"][index].as_u64().unwrap() as u16, 0)
            })
            .collect();
        let directory = directory(&files);
        let series = Series::open(directory.path(), None).unwrap();
        let order: Vec<u64> = names(&series).iter().map(|name| name.parse().unwrap()).collect();
        let expected: Vec<u64> =
            case["order"].as_array().unwrap().iter().map(|place| place.as_u64().unwrap()).collect();
        assert_eq!(order, expected, "{}", case["name"]);
        assert!(series.notes().is_empty(), "{:?}", series.notes());
    }
}

#[test]
fn slices_are_frames() {
    let directory = directory(&[slice("a", 7, 5), slice("b/c", 8, 0), slice("b/d", 9, 2.5), slice("e", 6, 7.5)]);
    std::fs::write(directory.path().join("notes.txt"), "not an image").unwrap();
    let report = Maker::new(EXPLICIT).text(0x0008_0060, "CS", "SR").text(0x0020_000e, "UI", "1.2.3").file();
    std::fs::write(directory.path().join("report.dcm"), report).unwrap();
    let series = Series::open(directory.path(), None).unwrap();
    assert_eq!(names(&series), ["c", "d", "a", "e"]);
    let positions: Vec<f64> = series.slices().iter().map(|slice| slice.position.unwrap()).collect();
    assert_eq!(positions, [0.0, 2.5, 5.0, 7.5]);
    assert_eq!(series.to_string(), "CT, thorax, 4 slices of 2 x 1, 1.2.3");
    assert_eq!((series.uid(), series.description(), series.modality()), (Some("1.2.3"), Some("thorax"), Some("CT")));
    assert_eq!(series.notes(), ["2 file(s) that are no DICOM images left out"]);
    for (slice, number) in [8, 9, 7, 6].into_iter().enumerate() {
        let image = series.load(slice as u32, &ReadOptions::default()).unwrap();
        assert_eq!((image.frames(), super::values(&image)), (4, vec![number, number]));
    }
    let error = series.load(4, &ReadOptions::default()).unwrap_err();
    assert!(error.kind() == ErrorKind::Argument && error.message().contains("slice is 4"), "{error}");
    let others = find_series(directory.path()).unwrap().others;
    assert_eq!(others.len(), 2, "{others:?}");
}

#[test]
fn gaps_and_repeated_positions() {
    for (positions, says) in [
        (vec!["0", "2.5", "5", "7.5"], None),
        // Rounded, and a little uneven.
        (vec!["0", "2.5", "5.1", "7.5"], None),
        (
            vec!["0", "2.5", "10", "12.5"],
            Some("slices are 2.5 mm apart, but there are 7.5 mm between 1 and 2, as if 2 were"),
        ),
        (vec!["0", "2.5", "7.5"], Some("5 mm between 1 and 2, as if 1 were missing")),
        (vec!["0", "2.5", "5", "6.5"], Some("but there are 1.5 mm between 2 and 3")),
        (vec!["0", "2.5", "2.5", "5"], Some("1 position(s) are there more than once (2 and 1 at 2.5 mm); the slices")),
        (vec!["0", "2.5", "0.0002", "2.5"], Some("each of 2 positions is there 2 times")),
        (vec!["4", "4", "4"], Some("1 position(s)")),
        (vec!["4"], None),
        (vec!["4", "9"], None),
    ] {
        let file_names: Vec<String> = (0..positions.len()).map(|index| index.to_string()).collect();
        let files: Vec<File> = file_names
            .iter()
            .zip(&positions)
            .enumerate()
            .map(|(index, (name, position))| slice(name, 100 - index as u16, position))
            .collect();
        let found = found(&files);
        assert_eq!((found.series.len(), found.notes.len()), (1, 0));
        let notes = found.series[0].notes();
        match says {
            Some(says) => assert!(notes.len() == 1 && notes[0].contains(says), "{notes:?}, not {says}"),
            None => assert!(notes.is_empty(), "{notes:?}"),
        }
    }
    // Within a position, by number.
    let phases = found(&[slice("a", 4, 0), slice("b", 3, 5), slice("c", 1, 0), slice("d", 2, 5.0004)]);
    assert_eq!(names(&phases.series[0]), ["c", "a", "d", "b"]);
}

#[test]
fn what_does_not_go_together_is_read_apart() {
    let scout = File { orientation: CORONAL, ..slice("scout", 1, 90) };
    let wide = File { columns: 4, ..slice("wide", 2, 3) };
    let other = File { series: "1.2.4", ..slice("other", 3, 1) };
    let found = found(&[slice("a", 1, 1), slice("b", 2, 0), scout, wide, other]);
    let said: Vec<Vec<&str>> = found.series.iter().map(names).collect();
    assert_eq!(said, [vec!["b", "a"], vec!["scout"], vec!["wide"], vec!["other"]]);
    let note = &found.notes[0];
    assert!(note.contains("series 1.2.3 has slices that do not go together and is read as 3 series"), "{note}");
    assert!(
        note.contains("1 file(s) of 2 x 1 in the plane [1.0, 0.0, 0.0] [0.0, 0.0, -1.0], the first scout"),
        "{note}"
    );
    assert!(note.contains("1 file(s) of 4 x 1"), "{note}");
}

#[test]
fn one_series_and_no_other() {
    let both = directory(&[slice("a", 1, 1), File { series: "1.2.4", ..slice("b", 3, 1) }]);
    let error = Series::open(both.path(), None).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Data);
    for says in ["has 2 series, not one", "1 slice of 2 x 1, 1.2.3;", "1.2.4"] {
        assert!(error.message().contains(says), "{error}");
    }
    let series = Series::open(both.path(), Some("1.2.4")).unwrap();
    assert_eq!((series.uid(), names(&series)), (Some("1.2.4"), vec!["b"]));
    let said = series.describe();
    assert_eq!(
        (&said["uid"], &said["slices"][0]["position_mm"], &said["width"]),
        (&"1.2.4".into(), &1.0.into(), &2.into())
    );
    let error = Series::open(both.path(), Some("1.2")).unwrap_err();
    assert!(error.message().contains("has no series 1.2; it has") && error.message().contains("1.2.4"), "{error}");
    std::fs::write(both.path().join("c"), File { orientation: "0\\1\\0\\0\\0\\1", ..slice("c", 4, 1) }.bytes())
        .unwrap();
    let error = Series::open(both.path(), Some("1.2.3")).unwrap_err();
    assert!(error.kind() == ErrorKind::Data && error.message().contains("is 2 series, not one"), "{error}");
    let empty = directory(&[]);
    assert!(Series::open(empty.path(), None).unwrap_err().message().contains("no DICOM images"));
    assert_eq!(Series::open(&empty.path().join("missing"), None).unwrap_err().kind(), ErrorKind::Io);
}

#[test]
fn an_instance_that_is_there_twice() {
    let copy = File { name: "copy of a", ..slice("a", 1, 1) };
    let found = found(&[slice("a", 1, 1), slice("b", 2, 0), copy]);
    assert_eq!(names(&found.series[0]), ["b", "a"]);
    assert!(found.notes[0].contains("1 file(s) hold an instance") && found.notes[0].contains("copy of a"));
}

#[test]
fn without_positions_by_instance_number() {
    let without = |name, number| File { position: String::new(), ..slice(name, number, 0) };
    let found = found(&[slice("a", 12, 1), without("b", 2), without("c", 0), slice("d", 1, 9)]);
    assert_eq!(names(&found.series[0]), ["d", "b", "a", "c"]);
    assert!(found.series[0].slices().iter().all(|slice| slice.position.is_none()));
    let note = &found.series[0].notes()[0];
    assert!(note.contains("2 of 4 files say no Image Position (Patient)") && note.contains("the first b"), "{note}");
    assert!(note.contains("in the order of Instance Number; 1 that lack it come last, by name"), "{note}");
}

#[test]
fn values_that_make_no_sense_are_named() {
    let doubled = File { orientation: "2\\0\\0\\0\\1\\0", ..slice("a", 1, 1) };
    let skewed = File { orientation: "1\\0\\0\\0.5\\0.8\\0", ..slice("a", 1, 1) };
    let five = File { orientation: "1\\0\\0\\0\\1", ..slice("a", 1, 1) };
    let two = File { position: "1\\2".into(), ..slice("a", 1, 1) };
    for (file, says) in [
        (slice("a", 1, "nan"), "Image Position Patient (0020,0032) is \"-100\\\\50\\\\nan\", which is no number"),
        (slice("a", 1, "1e999"), "no number"),
        (
            doubled,
            "Image Orientation Patient (0020,0037) is [2.0, 0.0, 0.0] and [0.0, 1.0, 0.0]; they must be of length 1",
        ),
        (skewed, "at right angles"),
        (five, "it must be 6 numbers"),
        (two, "it must be 3 numbers"),
    ] {
        let directory = directory(&[slice("0", 2, 0), file]);
        let error = find_series(directory.path()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Format);
        let path = directory.path().join("a").display().to_string();
        assert!(error.message().starts_with(&path) && error.message().contains(says), "{error}, not {says}");
    }
    let whole = directory(&[slice("a", 1, 1), slice("b", 2, 2)]);
    let mut half = slice("c", 3, 3).bytes();
    half.truncate(half.len() - 24);
    std::fs::write(whole.path().join("c"), half).unwrap();
    let error = find_series(whole.path()).unwrap_err();
    assert!(error.message().contains("/c: "), "{error}");
}

#[test]
fn frames_of_a_multi_frame_file_stay_as_they_are() {
    let plane = |position: &str| {
        let position = Maker::new(EXPLICIT).text(0x0020_0032, "DS", &format!("0\\0\\{position}"));
        Maker::new(EXPLICIT).sequence(0x0020_9113, vec![position])
    };
    let file = |positions: [&str; 3]| {
        let orientation = Maker::new(EXPLICIT).text(0x0020_0037, "DS", AXIAL);
        let shared = Maker::new(EXPLICIT).sequence(0x0020_9116, vec![orientation]);
        let mut maker = File { position: String::new(), orientation: "", ..slice("a", 1, 0) }.maker();
        let image = Maker::image(EXPLICIT, "MONOCHROME2", [1, 1], [16, 12]).text(0x0028_0008, "IS", "3");
        maker.body.extend(image.body);
        maker
            .sequence(0x5200_9229, vec![shared])
            .sequence(0x5200_9230, positions.map(plane).into())
            .words(&[10, 20, 30])
    };
    for (positions, says) in [
        (["3", "2", "1"], None),
        (["1", "2", "2"], None),
        (
            ["1", "3", "2"],
            Some("are not in spatial order and are left as they are: frame 1 is at 3 mm, frame 2 at 2 mm"),
        ),
    ] {
        let directory = directory(&[File { series: "1.2.4", ..slice("b", 1, 0) }]);
        std::fs::write(directory.path().join("a"), file(positions)).unwrap();
        let found = find_series(directory.path()).unwrap();
        assert_eq!(found.series.len(), 2);
        let series = &found.series[0];
        let said: Vec<f64> = series.slices().iter().map(|slice| slice.position.unwrap()).collect();
        assert_eq!(said, positions.map(|position| position.parse::<f64>().unwrap()));
        assert_eq!(super::values(&series.load(2, &ReadOptions::default()).unwrap()), [30]);
        match says {
            Some(says) => assert!(series.notes()[0].contains(says), "{:?}", series.notes()),
            None => assert!(series.notes().is_empty(), "{:?}", series.notes()),
        }
    }
}

#[test]
fn thousands_of_files() {
    let directory = tempfile::tempdir().unwrap();
    for index in 0..3000u16 {
        let name = format!("{:04}", (u32::from(index) * 1237) % 3000);
        std::fs::write(directory.path().join(&name), slice(&name, index + 1, index).bytes()).unwrap();
    }
    let series = Series::open(directory.path(), None).unwrap();
    assert_eq!(series.slices().len(), 3000);
    assert!(series.notes().is_empty(), "{:?}", series.notes());
    let image = series.load(1999, &ReadOptions::default()).unwrap();
    assert_eq!(super::values(&image), [2000, 2000]);
}
