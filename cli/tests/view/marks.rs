//! Labels and boxes that a reader gives, and the data set that they become.

use crate::data::{MODEL, cine, gray};
use crate::server::{Server, run, text};
use lens_images::{Dataset, DatasetOptions, ReadOptions};
use serde_json::{Value, json};
use std::fs;

fn put(server: &Server, series: &str, frame: u32, mark: Value) {
    let answer = server.send("PUT", &format!("api/series/{series}/frames/{frame}/mark"), &mark);
    assert_eq!(answer.status, 204, "{}", answer.text());
}

#[test]
fn marks_are_kept_and_checked() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("a.png");
    gray(&path, 60, 40, 1);
    let server = Server::start(&["--marks", text(&place.path().join("marks")), text(&path)]);
    server.state();
    let marks = || server.get("api/marks").good();
    assert_eq!((&marks()["saved"], &marks()["marks"]), (&json!(true), &json!([])));
    let given = json!({ "label": 1, "boxes": [{ "x": 0.0, "y": 10.5, "width": 60.0, "height": 29.5 }] });
    put(&server, "s1", 0, given.clone());
    let kept = marks();
    assert_eq!(kept["saved"], false);
    assert_eq!(kept["marks"], json!([{ "series": "s1", "frame": 0, "label": 1, "boxes": given["boxes"] }]));
    put(&server, "s1", 0, json!({ "label": null, "boxes": [] }));
    assert_eq!(marks()["marks"], json!([]));
    let rectangle = |x: f64, y: f64, width: f64, height: f64| json!({ "label": null, "boxes": [{ "x": x, "y": y, "width": width, "height": height }] });
    for (says, mark) in [
        ("label is 2", json!({ "label": 2, "boxes": [] })),
        ("body", json!({ "label": "1", "boxes": [] })),
        ("unknown field", json!({ "label": 1, "boxes": [], "frame": 3 })),
        ("60 x 40", rectangle(1.0, 0.0, 60.0, 10.0)),
        ("60 x 40", rectangle(-1.0, 0.0, 6.0, 10.0)),
        ("60 x 40", rectangle(0.0, 31.0, 6.0, 10.0)),
        ("size above 0", rectangle(0.0, 0.0, 0.0, 10.0)),
    ] {
        let message = server.send("PUT", "api/series/s1/frames/0/mark", &mark).error(400);
        assert!(message.contains(says), "{message}");
    }
    server.send("PUT", "api/series/s1/frames/1/mark", &given).error(404);
    server.send("PUT", "api/series/s9/frames/0/mark", &given).error(404);
}

#[test]
fn saved_marks_are_a_data_set_that_other_commands_read() {
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name);
    gray(&at("in/one/a.png"), 100, 80, 1);
    gray(&at("in/two/a.png"), 100, 80, 2);
    cine(&at("in/two/c.dcm"), 3);
    let marks = at("marks");
    let server = Server::start(&["--marks", text(&marks), text(&at("in"))]);
    assert_eq!(server.state()["marks_directory"], text(&marks));
    let rectangle = json!([{ "x": 10.0, "y": 12.0, "width": 30.0, "height": 20.5 }]);
    put(&server, "s1", 0, json!({ "label": 1, "boxes": rectangle }));
    put(&server, "s2", 0, json!({ "label": 0, "boxes": [] }));
    put(&server, "s3", 1, json!({ "label": 1, "boxes": rectangle }));
    put(&server, "s3", 2, json!({ "label": 0, "boxes": [] }));
    let saved = server.ask("POST", "api/marks/save", b"").good();
    assert_eq!(saved, json!({ "directory": text(&marks), "images": 3, "labels": 4, "boxes": 2 }));
    assert_eq!(server.get("api/marks").good()["saved"], true);

    let mut dataset = Dataset::default();
    dataset.extend(&marks, &DatasetOptions::default()).unwrap();
    let found: Vec<(&str, bool)> = dataset.samples().iter().map(|sample| (&*sample.id, sample.positive)).collect();
    assert_eq!(found, [("a-2.png", false), ("a.png", true), ("c.dcm#1", true), ("c.dcm#2", false)]);
    for sample in dataset.samples() {
        sample.load(&ReadOptions::default()).unwrap();
    }
    assert_eq!(fs::read(marks.join("images/a-2.png")).unwrap(), fs::read(at("in/two/a.png")).unwrap());
    let model = text(&MODEL);
    let evaluated =
        run(&["evaluate", "--json", "--quiet", "--device", "cpu", "--model", model, "--data", text(&marks)]);
    assert_eq!(evaluated["samples"], 4, "{evaluated}");
    let located = run(&["localize", "--json", "--quiet", "--device", "cpu", "--model", model, "--data", text(&marks)]);
    assert_eq!(located["images"], 2, "{located}");
}

#[test]
fn what_was_there_before_stays() {
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name);
    gray(&at("a.png"), 30, 20, 1);
    gray(&at("b.png"), 30, 20, 2);
    gray(&at("marks/images/a.png"), 30, 20, 9);
    gray(&at("marks/images/old.png"), 30, 20, 3);
    fs::copy(at("b.png"), at("marks/images/b.png")).unwrap();
    fs::write(at("marks/labels.csv"), "patch_filename,stenoza_label\nold.png,1\na.png,0\nb.png,0\n").unwrap();
    let server = Server::start(&["--marks", text(&at("marks")), text(&at("a.png")), text(&at("b.png"))]);
    server.state();
    let labels = || fs::read_to_string(at("marks/labels.csv")).unwrap();
    let save = || server.ask("POST", "api/marks/save", b"").good();
    put(&server, "s1", 0, json!({ "label": 1, "boxes": [{ "x": 1, "y": 1, "width": 2, "height": 2 }] }));
    put(&server, "s2", 0, json!({ "label": 1, "boxes": [] }));
    save();
    // Another file has the name of the first one; the second one is the file that was there.
    assert_eq!(labels(), "patch_filename,stenoza_label,frame\na-2.png,1,\na.png,0,\nb.png,1,\nold.png,1,\n");
    // A mark that is taken away goes.
    put(&server, "s1", 0, json!({ "label": null, "boxes": [] }));
    assert_eq!(save()["boxes"], 0);
    assert_eq!(labels(), "patch_filename,stenoza_label,frame\na.png,0,\nb.png,1,\nold.png,1,\n");
    fs::write(at("marks/labels.csv"), "name,label\nold.png,1\n").unwrap();
    assert!(server.ask("POST", "api/marks/save", b"").error(422).contains("column 'name'"));
    assert_eq!(labels(), "name,label\nold.png,1\n");
}

#[test]
fn a_data_set_that_is_viewed_is_not_written_to() {
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name);
    gray(&at("set/images/a.png"), 30, 20, 1);
    fs::write(at("set/labels.csv"), "patch_filename,stenoza_label\na.png,1\n").unwrap();
    let server = Server::start(&["--marks", text(&at("set")), text(&at("set"))]);
    server.state();
    put(&server, "s1", 0, json!({ "label": 0, "boxes": [] }));
    let message = server.ask("POST", "api/marks/save", b"").error(400);
    assert!(message.contains("being viewed") && message.contains("--marks"), "{message}");
    assert_eq!(fs::read_to_string(at("set/labels.csv")).unwrap(), "patch_filename,stenoza_label\na.png,1\n");
}
