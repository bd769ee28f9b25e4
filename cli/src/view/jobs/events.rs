//! The events of a job as a stream that a browser reads.

use super::job::{Event, Job, Position};
use crate::view::viewer::Viewer;
use axum::response::sse::{Event as Sent, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// A line is sent at least so often: a connection that is gone shows when it is written to.
const KEEP_ALIVE: Duration = Duration::from_secs(5);

/// Somebody who reads the events; when the last one goes, the job is cancelled.
struct Watcher {
    viewer: Arc<Viewer>,
    job: Arc<Job>,
    position: Position,
    news: watch::Receiver<()>,
}

impl Drop for Watcher {
    fn drop(&mut self) {
        if self.job.unwatch() {
            self.viewer.jobs.cancel(&self.job);
        }
    }
}

impl Watcher {
    async fn next(&mut self) -> Option<Event> {
        loop {
            self.news.mark_unchanged();
            match self.job.after(&mut self.position) {
                (Some(event), _) => return Some(event),
                (None, false) => return None,
                // The job, which this holds, is the sender: it does not go away.
                (None, true) => self.news.changed().await.ok()?,
            }
        }
    }
}

/// All events, from the job's beginning.
pub fn stream(viewer: Arc<Viewer>, job: Arc<Job>) -> Response {
    job.watch();
    let watcher = Watcher { viewer, news: job.news(), job, position: Position::default() };
    let events = stream::unfold(watcher, async |mut watcher| {
        let Event { name, data } = watcher.next().await?;
        Some((Ok::<_, Infallible>(Sent::default().event(name).data(&*data)), watcher))
    });
    Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response()
}
