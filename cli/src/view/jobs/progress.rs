//! How far a job is.

use super::job::Job;
use lens_base::Update;
use serde_json::json;
use std::time::{Duration, Instant};

/// Between two events.
const INTERVAL: Duration = Duration::from_millis(100);

/// Counts what goes through the network, and frames.
pub struct Progress<'a> {
    job: &'a Job,
    start: Instant,
    last: Option<Instant>,
    /// Frames that are dealt with, and all.
    frames_done: usize,
    frames: usize,
    /// Frames that went through the network, and what of them.
    computed_frames: usize,
    computed: u64,
}

impl<'a> Progress<'a> {
    pub fn new(job: &'a Job, frames: usize) -> Self {
        Progress { job, start: Instant::now(), last: None, frames_done: 0, frames, computed_frames: 0, computed: 0 }
    }

    pub fn seconds(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }

    /// A frame that needs no computing is dealt with: it is known, or cannot be read.
    pub fn skip(&mut self) {
        self.frames_done += 1;
        self.tell(0, 0, 0);
    }

    /// Within a call of the library on some frames.
    pub fn update(&mut self, frames: usize, update: &Update) {
        self.tell(frames, update.done, update.total);
    }

    /// Such a call is done.
    pub fn computed(&mut self, frames: usize, items: u64) {
        self.frames_done += frames;
        self.computed_frames += frames;
        self.computed += items;
        self.tell(0, 0, 0);
    }

    /// Frames that were not computed yet are taken to need as much as those that were.
    fn tell(&mut self, frames: usize, done: u64, total: u64) {
        let complete = self.frames_done == self.frames;
        if self.last.is_some_and(|last| last.elapsed() < INTERVAL) && !complete {
            return;
        }
        self.last = Some(Instant::now());
        let (known_frames, known) = (self.computed_frames + frames, self.computed + total);
        let open = (self.frames - self.frames_done - frames) as f64;
        let of_open = if known_frames == 0 { 0.0 } else { open * known as f64 / known_frames as f64 };
        let (done, total) = (self.computed + done, known + of_open.round() as u64);
        let left = (done > 0).then(|| self.seconds() * total.saturating_sub(done) as f64 / done as f64);
        self.job.tell_progress(&json!({
            "done": done,
            "total": total,
            "frames_done": self.frames_done,
            "frames": self.frames,
            "seconds_left": left,
        }));
    }
}
