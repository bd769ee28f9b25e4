//! Starting the server, and ending it.

use super::Request;
use super::address::{Token, listen, port_of};
use super::browser;
use super::catalogue::Catalogue;
use super::guard::guarded;
use super::models::{Models, name_of};
use super::routes::routes;
use super::viewer::Viewer;
use crate::program::{Failure, about, reason};
use crate::{console, interrupt};
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::json;
use signal_hook::flag;
use std::io::Write;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::runtime::Builder;
use tokio::time::{sleep, timeout};

/// Threads that read files for requests, beside those of jobs.
const THREADS: usize = 8;
/// How often it is looked whether a signal came.
const TICK: Duration = Duration::from_millis(50);
/// How long answers under way, and jobs that were cancelled, have at the end.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Serves until it is ended by Ctrl-C, by another signal that ends programs, or by the page.
pub fn run(request: Request) -> Result<(), Failure> {
    let models = Models::default();
    for path in &request.models {
        about(path, models.load(&request.context, path, &name_of(path)))?;
    }
    let terminated = Arc::new(AtomicBool::new(false));
    for signal in lens_system::ending_signals() {
        flag::register(signal, Arc::clone(&terminated))
            .map_err(|error| Failure::Failed(format!("cannot be told of signal {signal}: {}", reason(&error))))?;
    }
    let listener = listen(request.port)?;
    let token = Token::new()?;
    let catalogue = Arc::new(Catalogue::new(request.files.len()));
    let viewer = Arc::new(Viewer::new(request.context, models, Arc::clone(&catalogue), request.marks));
    let runtime = Builder::new_current_thread().enable_all().max_blocking_threads(THREADS).build();
    let runtime = runtime.map_err(|error| Failure::Failed(format!("cannot start the server: {}", reason(&error))))?;

    let port = port_of(&listener);
    let address = format!("http://127.0.0.1:{port}{}", token.path());
    tell(&address, request.json)?;
    catalogue.read_in_background(request.files);
    if !request.quiet {
        console::message("research use only; Ctrl-C ends the server");
    }
    if request.open {
        browser::open(&address, port);
    }
    let served = runtime.block_on(serve(listener, token, Arc::clone(&viewer), terminated));
    // What still reads a file has it open; nothing is waited for any more.
    runtime.shutdown_background();
    viewer.uploads.remove();
    served.map_err(|error| Failure::Failed(format!("the server failed: {}", reason(&error))))
}

/// Prints the address at once, for programs that wait for it.
fn tell(address: &str, as_json: bool) -> Result<(), Failure> {
    let line = if as_json { json!({ "address": address }).to_string() } else { address.to_string() };
    let mut output = std::io::stdout().lock();
    writeln!(output, "{line}")
        .and_then(|()| output.flush())
        .map_err(|error| Failure::Failed(format!("cannot write to standard output: {}", reason(&error))))
}

async fn serve(
    listener: TcpListener,
    token: Token,
    viewer: Arc<Viewer>,
    terminated: Arc<AtomicBool>,
) -> std::io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let (ending, ended) = tokio::sync::watch::channel(false);
    let app = guarded(token, routes(Arc::clone(&viewer)));
    let server = axum::serve(listener, app).with_graceful_shutdown(async move {
        // The other end is gone only with this function.
        let _ = ended.clone().wait_for(|ending| *ending).await;
    });
    let mut server = Box::pin(server.into_future());
    let end = async {
        while interrupt::check().is_ok() && !terminated.load(Ordering::Acquire) {
            if timeout(TICK, viewer.stop.notified()).await.is_ok() {
                break;
            }
        }
    };
    let mut end = Box::pin(end);
    // Whichever comes first.
    let served = std::future::poll_fn(|context| {
        if let std::task::Poll::Ready(served) = server.as_mut().poll(context) {
            return std::task::Poll::Ready(Some(served));
        }
        end.as_mut().poll(context).map(|()| None)
    })
    .await;
    if let Some(served) = served {
        return served;
    }
    ending.send_replace(true);
    let jobs = async {
        while !viewer.jobs.cancel_all() {
            sleep(TICK).await;
        }
    };
    let _ = timeout(LAST_WORDS, async {
        jobs.await;
        let _ = server.await;
    })
    .await;
    Ok(())
}

/// `POST api/stop`
pub async fn stop(State(viewer): State<Arc<Viewer>>) -> StatusCode {
    viewer.stop.notify_one();
    StatusCode::ACCEPTED
}
