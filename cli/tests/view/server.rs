//! The program, started.

use crate::http::{Answer, Exchange};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// A server; killed when it is dropped.
pub struct Server {
    pub child: Child,
    pub port: u16,
    pub token: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The command, without a browser.
pub fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lesionlens"));
    command.args(["view", "--no-open", "--device", "cpu"]).args(arguments).stdin(Stdio::null());
    command
}

impl Server {
    pub fn start(arguments: &[&str]) -> Self {
        Server::spawn(command(arguments))
    }

    pub fn spawn(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim_end().strip_prefix("http://127.0.0.1:").unwrap_or_else(|| panic!("{line:?}"));
        let (port, path) = address.split_once('/').unwrap();
        let token = path.strip_suffix('/').unwrap().to_string();
        assert!(token.len() == 32 && token.bytes().all(|digit| digit.is_ascii_hexdigit()), "{token}");
        Server { child, port: port.parse().unwrap(), token }
    }

    /// Asks with these lines of a request alone.
    pub fn raw(&self, lines: &[&str]) -> Answer {
        let lines: Vec<String> = lines
            .iter()
            .map(|line| line.replace("TOKEN", &self.token).replace("PORT", &self.port.to_string()))
            .collect();
        Exchange::new(self.port, &lines, b"").answer()
    }

    pub fn exchange(&self, method: &str, path: &str, body: &[u8]) -> Exchange {
        let lines = [
            format!("{method} /{}/{path} HTTP/1.1", self.token),
            format!("Host: 127.0.0.1:{}", self.port),
            format!("Content-Length: {}", body.len()),
            "Connection: close".to_string(),
        ];
        Exchange::new(self.port, &lines, body)
    }

    pub fn ask(&self, method: &str, path: &str, body: &[u8]) -> Answer {
        self.exchange(method, path, body).answer()
    }

    pub fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, b"")
    }

    pub fn send(&self, method: &str, path: &str, document: &Value) -> Answer {
        self.ask(method, path, document.to_string().as_bytes())
    }

    pub fn state(&self) -> Value {
        let state = self.get("api/state").good();
        assert_eq!(state["reading"], Value::Null);
        state
    }

    /// Starts a job; its identifier.
    pub fn start_job(&self, request: &Value) -> String {
        let started = self.send("POST", "api/jobs", request);
        assert_eq!(started.status, 201, "{}", started.text());
        started.json()["job"].as_str().unwrap().to_string()
    }

    pub fn events(&self, job: &str) -> Events {
        let exchange = self.exchange("GET", &format!("api/jobs/{job}/events"), b"");
        assert_eq!(exchange.status, 200);
        Events { exchange, text: String::new() }
    }

    /// All events of a job but those of progress.
    pub fn results(&self, request: &Value) -> Vec<(String, Value)> {
        let job = self.start_job(request);
        self.events(&job).filter(|(name, _)| name != "progress").collect()
    }

    /// The data of the one event of this name of a job that ends well.
    pub fn result(&self, name: &str, request: &Value) -> Value {
        let mut events = self.results(request);
        assert_eq!(events.pop().unwrap().0, "finished");
        assert_eq!(events.len(), 1, "{events:?}");
        let (found, data) = events.remove(0);
        assert_eq!(found, name, "{data}");
        data
    }

    /// Waits until the program is over.
    pub fn wait(&mut self) -> ExitStatus {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(start.elapsed() < Duration::from_secs(20), "the program does not end");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Events as they come.
pub struct Events {
    exchange: Exchange,
    text: String,
}

impl Iterator for Events {
    type Item = (String, Value);

    fn next(&mut self) -> Option<(String, Value)> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let line = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).map(str::to_string);
                let event = line("event: ").zip(line("data: "));
                self.text = rest.to_string();
                match event {
                    Some((name, data)) => return Some((name, serde_json::from_str(&data).unwrap())),
                    // A comment that keeps the connection alive.
                    None => continue,
                }
            }
            self.text.push_str(std::str::from_utf8(&self.exchange.chunk()?).unwrap());
        }
    }
}

/// What a command prints that is expected to succeed.
pub fn run(arguments: &[&str]) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_lesionlens")).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A job on all frames of a series.
pub fn job(kind: &str, series: &Value, options: Value) -> Value {
    let mut request = json!({ "kind": kind, "model": "m1", "items": [{ "series": series["id"] }] });
    if !options.is_null() {
        request["options"] = options;
    }
    request
}

/// A path as text.
pub fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// What a child said on standard error, when it is over.
pub fn complaints(command: &mut Command) -> (ExitStatus, String) {
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    (child.wait().unwrap(), said)
}
