//! A job and what happened in it.

use crate::view::errors::status_of;
use lens_base::{Cancel, Error};
use serde::Serialize;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// An event as it is sent.
#[derive(Clone, Debug)]
pub struct Event {
    pub name: &'static str,
    pub data: Arc<str>,
}

impl Event {
    fn new(name: &'static str, data: &impl Serialize) -> Self {
        // Documents have text for keys and nothing else that could fail.
        Event { name, data: serde_json::to_string(data).unwrap_or_default().into() }
    }
}

/// How much of the events somebody was told.
#[derive(Clone, Copy, Default)]
pub struct Position {
    events: usize,
    progress: u64,
}

/// A job.
pub struct Job {
    pub id: String,
    pub cancel: Cancel,
    state: Mutex<State>,
    /// Told of every event.
    news: watch::Sender<()>,
}

#[derive(Default)]
struct State {
    /// All but those of progress.
    events: Vec<Event>,
    ended: bool,
    /// Only the last one counts.
    progress: Option<Event>,
    progress_count: u64,
    watchers: usize,
    was_watched: bool,
}

impl Job {
    pub fn new(id: String) -> Self {
        Job { id, cancel: Cancel::default(), state: Mutex::default(), news: watch::Sender::new(()) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells of a result.
    pub fn tell(&self, name: &'static str, data: &impl Serialize) {
        self.state().events.push(Event::new(name, data));
        self.news.send_replace(());
    }

    /// Tells how far it is.
    pub fn tell_progress(&self, data: &Value) {
        let mut state = self.state();
        state.progress = Some(Event::new("progress", data));
        state.progress_count += 1;
        drop(state);
        self.news.send_replace(());
    }

    /// Tells the last event.
    pub fn end(&self, name: &'static str, data: &Value) {
        let mut state = self.state();
        if !state.ended {
            state.events.push(Event::new(name, data));
            state.ended = true;
        }
        drop(state);
        self.news.send_replace(());
    }

    /// Tells why it cannot go on.
    pub fn fail(&self, error: &Error) {
        self.end("error", &json!({ "status": status_of(error.kind()), "message": error.message() }));
    }

    /// The event after a position, which is moved; `None`: none yet. Whether there will be more is second.
    pub fn after(&self, position: &mut Position) -> (Option<Event>, bool) {
        let state = self.state();
        if state.progress_count > position.progress {
            position.progress = state.progress_count;
            return (state.progress.clone(), true);
        }
        let event = state.events.get(position.events).cloned();
        position.events += usize::from(event.is_some());
        let more = event.is_some() || !state.ended;
        (event, more)
    }

    /// Told of every event from now on.
    pub fn news(&self) -> watch::Receiver<()> {
        self.news.subscribe()
    }

    pub fn was_watched(&self) -> bool {
        self.state().was_watched
    }

    pub fn watch(&self) {
        let mut state = self.state();
        state.watchers += 1;
        state.was_watched = true;
    }

    /// Whether nobody watches any more.
    pub fn unwatch(&self) -> bool {
        let mut state = self.state();
        state.watchers -= 1;
        state.watchers == 0 && !state.ended
    }
}
