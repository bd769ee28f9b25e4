//! Work for the page: two jobs at once, a few that wait, and their events.

mod events;
mod frames;
mod job;
mod progress;
mod request;
mod work;

use super::errors::Refusal;
use super::json;
use super::viewer::Viewer;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use job::Job;
use request::Request;
use serde_json::json;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

const RUNNING: usize = 2;
const WAITING: usize = 8;
/// Jobs that are over and whose events can still be had.
const REMEMBERED: usize = 64;
/// A job whose events nobody asks for by then is cancelled.
const UNWATCHED: Duration = Duration::from_secs(10);

/// All of them. Thread-safe.
#[derive(Default)]
pub struct Jobs(Mutex<Table>);

#[derive(Default)]
struct Table {
    started: u64,
    jobs: VecDeque<Arc<Job>>,
    running: usize,
    waiting: VecDeque<(Arc<Job>, Request)>,
}

impl Jobs {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn get(&self, id: &str) -> Result<Arc<Job>, Refusal> {
        let job = self.table().jobs.iter().find(|job| job.id == id).cloned();
        job.ok_or_else(|| Refusal::not_found(format!("there is no job '{id}'")))
    }

    /// Takes a job in; it runs as soon as there is room.
    fn take(&self, viewer: &Arc<Viewer>, request: Request) -> Result<Arc<Job>, Refusal> {
        let mut table = self.table();
        if table.running >= RUNNING && table.waiting.len() >= WAITING {
            return Err(Refusal::too_many(format!(
                "{RUNNING} jobs run and {WAITING} wait; cancel one, or wait until one is done"
            )));
        }
        table.started += 1;
        let job = Arc::new(Job::new(format!("j{}", table.started)));
        table.jobs.push_back(Arc::clone(&job));
        while table.jobs.len() > RUNNING + WAITING + REMEMBERED {
            table.jobs.pop_front();
        }
        table.waiting.push_back((Arc::clone(&job), request));
        drop(table);
        run_next(viewer);
        Ok(job)
    }

    fn cancel(&self, job: &Job) {
        let mut table = self.table();
        job.cancel.trigger();
        let before = table.waiting.len();
        table.waiting.retain(|(waiting, _)| waiting.id != job.id);
        if table.waiting.len() < before {
            job.end("cancelled", &json!({ "seconds": 0.0 }));
        }
    }

    /// Cancels all; whether none runs any more.
    pub fn cancel_all(&self) -> bool {
        let jobs: Vec<Arc<Job>> = self.table().jobs.iter().cloned().collect();
        jobs.iter().for_each(|job| self.cancel(job));
        self.table().running == 0
    }
}

/// Starts the job that waits the longest, where there is room.
fn run_next(viewer: &Arc<Viewer>) {
    let mut table = viewer.jobs.table();
    if table.running >= RUNNING {
        return;
    }
    let Some((job, request)) = table.waiting.pop_front() else { return };
    table.running += 1;
    drop(table);
    let (viewer, running) = (Arc::clone(viewer), Arc::clone(&job));
    let started = thread::Builder::new().name(job.id.clone()).spawn({
        let viewer = Arc::clone(&viewer);
        move || {
            work::run(&viewer, &running, request);
            viewer.jobs.table().running -= 1;
            run_next(&viewer);
        }
    });
    if let Err(error) = started {
        viewer.jobs.table().running -= 1;
        job.fail(&lens_base::Error::new(lens_base::ErrorKind::OutOfMemory, format!("cannot start a thread: {error}")));
    }
}

/// `POST api/jobs`
pub async fn start(
    State(viewer): State<Arc<Viewer>>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Refusal> {
    let request = Request::read(&viewer, &body?)?;
    let job = viewer.jobs.take(&viewer, request)?;
    let document = json!({ "job": job.id });
    tokio::spawn(async move {
        tokio::time::sleep(UNWATCHED).await;
        if !job.was_watched() {
            viewer.jobs.cancel(&job);
        }
    });
    Ok((StatusCode::CREATED, json::answer(&document)).into_response())
}

/// `DELETE api/jobs/{job}`
pub async fn cancel(State(viewer): State<Arc<Viewer>>, Path(id): Path<String>) -> Result<Response, Refusal> {
    let job = viewer.jobs.get(&id)?;
    viewer.jobs.cancel(&job);
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// `GET api/jobs/{job}/events`
pub async fn events(State(viewer): State<Arc<Viewer>>, Path(id): Path<String>) -> Result<Response, Refusal> {
    let job = viewer.jobs.get(&id)?;
    Ok(events::stream(viewer, job))
}
