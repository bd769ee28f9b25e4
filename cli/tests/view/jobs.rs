//! Work, its events, and how it is stopped.

use crate::data::{MODEL, OTHER_MODEL, cine, colour, gray};
use crate::server::{Server, job, run, text};
use serde_json::{Value, json};
use std::fs;
use std::time::{Duration, Instant};

/// A server with one large picture, whose occlusion takes far longer than a test.
fn with_long_work() -> (tempfile::TempDir, Server, Value) {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("a.png");
    gray(&path, 1024, 1024, 1);
    let server = Server::start(&["--model", text(&MODEL), text(&path)]);
    let series = server.state()["series"][0].clone();
    let work = job("heatmap", &series, json!({ "method": "occlusion", "stride": 4 }));
    (place, server, work)
}

/// Whether a job ends soon.
fn ends_as(server: &Server, job: &str, how: &str) {
    let start = Instant::now();
    let last = server.events(job).last().unwrap();
    assert_eq!(last.0, how, "{last:?}");
    assert!(start.elapsed() < Duration::from_secs(20));
}

#[test]
fn predictions_are_those_of_the_command() {
    let place = tempfile::tempdir().unwrap();
    gray(&place.path().join("a.png"), 100, 80, 1);
    colour(&place.path().join("b.png"), 60, 70);
    cine(&place.path().join("c.dcm"), 3);
    let (model, other) = (text(&MODEL), text(&OTHER_MODEL));
    let server = Server::start(&["--model", model, "--model", other, text(place.path())]);
    let state = server.state();
    assert_eq!(state["models"].as_array().unwrap().len(), 2);
    for (id, path) in [("m1", model), ("m2", other)] {
        let items =
            json!([{ "series": "s1" }, { "series": "s2", "frames": [0, 0] }, { "series": "s3", "frames": [2] }]);
        let events = server.results(&json!({ "kind": "classify", "model": id, "items": items }));
        let names: Vec<&str> = events.iter().map(|(name, _)| &**name).collect();
        assert_eq!(names, ["prediction", "prediction", "prediction", "finished"]);
        assert!(events[3].1["seconds"].as_f64().unwrap() > 0.0);
        for (index, (file, frame)) in [("a.png", 0), ("b.png", 0), ("c.dcm", 2)].into_iter().enumerate() {
            let data = &events[index].1;
            assert_eq!(
                (&data["series"], &data["frame"], &data["model"]),
                (&json!(format!("s{}", index + 1)), &json!(frame), &json!(id))
            );
            let file = place.path().join(file);
            let frame = frame.to_string();
            let said = run(&["classify", "--json", "--device", "cpu", "--model", path, "--frame", &frame, text(&file)]);
            let said = &said["predictions"][0];
            for figure in ["probability", "logit", "threshold"] {
                assert_eq!(data[figure], said[figure], "{figure}");
            }
            assert_eq!(data["positive"], said["label"] == 1);
        }
    }
    let all = server.get("api/predictions").good();
    assert_eq!((all["predictions"].as_array().unwrap().len(), all["maps"].as_array().unwrap().len()), (6, 0));
    // What is known is told again, and not computed.
    let again =
        server.result("prediction", &json!({ "kind": "classify", "model": "m1", "items": [{ "series": "s1" }] }));
    assert!(all["predictions"].as_array().unwrap().contains(&again));
}

#[test]
fn requests_that_cannot_be_followed_are_refused_by_name() {
    let place = tempfile::tempdir().unwrap();
    gray(&place.path().join("a.png"), 30, 30, 1);
    fs::write(place.path().join("b.png"), "no picture").unwrap();
    let server = Server::start(&["--model", text(&MODEL), text(place.path())]);
    server.state();
    let items = json!([{ "series": "s1" }]);
    for (status, says, request) in [
        (400, "kind is 'draw'", json!({ "kind": "draw", "model": "m1", "items": items })),
        (400, "missing field `kind`", json!({ "model": "m1", "items": items })),
        (400, "unknown field `item`", json!({ "kind": "classify", "model": "m1", "items": items, "item": 1 })),
        (400, "items name no frames", json!({ "kind": "classify", "model": "m1", "items": [] })),
        (400, "items name no frames", json!({ "kind": "classify", "model": "m1", "items": [{ "series": "s2" }] })),
        (
            400,
            "options are given",
            json!({ "kind": "classify", "model": "m1", "items": items, "options": { "stride": 3 } }),
        ),
        (
            400,
            "no option 'strid'",
            json!({ "kind": "heatmap", "model": "m1", "items": items, "options": { "strid": 3 } }),
        ),
        (
            400,
            "stride '5000'",
            json!({ "kind": "heatmap", "model": "m1", "items": items, "options": { "stride": 5000 } }),
        ),
        (
            400,
            "stride 65 is more than tile_size 64",
            json!({ "kind": "heatmap", "model": "m1", "items": items, "options": { "stride": 65 } }),
        ),
        (
            400,
            "method 'x': it must be tiles",
            json!({ "kind": "heatmap", "model": "m1", "items": items, "options": { "method": "x" } }),
        ),
        (404, "no model 'm7'", json!({ "kind": "classify", "model": "m7", "items": items })),
        (404, "no series 's7'", json!({ "kind": "classify", "model": "m1", "items": [{ "series": "s7" }] })),
        (404, "not '1'", json!({ "kind": "classify", "model": "m1", "items": [{ "series": "s1", "frames": [0, 1] }] })),
    ] {
        let message = server.send("POST", "api/jobs", &request).error(status);
        assert!(message.contains(says), "{request}: {message}");
    }
}

#[test]
fn frames_that_cannot_be_read_do_not_keep_the_others_back() {
    let place = tempfile::tempdir().unwrap();
    for (index, name) in ["a.png", "b.png", "c.png"].into_iter().enumerate() {
        gray(&place.path().join(name), 64, 64, index as u32);
    }
    let broken = place.path().join("b.png");
    let whole = fs::read(&broken).unwrap();
    fs::write(&broken, &whole[..whole.len() / 2]).unwrap();
    let server = Server::start(&["--model", text(&MODEL), text(place.path())]);
    server.state();
    let items = json!([{ "series": "s1" }, { "series": "s2" }, { "series": "s3" }]);
    for (kind, result) in [("classify", "prediction"), ("heatmap", "map")] {
        let events = server.results(&json!({ "kind": kind, "model": "m1", "items": items }));
        let count = |name: &str| events.iter().filter(|(found, _)| found == name).count();
        assert_eq!((count(result), count("failed"), count("finished")), (2, 1, 1), "{events:?}");
        let (_, failed) = events.iter().find(|(name, _)| name == "failed").unwrap();
        assert_eq!((&failed["series"], &failed["frame"]), (&json!("s2"), &json!(0)));
        assert!(failed["message"].as_str().unwrap().contains("b.png"), "{failed}");
    }
}

#[test]
fn progress_comes_while_a_cine_is_worked_through_and_cancel_stops_it() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("cine.dcm");
    cine(&path, 96);
    let server = Server::start(&["--model", text(&MODEL), text(&path)]);
    let series = server.state()["series"][0].clone();
    let job =
        server.start_job(&job("heatmap", &series, json!({ "method": "occlusion", "tile_size": 32, "stride": 2 })));
    let mut events = server.events(&job);
    let (mut maps, mut last) = (0, Value::Null);
    for (name, data) in &mut events {
        match &*name {
            "progress" => {
                assert!(data["done"].as_u64() <= data["total"].as_u64(), "{data}");
                assert_eq!(data["frames"], 96);
                last = data;
            }
            "map" => maps += 1,
            other => panic!("{other} {data}"),
        }
        if maps == 2 {
            break;
        }
    }
    assert!(last["done"].as_u64().unwrap() > 0 && last["seconds_left"].as_f64().unwrap() > 0.0, "{last}");
    assert_eq!(server.ask("DELETE", &format!("api/jobs/{job}"), b"").status, 204);
    let rest: Vec<_> = events.collect();
    assert_eq!(rest.last().unwrap().0, "cancelled");
    let kept = server.get("api/predictions").good()["maps"].as_array().unwrap().len();
    assert!((2..96).contains(&kept), "{kept}");
    // It is over, and can still be read from its beginning.
    let names: Vec<String> = server.events(&job).map(|(name, _)| name).filter(|name| name != "progress").collect();
    assert_eq!(names.len(), kept + 1);
}

#[test]
fn closing_the_events_stops_the_work() {
    let (_place, server, work) = with_long_work();
    let job = server.start_job(&work);
    let mut events = server.events(&job);
    events.next().unwrap();
    drop(events);
    ends_as(&server, &job, "cancelled");
}

#[test]
fn work_that_nobody_watches_stops() {
    let (_place, server, work) = with_long_work();
    let job = server.start_job(&work);
    std::thread::sleep(Duration::from_millis(10_500));
    ends_as(&server, &job, "cancelled");
}

#[test]
fn two_jobs_run_eight_wait_and_no_more_are_taken() {
    let (_place, server, work) = with_long_work();
    let jobs: Vec<String> = (0..10).map(|_| server.start_job(&work)).collect();
    let message = server.send("POST", "api/jobs", &work).error(429);
    assert!(message.contains("2 jobs run and 8 wait"), "{message}");
    // One that waits ends at once, and leaves its place.
    server.ask("DELETE", &format!("api/jobs/{}", jobs[9]), b"");
    assert_eq!(server.events(&jobs[9]).map(|(name, _)| name).collect::<Vec<_>>(), ["cancelled"]);
    let last = server.start_job(&work);
    for job in jobs.iter().rev().chain([&last]) {
        assert_eq!(server.ask("DELETE", &format!("api/jobs/{job}"), b"").status, 204);
    }
    for job in jobs.iter().chain([&last]) {
        ends_as(&server, job, "cancelled");
    }
    assert!(server.ask("DELETE", "api/jobs/j99", b"").error(404).contains("'j99'"));
}
