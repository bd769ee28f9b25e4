//! Callers that share a GPU take turns.

use parking_lot::{FairMutex, FairMutexGuard};

/// One batch at a time, first come, first served: a caller with ten thousand images and one with a single image get
/// every other batch. Without it, callers of a GPU would queue their work on its one stream in any order, and their
/// batches would have to fit into its memory together.
#[derive(Debug)]
pub(crate) struct Turns(Option<FairMutex<()>>);

/// Held while it is one's turn; not held at all where nobody has to wait.
#[must_use]
#[derive(Debug)]
pub(crate) struct Turn<'a>(#[allow(dead_code, reason = "held for its drop")] Option<FairMutexGuard<'a, ()>>);

impl Turns {
    pub fn new(wanted: bool) -> Self {
        Turns(wanted.then(FairMutex::default))
    }

    pub fn wait(&self) -> Turn<'_> {
        Turn(self.0.as_ref().map(FairMutex::lock))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn one_at_a_time() {
        let turns = Turns::new(true);
        let inside = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        let _turn = turns.wait();
                        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0, "two at once");
                        std::thread::yield_now();
                        inside.fetch_sub(1, Ordering::SeqCst);
                    }
                });
            }
        });
    }

    #[test]
    fn where_there_are_no_turns_nobody_waits() {
        let turns = Turns::new(false);
        let _first = turns.wait();
        let _second = turns.wait();
    }
}
