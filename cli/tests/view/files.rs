//! What is dropped onto the page.

use crate::data::{MODEL, Said, gray, ten_bits};
use crate::http::Answer;
use crate::server::{Server, job, text};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

fn drop_file(server: &Server, name: &str, path: &Path) -> Answer {
    server.ask("POST", &format!("api/files?name={name}"), &fs::read(path).unwrap())
}

#[test]
fn pictures_series_and_models_are_taken() {
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name);
    let server = Server::start(&[]);
    assert_eq!(server.state()["series"], json!([]));
    gray(&at("a.png"), 30, 20, 1);
    let one = drop_file(&server, "dir%2Fa.png", &at("a.png")).good();
    assert_eq!(
        (&one["series"][0]["name"], &one["series"][0]["frames"], &one["model"]),
        (&json!("a.png"), &json!(1), &Value::Null)
    );
    let other = drop_file(&server, "..%2F..%2Fother%2Fa.png", &at("a.png")).good();
    assert_eq!(other["series"][0]["name"], "other/a.png");
    for (number, frames) in [("3", 1), ("1", 2), ("2", 3)] {
        ten_bits(&at("x.dcm"), &Said { series: "1.2.3", number, description: "" }, 1);
        let grown = drop_file(&server, &format!("x{number}.dcm"), &at("x.dcm")).good();
        assert_eq!((&grown["series"][0]["id"], &grown["series"][0]["frames"]), (&json!("s3"), &json!(frames)));
        assert_eq!(grown["replaced"], json!([]));
    }
    let state = server.state();
    assert_eq!(state["series"][2]["files"], json!(["x1.dcm", "x2.dcm", "x3.dcm"]));
    let model = drop_file(&server, "my%20model.safetensors", &MODEL).good();
    assert_eq!((&model["model"]["name"], &model["series"]), (&json!("my model.safetensors"), &json!([])));
    assert_eq!(model["model"], server.state()["models"][0]);
    let said = server.result("prediction", &job("classify", &state["series"][0], Value::Null));
    assert!(said["probability"].is_number());
}

#[test]
fn what_is_dropped_twice_is_there_once() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("x.dcm");
    let server = Server::start(&[]);
    ten_bits(&path, &Said { series: "1.2.3", number: "1", description: "" }, 1);
    let first = drop_file(&server, "d%2Fx.dcm", &path).good();
    assert_eq!(drop_file(&server, "d%2Fx.dcm", &path).good(), first);
    ten_bits(&path, &Said { series: "1.2.3", number: "2", description: "" }, 2);
    assert_eq!(drop_file(&server, "d%2Fx.dcm", &path).good()["series"][0]["frames"], 2);
    assert_eq!(server.state()["series"].as_array().unwrap().len(), 1);
}

#[test]
fn frames_that_are_known_keep_their_numbers() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("x.dcm");
    let server = Server::start(&["--model", text(&MODEL)]);
    let add = |number: &str| {
        ten_bits(&path, &Said { series: "1.2.3", number, description: "" }, number.parse().unwrap());
        drop_file(&server, &format!("x{number}.dcm"), &path).good()
    };
    let first = add("5")["series"][0].clone();
    let said = server.result("prediction", &job("classify", &first, Value::Null));
    assert_eq!(server.send("PUT", "api/series/s1/frames/0/mark", &json!({ "label": 1, "boxes": [] })).status, 204);
    // Behind it: the same series.
    let grown = add("7");
    assert_eq!(
        (&grown["series"][0]["id"], &grown["series"][0]["frames"], &grown["replaced"]),
        (&json!("s1"), &json!(2), &json!([]))
    );
    // Before it: another one, to which results and marks go over.
    let other = add("4");
    assert_eq!((&other["series"][0]["frames"], &other["replaced"]), (&json!(3), &json!(["s1"])));
    let id = &other["series"][0]["id"];
    server.get("api/series/s1/frames/0").error(404);
    let all = server.get("api/predictions").good();
    assert_eq!((&all["predictions"][0]["series"], &all["predictions"][0]["frame"]), (id, &json!(1)));
    assert_eq!(all["predictions"][0]["probability"], said["probability"]);
    let marks = server.get("api/marks").good();
    assert_eq!((&marks["marks"][0]["series"], &marks["marks"][0]["frame"]), (id, &json!(1)));
}

#[test]
fn what_is_neither_is_refused_and_leaves_nothing_behind() {
    let place = tempfile::tempdir().unwrap();
    let note = place.path().join("note");
    fs::write(&note, "neither picture nor model").unwrap();
    let mut command = crate::server::command(&[]);
    command.env("TMPDIR", place.path());
    let server = Server::spawn(command);
    for name in ["note.png", "note.dcm", "note", "labels.csv", "note.safetensors", "note.pt"] {
        let message = drop_file(&server, name, &note).error(422);
        // Named as the user knows it.
        assert!(message.contains(name) && !message.contains(text(place.path())), "{message}");
    }
    let state = server.state();
    assert_eq!((&state["series"], &state["models"]), (&json!([]), &json!([])));
    let files =
        walkdir::WalkDir::new(place.path()).into_iter().map(Result::unwrap).filter(|entry| entry.file_type().is_file());
    assert_eq!(files.count(), 1);
    for query in ["", "?name=", "?name=..", "?file=a.png", "?name=a.png&name=b.png"] {
        assert!(server.ask("POST", &format!("api/files{query}"), b"x").error(400).contains("name"), "{query}");
    }
}

#[test]
fn no_more_than_the_limit_is_taken() {
    let server = Server::start(&[]);
    let limit = server.state()["upload_bytes"].as_u64().unwrap();
    let length = format!("Content-Length: {}", limit + 1);
    let lines = ["POST /TOKEN/api/files?name=a.png HTTP/1.1", "Host: 127.0.0.1:PORT", &length, "Connection: close"];
    assert!(server.raw(&lines).error(413).contains("GiB"));
}

#[test]
fn the_demos_model_is_offered_where_it_is() {
    let place = tempfile::tempdir().unwrap();
    let demo = place.path().join("target/demo");
    fs::create_dir_all(&demo).unwrap();
    fs::copy(&*MODEL, demo.join("model.safetensors")).unwrap();
    let mut command = crate::server::command(&[]);
    command.current_dir(place.path());
    let server = Server::spawn(command);
    assert_eq!(server.state()["offered_model"], "target/demo/model.safetensors");
    let model = server.send("POST", "api/models", &json!({ "offered": true })).good();
    let state = server.state();
    assert_eq!((&state["models"], &state["offered_model"]), (&json!([model]), &Value::Null));
    for (name, value) in [("input_width", json!(32)), ("threshold", json!(0.5)), ("temperature", Value::Null)] {
        assert_eq!(model[name], value, "{name}");
    }
    assert_eq!(model["sha256"], model["description"]["model_sha256"]);
    server.send("POST", "api/models", &json!({ "offered": true })).error(404);
}
