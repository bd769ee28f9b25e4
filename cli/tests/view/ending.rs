//! How the server ends, and what it leaves behind: nothing.

use crate::data::{MODEL, gray};
use crate::server::{Server, command, complaints, job, text};
use serde_json::json;
use std::fs;
use std::path::Path;
use std::process::Command;

fn signal(server: &Server, name: &str) {
    let status = Command::new("kill").args([name, &server.child.id().to_string()]).status().unwrap();
    assert!(status.success());
}

/// Names of directories for dropped files.
fn left_in(directory: &Path) -> Vec<String> {
    let names = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.starts_with("lesionlens-view-")).collect()
}

#[test]
fn every_end_is_a_good_one_and_removes_dropped_files() {
    let place = tempfile::tempdir().unwrap();
    let picture = place.path().join("a.png");
    gray(&picture, 40, 40, 1);
    for end in ["-INT", "-TERM", "-HUP", "page"] {
        if end == "-HUP" && lens_system::ending_signals().len() == 1 {
            lens_base::left_out("the viewer's end with its terminal: SIGHUP is ignored here");
            continue;
        }
        let mut command = command(&[]);
        command.env("TMPDIR", place.path());
        let mut server = Server::spawn(command);
        server.ask("POST", "api/files?name=a.png", &fs::read(&picture).unwrap()).good();
        let left = left_in(place.path());
        assert_eq!(left.len(), 1);
        let rights = Command::new("stat").args(["-c", "%a"]).arg(place.path().join(&left[0])).output().unwrap();
        assert_eq!(rights.stdout, b"700\n");
        if end == "page" {
            assert_eq!(server.ask("POST", "api/stop", b"").status, 202);
        } else {
            signal(&server, end);
        }
        assert_eq!(server.wait().code(), Some(0), "{end}");
        assert_eq!(left_in(place.path()), [""; 0], "{end}");
    }
}

#[test]
fn the_end_does_not_wait_for_work() {
    let place = tempfile::tempdir().unwrap();
    let picture = place.path().join("a.png");
    gray(&picture, 1500, 1500, 1);
    let mut server = Server::start(&["--model", text(&MODEL), text(&picture)]);
    let series = server.state()["series"][0].clone();
    let job = server.start_job(&job("heatmap", &series, json!({ "method": "occlusion", "stride": 4 })));
    let mut events = server.events(&job);
    assert_eq!(events.next().unwrap().0, "progress");
    assert_eq!(server.ask("POST", "api/stop", b"").status, 202);
    assert_eq!(server.wait().code(), Some(0));
    // The stream ends, too, perhaps before the work could say so.
    assert!(events.all(|(name, _)| name != "finished"));
}

#[test]
fn what_cannot_be_shown_is_told_before_the_address() {
    let place = tempfile::tempdir().unwrap();
    let note = place.path().join("note.safetensors");
    fs::write(&note, "no model").unwrap();
    for (arguments, says) in [
        (["--model", text(&note)], "note.safetensors"),
        (["--model", "/no/such.safetensors"], "/no/such.safetensors"),
        (["--quiet", "/no/such.png"], "/no/such.png"),
        (["--marks", text(&note)], "note.safetensors"),
    ] {
        let (status, said) = complaints(&mut command(&arguments));
        assert_eq!(status.code(), Some(1), "{said}");
        assert!(said.contains(says), "{said}");
    }
}
