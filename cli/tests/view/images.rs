//! Series, frames and their pixels.

use crate::data::{Said, cine, colour, gray, real, ten_bits};
use crate::server::{Server, text};
use lens_images::{ImageFile, PixelView};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

fn names(state: &Value) -> Vec<&str> {
    state["series"].as_array().unwrap().iter().map(|series| series["name"].as_str().unwrap()).collect()
}

/// A value as the interface says that it is shown.
fn shown(description: &Value, stored: f64) -> f64 {
    let number = |value: &Value| value.as_f64().unwrap();
    let (low, high) = (number(&description["window"][0]), number(&description["window"][1]));
    let rescaled = stored * number(&description["slope"]) + number(&description["intercept"]);
    let value = if low == high { f64::from(u8::from(rescaled > low)) } else { (rescaled - low) / (high - low) };
    let value = value.clamp(0.0, 1.0);
    if description["invert"] == true { 1.0 - value } else { value }
}

/// The samples of an answer, which are what the library decodes, and shown as the library shows them.
fn check_pixels(server: &Server, path: &Path, series: &str, frame: u32) -> Value {
    let image = ImageFile::load(path, frame).unwrap();
    let view = image.view();
    let answer = server.get(&format!("api/series/{series}/frames/{frame}/pixels?stored"));
    let description: Value = serde_json::from_str(answer.header("lens-frame").unwrap()).unwrap();
    assert_eq!(answer.body, view.bytes(), "{}", path.display());
    assert_eq!(description["format"], view.format().to_string());
    assert_eq!(description["encoding"], "stored");
    assert_eq!((&description["width"], &description["height"]), (&json!(view.width()), &json!(view.height())));
    check_shown(&description, &view);
    description
}

fn check_shown(description: &Value, view: &PixelView) {
    let raster = view.to_raster().unwrap();
    if raster.channels() == 3 {
        return;
    }
    let stored = |index: usize| match &*view.format().to_string() {
        "GRAY8" => f64::from(view.bytes()[index]),
        "GRAY16" => f64::from(u16::from_le_bytes([view.bytes()[2 * index], view.bytes()[2 * index + 1]])),
        _ => f64::from(i16::from_le_bytes([view.bytes()[2 * index], view.bytes()[2 * index + 1]])),
    };
    for index in (0..raster.samples().len()).step_by(37) {
        let (expected, found) = (raster.samples()[index], shown(description, stored(index)));
        assert!((f64::from(expected) - found).abs() < 1e-5, "{index}: {expected} {found}");
    }
}

#[test]
fn files_become_series() {
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name);
    for (name, number, description) in
        [("c.dcm", "10", "Left"), ("a.dcm", "9", "Left"), ("b.dcm", "2", "Left"), ("z.dcm", "", "Left")]
    {
        ten_bits(&at(name), &Said { series: "1.2.3", number, description }, 3);
    }
    ten_bits(&at("d.dcm"), &Said { series: "1.2.4", number: "1", description: "Left" }, 3);
    ten_bits(&at("e.dcm"), &Said { series: "1.2.4", number: "2", description: "Left" }, 3);
    cine(&at("f.dcm"), 3);
    gray(&at("one/p.png"), 30, 20, 1);
    gray(&at("two/p.png"), 30, 20, 1);
    fs::write(at("broken.png"), "no picture").unwrap();
    let server = Server::start(&[text(place.path())]);
    let state = server.state();
    assert_eq!(names(&state), ["Left", "broken.png", "Left (d.dcm)", "f.dcm", "one/p.png", "two/p.png"]);
    let series = |index: usize| &state["series"][index];
    // By number, not by name; what has no number is last.
    assert_eq!(series(0)["files"], json!(["b.dcm", "a.dcm", "c.dcm", "z.dcm"]));
    assert_eq!(
        (&series(0)["frames"], &series(0)["kind"], &series(0)["modality"]),
        (&json!(4), &json!("dicom"), &json!("XA"))
    );
    assert_eq!((&series(0)["width"], &series(0)["height"]), (&json!(40), &json!(36)));
    assert_eq!((&series(1)["frames"], series(1)["error"].is_string()), (&json!(0), true));
    assert_eq!((&series(3)["frames"], &series(3)["rate"]), (&json!(3), &json!(15.0)));
    assert_eq!(
        (&series(4)["kind"], &series(4)["modality"], &series(4)["rate"]),
        (&json!("image"), &Value::Null, &Value::Null)
    );
    assert_eq!(
        (&series(4)["label"], &series(4)["boxes"], &series(4)["error"]),
        (&Value::Null, &json!([]), &Value::Null)
    );
    let frame = server.get("api/series/s1/frames/1").good();
    assert_eq!((&frame["file"], &frame["file_frame"]), (&json!("a.dcm"), &json!(0)));
    let frame = server.get(&format!("api/series/{}/frames/2", series(3)["id"].as_str().unwrap())).good();
    assert_eq!((&frame["file"], &frame["file_frame"]), (&json!("f.dcm"), &json!(2)));
}

#[test]
fn pixels_are_those_of_the_library() {
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name);
    ten_bits(&at("a.dcm"), &Said { series: "1.2.3", number: "1", description: "Gefäß" }, 5);
    colour(&at("b.png"), 30, 20);
    gray(&at("c.png"), 33, 21, 2);
    let server = Server::start(&[text(place.path())]);
    server.state();
    let deep = check_pixels(&server, &at("a.dcm"), "s1", 0);
    assert_eq!(deep["window"], json!([100.0, 900.0]));
    assert_eq!(deep["range"], json!([0.0, 1023.0]));
    assert_eq!(
        deep["presets"],
        json!([{ "name": "WIDE", "window": [100.0, 900.0] }, { "name": "NARROW", "window": [250.0, 350.0] }])
    );
    let coloured = check_pixels(&server, &at("b.png"), "s2", 0);
    assert_eq!((&coloured["format"], &coloured["window"]), (&json!("RGB8"), &json!([0.0, 255.0])));
    check_pixels(&server, &at("c.png"), "s3", 0);
    assert_eq!(server.get("api/series/s1/frames/0").good(), deep);
}

#[test]
fn jpeg_frames_go_over_as_they_are() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("cine.dcm");
    let coded = cine(&path, 4);
    let server = Server::start(&[text(&path)]);
    server.state();
    for (frame, coded) in coded.iter().enumerate() {
        let answer = server.get(&format!("api/series/s1/frames/{frame}/pixels"));
        assert_eq!(answer.header("content-type"), Some("image/jpeg"));
        let description: Value = serde_json::from_str(answer.header("lens-frame").unwrap()).unwrap();
        assert_eq!((&description["encoding"], &description["frame"]), (&json!("jpeg"), &json!(frame)));
        // A fragment of odd length has a byte behind it.
        assert!(coded.starts_with(&answer.body) && coded.len() - answer.body.len() <= 1);
        check_pixels(&server, &path, "s1", frame as u32);
    }
}

#[test]
fn thumbnails_fit() {
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name);
    gray(&at("a.png"), 300, 200, 2);
    colour(&at("b.png"), 40, 160);
    let server = Server::start(&[text(place.path())]);
    server.state();
    let size = |path: &str| {
        let picture = image::load_from_memory(&server.get(path).bytes()).unwrap();
        (picture.width(), picture.height(), picture.color().channel_count())
    };
    assert_eq!(size("api/series/s1/frames/0/thumbnail"), (128, 85, 1));
    assert_eq!(size("api/series/s1/frames/0/thumbnail?size=16"), (16, 10, 1));
    assert_eq!(size("api/series/s1/frames/0/thumbnail?size=512"), (300, 200, 1));
    assert_eq!(size("api/series/s2/frames/0/thumbnail?size=80"), (20, 80, 3));
}

#[test]
fn wrong_parameters_are_named() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("a.png");
    gray(&path, 30, 20, 2);
    let server = Server::start(&[text(&path)]);
    server.state();
    for size in ["15", "513", "x", "", "-1"] {
        let message = server.get(&format!("api/series/s1/frames/0/thumbnail?size={size}")).error(400);
        assert!(message.contains(&format!("'{size}'")) && message.contains("16 to 512"), "{message}");
    }
    assert!(server.get("api/series/s1/frames/0/thumbnail?with=3").error(400).contains("'with'"));
    assert!(server.get("api/series/s1/frames/0/pixels?raw").error(400).contains("'raw'"));
    assert!(server.get("api/series/s1/frames/0/pixels?stored=1").error(400).contains("stored is '1'"));
    for frame in ["1", "-1", "x", "99999999999999999999"] {
        assert!(server.get(&format!("api/series/s1/frames/{frame}")).error(404).contains("frames 0 to 0"));
    }
    server.get("api/series/%ff/frames/0").error(400);
}

#[test]
fn broken_pixels_are_an_error_of_the_frame() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("a.png");
    gray(&path, 64, 64, 2);
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    let server = Server::start(&[text(&path)]);
    assert_eq!(server.state()["series"][0]["frames"], 1);
    for what in ["", "/pixels", "/pixels?stored", "/thumbnail"] {
        assert!(server.get(&format!("api/series/s1/frames/0{what}")).error(422).contains("a.png"));
    }
}

#[test]
fn tables_beside_images_are_shown() {
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name);
    gray(&at("set/images/a.png"), 30, 20, 1);
    gray(&at("set/images/b.png"), 30, 20, 2);
    gray(&at("set/images/sub/c.png"), 30, 20, 3);
    cine(&at("set/images/d.dcm"), 3);
    let labels = "patch_filename,stenoza_label,frame\na.png,1,\nb.png,0,\nsub/c.png,1,\nd.dcm,0,0\nd.dcm,1,2\n";
    fs::write(at("set/labels.csv"), labels).unwrap();
    fs::write(at("set/boxes.csv"), "filename,x,y,width,height,frame\nb.png,1,2,3.5,4,\nd.dcm,5,6,7,8,1\n").unwrap();
    for operand in ["set", "set/images"] {
        let server = Server::start(&[text(&at(operand))]);
        let state = server.state();
        let labels: Vec<&Value> = state["series"].as_array().unwrap().iter().map(|series| &series["label"]).collect();
        assert_eq!(labels, [&json!(1), &json!(0), &json!(1), &json!(1)], "{}", state["series"]);
        assert_eq!(
            state["series"][1]["boxes"],
            json!([{ "frame": 0, "x": 1.0, "y": 2.0, "width": 3.5, "height": 4.0 }])
        );
        assert_eq!(
            state["series"][2]["boxes"],
            json!([{ "frame": 1, "x": 5.0, "y": 6.0, "width": 7.0, "height": 8.0 }])
        );
    }
    // Named from beside the file.
    let mut command = crate::server::command(&["a.png"]);
    command.current_dir(at("set/images"));
    assert_eq!(Server::spawn(command).state()["series"][0]["label"], 1);
}

#[test]
fn real_dicom_files() {
    let Some(directory) = real("dicom") else { return };
    let server = Server::start(&[text(&directory)]);
    let state = server.state();
    for series in state["series"].as_array().unwrap() {
        let path = directory.join(series["files"][0].as_str().unwrap());
        let id = series["id"].as_str().unwrap();
        if series["error"].is_null() && ImageFile::load(&path, 0).is_ok() {
            check_pixels(&server, &path, id, 0);
        } else {
            assert!(path.to_str().unwrap().contains("truncated"), "{series}");
        }
    }
    let cine = state["series"].as_array().unwrap().iter().find(|series| series["frames"] == 96).unwrap();
    assert_eq!((&cine["width"], &cine["kind"], cine["rate"].is_number()), (&json!(512), &json!("dicom"), true));
    let path = format!("api/series/{}/frames/95/pixels", cine["id"].as_str().unwrap());
    assert_eq!(server.get(&path).header("content-type"), Some("image/jpeg"));
}

#[test]
fn real_frames_with_boxes() {
    let Some(directory) = real("arcade-frames") else { return };
    let server = Server::start(&[text(&directory)]);
    let series = server.state()["series"].clone();
    assert_eq!(series.as_array().unwrap().len(), 60);
    assert!(series.as_array().unwrap().iter().all(|series| !series["boxes"].as_array().unwrap().is_empty()));
}
