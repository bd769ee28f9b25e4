//! Callers that share a GPU take turns.

use parking_lot::{FairMutex, FairMutexGuard};

/// One batch at a time, first come, first served: a caller with ten thousand images and one with a single image get
/// every other batch. Without it, callers of a GPU would queue their work on its one stream in any order, and their
/// batches would have to fit into its memory together.
#[derive(Debug)]
pub(super) struct Turns(Option<FairMutex<()>>);

/// Held while it is one's turn; not held at all where nobody has to wait.
#[must_use]
#[derive(Debug)]
pub struct Turn<'a>(#[allow(dead_code, reason = "held for its drop")] Option<FairMutexGuard<'a, ()>>);

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
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    use std::time::Duration;

    #[test]
    fn one_at_a_time_and_nobody_starves() {
        const VISITS: usize = 5;
        let turns = Turns::new(true);
        let (inside, taken, done) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicBool::new(false));
        let visit = || {
            let _turn = turns.wait();
            assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0, "two at once");
            std::thread::sleep(Duration::from_millis(1));
            inside.fetch_sub(1, Ordering::SeqCst);
            taken.fetch_add(1, Ordering::SeqCst)
        };
        std::thread::scope(|scope| {
            for _ in 0..3 {
                // Callers with endless work.
                scope.spawn(|| {
                    while !done.load(Ordering::SeqCst) {
                        visit();
                    }
                });
            }
            let waits: Vec<usize> = (0..VISITS)
                .map(|_| {
                    let before = taken.load(Ordering::SeqCst);
                    visit() - before
                })
                .collect();
            done.store(true, Ordering::SeqCst);
            // Each of the three is ahead once; a busy machine may suspend this thread before it waits.
            assert!(waits.iter().sum::<usize>() < VISITS * 40, "{waits:?}");
        });
    }

    #[test]
    fn where_there_are_no_turns_nobody_waits() {
        let turns = Turns::new(false);
        let _first = turns.wait();
        let _second = turns.wait();
    }
}
