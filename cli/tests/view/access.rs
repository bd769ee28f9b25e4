//! Who is answered, and how every answer is guarded.

use crate::server::{Server, command, complaints};
use std::net::TcpListener;

#[test]
fn only_those_who_know_the_token_are_answered() {
    let server = Server::start(&[]);
    let host = "Host: 127.0.0.1:PORT";
    let wrong = if server.token.starts_with('0') { "1" } else { "0" };
    let other = format!("GET /{wrong}{}/api/state HTTP/1.1", &server.token[1..]);
    for path in [
        "GET / HTTP/1.1",
        "GET /api/state HTTP/1.1",
        "GET /favicon.ico HTTP/1.1",
        "GET //TOKEN/api/state HTTP/1.1",
        "GET /TOKEN0/api/state HTTP/1.1",
        "GET /%54OKEN/api/state HTTP/1.1",
        "POST /api/stop HTTP/1.1",
        "OPTIONS * HTTP/1.1",
        &other,
    ] {
        let message = server.raw(&[path, host, "Connection: close"]).error(403);
        assert!(message.contains("token"), "{path}: {message}");
    }
    assert_eq!(server.raw(&["GET /TOKEN/api/state HTTP/1.1", host, "Connection: close"]).status, 200);
    let moved = server.raw(&["GET /TOKEN HTTP/1.1", host, "Connection: close"]);
    assert_eq!((moved.status, moved.header("location")), (308, Some(&*format!("/{}/", server.token))));
}

#[test]
fn only_names_of_this_machine_are_answered() {
    let server = Server::start(&[]);
    let ask = |host: &str| server.raw(&["GET /TOKEN/api/marks HTTP/1.1", host, "Connection: close"]);
    for host in ["127.0.0.1:PORT", "localhost:PORT", "localhost:8123", "localhost", "LOCALHOST:1", "[::1]:PORT"] {
        assert_eq!(ask(&format!("Host: {host}")).status, 200, "{host}");
    }
    for host in
        ["evil.example", "evil.example:PORT", "localhost.evil.example:PORT", "127.0.0.1.nip.io", "192.168.0.1:PORT", ""]
    {
        assert!(ask(&format!("Host: {host}")).error(403).contains("localhost"), "{host}");
    }
    let elsewhere = ["GET http://evil.example/TOKEN/api/marks HTTP/1.1", "Host: localhost:PORT", "Connection: close"];
    server.raw(&elsewhere).error(403);
}

#[test]
fn only_the_page_itself_is_answered() {
    let server = Server::start(&[]);
    let ask = |host: &str, origin: &str| {
        let (host, origin) = (format!("Host: {host}"), format!("Origin: {origin}"));
        server.raw(&["GET /TOKEN/api/marks HTTP/1.1", &host, &origin, "Connection: close"])
    };
    assert_eq!(ask("127.0.0.1:PORT", "http://127.0.0.1:PORT").status, 200);
    assert_eq!(ask("localhost:9000", "http://localhost:9000").status, 200);
    for (host, origin) in [
        ("127.0.0.1:PORT", "http://evil.example"),
        ("127.0.0.1:PORT", "http://localhost:PORT"),
        ("localhost:PORT", "http://localhost:1"),
        ("127.0.0.1:PORT", "https://127.0.0.1:PORT"),
        ("127.0.0.1:PORT", "null"),
    ] {
        assert!(ask(host, origin).error(403).contains("another page"), "{host} {origin}");
    }
}

#[test]
fn every_answer_is_guarded() {
    let server = Server::start(&[]);
    let answers = [
        server.get(""),
        server.get("app.js"),
        server.get("api/state"),
        server.get("api/nothing"),
        server.get("api/stop"),
        server.raw(&["GET / HTTP/1.1", "Host: 127.0.0.1:PORT", "Connection: close"]),
        server.raw(&["GET /TOKEN HTTP/1.1", "Host: 127.0.0.1:PORT", "Connection: close"]),
    ];
    for answer in answers {
        let policy = answer.header("content-security-policy").unwrap();
        for part in [
            "default-src 'none'",
            "script-src 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "form-action 'none'",
        ] {
            assert!(policy.contains(part), "{policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("cache-control", "no-store"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-resource-policy", "same-origin"),
            ("cross-origin-opener-policy", "same-origin"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{} {name}", answer.status);
        }
    }
}

#[test]
fn the_page_is_part_of_the_program() {
    let server = Server::start(&[]);
    for (path, media_type) in [
        ("", "text/html; charset=utf-8"),
        ("index.html", "text/html; charset=utf-8"),
        ("app.js", "text/javascript; charset=utf-8"),
        ("app.css", "text/css; charset=utf-8"),
        ("icon.svg", "image/svg+xml"),
    ] {
        let answer = server.get(path);
        assert_eq!((answer.status, answer.header("content-type")), (200, Some(media_type)), "{path}");
        assert!(!answer.body.is_empty(), "{path}");
    }
    let page = server.get("").text();
    assert!(!page.contains("<style") && !page.contains(" style=") && !page.contains("http://"), "{page}");
}

#[test]
fn what_is_not_there_is_said_in_json() {
    let server = Server::start(&[]);
    for path in [
        "nothing",
        "api",
        "api/nothing",
        "api/state/",
        "../etc/passwd",
        "%2e%2e/etc/passwd",
        "api/series/s1/frames/0",
        "api/series/s1/frames/0/pixels",
        "api/series/s1/frames/0/thumbnail",
        "api/jobs/j1/events",
        "api/maps/h1",
        "api/maps/h1/values",
        "api/maps/h1/overlay",
    ] {
        server.get(path).error(404);
    }
    for (method, path) in
        [("POST", "api/state"), ("GET", "api/jobs"), ("DELETE", "api/marks"), ("GET", "api/stop"), ("PUT", "")]
    {
        server.ask(method, path, b"").error(405);
    }
    assert!(server.send("POST", "api/models", &serde_json::json!({ "offered": false })).error(400).contains("offered"));
    assert!(server.ask("POST", "api/models", b"{").error(400).contains("body"));
    server.ask("POST", "api/jobs", &vec![b' '; 17 << 20]).error(413);
}

#[test]
fn every_start_has_its_own_token_and_port() {
    let (one, other) = (Server::start(&[]), Server::start(&[]));
    assert_ne!(one.token, other.token);
    assert_ne!(one.port, other.port);
}

#[test]
fn a_port_that_is_taken_is_an_error() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let (status, said) = complaints(&mut command(&["--port", &port]));
    assert_eq!(status.code(), Some(1));
    assert!(said.contains(&port) && said.contains("--port"), "{said}");
    drop(taken);
    let server = Server::start(&["--port", &port]);
    assert_eq!(server.port.to_string(), port);
    let (status, said) = complaints(&mut command(&["--port", "65536"]));
    assert_eq!(status.code(), Some(2), "{said}");
}
