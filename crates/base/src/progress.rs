//! Progress of long work, and stopping it.

use crate::options::Choice;
use crate::{Error, Result};
use lens_system::fork::generation;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// A flag that any thread may raise to stop the work that carries it.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl From<Arc<AtomicBool>> for Cancel {
    /// For a flag that is raised elsewhere, as by a signal's handler.
    fn from(flag: Arc<AtomicBool>) -> Self {
        Cancel(flag)
    }
}

impl Cancel {
    /// Asks the work to stop.
    pub fn trigger(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Makes the flag usable again.
    pub fn reset(&self) {
        self.0.store(false, Ordering::Release);
    }

    /// Whether the work was asked to stop.
    pub fn is_triggered(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// Phase of a long call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum Phase {
    /// Reading and decoding images; done and total count images.
    Load,
    /// Training; done and total count samples of the epoch.
    Train,
    /// Validating after an epoch; done and total count samples.
    Validate,
    /// Classifying; done and total count images.
    Classify,
    /// Drawing heatmaps; done and total count what goes through the network over all images of the call: tiles, or images.
    Heatmap,
    /// Evaluating, calibrating or localising, or measuring activations for 8 bits; done and total count images.
    Evaluate,
}

/// How far the work is.
#[derive(Clone, Debug)]
pub struct Update {
    /// What it is at.
    pub phase: Phase,
    /// Epoch, from 1; 0 outside training.
    pub epoch: u32,
    /// Epochs in all; 0 outside training.
    pub epochs: u32,
    /// Items of the phase done.
    pub done: u64,
    /// Items of the phase in all.
    pub total: u64,
    /// Mean loss of the epoch so far.
    pub loss: Option<f64>,
    /// Selecting figure of the best model so far.
    pub metric: Option<f64>,
    /// Estimated seconds until all is done.
    pub seconds_left: Option<f64>,
}

impl Update {
    /// An update outside training.
    pub fn new(phase: Phase, done: usize, total: usize) -> Self {
        Update {
            phase,
            epoch: 0,
            epochs: 0,
            done: done as u64,
            total: total as u64,
            loss: None,
            metric: None,
            seconds_left: None,
        }
    }
}

/// Receives updates; false stops the work.
pub type ProgressFn<'a> = Box<dyn FnMut(&Update) -> bool + 'a>;

/// The caller's hand on long work.
#[derive(Default)]
pub struct Control<'a> {
    progress: Option<ProgressFn<'a>>,
    cancel: Option<Cancel>,
}

impl<'a> Control<'a> {
    /// With a callback, a flag, both or neither.
    pub fn new(progress: Option<ProgressFn<'a>>, cancel: Option<Cancel>) -> Self {
        Control { progress, cancel }
    }

    /// Reports, and fails with `Cancelled` when the caller wants the work to stop.
    pub fn report(&mut self, update: &Update) -> Result<()> {
        self.check()?;
        if let Some(progress) = &mut self.progress {
            let before = generation();
            let goes_on = progress(update);
            if generation() != before {
                return Err(Error::forked());
            }
            if !goes_on {
                return Err(Error::cancelled());
            }
        }
        self.check()
    }

    /// Fails with `Cancelled` when the flag is raised.
    pub fn check(&self) -> Result<()> {
        match &self.cancel {
            Some(cancel) if cancel.is_triggered() => Err(Error::cancelled()),
            _ => Ok(()),
        }
    }

    /// For work on some of the `total` items of a phase of which `done` are done: what it reports, the caller gets as
    /// `report_steady` would say it.
    pub fn within<'b>(&'b mut self, phase: Phase, done: usize, total: usize, start: Instant) -> Control<'b> {
        let cancel = self.cancel.clone();
        let progress = move |_: &Update| self.report_steady(phase, done, total, start).is_ok();
        Control { progress: Some(Box::new(progress)), cancel }
    }

    /// Reports `done` of `total` items of a phase that began at `start` and goes on at the same speed.
    pub fn report_steady(&mut self, phase: Phase, done: usize, total: usize, start: Instant) -> Result<()> {
        let mut update = Update::new(phase, done, total);
        if done > 0 {
            update.seconds_left = Some(start.elapsed().as_secs_f64() * (total - done) as f64 / done as f64);
        }
        self.report(&update)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    #[test]
    fn a_callback_that_returns_false_stops() {
        let mut seen = 0;
        let mut control = Control::new(
            Some(Box::new(|update| {
                seen += 1;
                update.done < 2
            })),
            None,
        );
        assert!(control.report(&Update::new(Phase::Load, 1, 3)).is_ok());
        let error = control.report(&Update::new(Phase::Load, 2, 3)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Cancelled);
        drop(control);
        assert_eq!(seen, 2);
    }

    #[test]
    fn a_flag_raised_inside_the_callback_stops_at_once() {
        let cancel = Cancel::default();
        let inner = cancel.clone();
        let mut control = Control::new(
            Some(Box::new(move |_| {
                inner.trigger();
                true
            })),
            Some(cancel.clone()),
        );
        assert!(control.report(&Update::new(Phase::Train, 0, 1)).is_err());
        cancel.reset();
        assert!(control.check().is_ok());
    }
}
