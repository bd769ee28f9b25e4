//! A queue in front of a device that several callers share.

use parking_lot::{FairMutex, FairMutexGuard};

/// One batch at a time, first in, first out: a caller with ten thousand images and one with a single image get every other
/// batch. Without it, callers would enqueue their work on the GPU's one stream in any order, and their batches would have
/// to fit into its memory together.
#[derive(Debug)]
pub(crate) struct DeviceQueue(Option<FairMutex<()>>);

/// Held while the caller has the device; empty if calls are not queued.
#[must_use]
#[derive(Debug)]
pub(crate) struct DeviceGuard<'a>(#[allow(dead_code, reason = "held for its drop")] Option<FairMutexGuard<'a, ()>>);

impl DeviceQueue {
    /// If not `enabled`, nobody waits.
    pub fn new(enabled: bool) -> Self {
        DeviceQueue(enabled.then(FairMutex::default))
    }

    /// Waits until callers that came before are done.
    pub fn acquire(&self) -> DeviceGuard<'_> {
        DeviceGuard(self.0.as_ref().map(FairMutex::lock))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::{Path, PathBuf};
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Mutex, mpsc};

    #[test]
    fn one_caller_at_a_time() {
        let queue = DeviceQueue::new(true);
        let inside = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        let _guard = queue.acquire();
                        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0, "two at once");
                        std::thread::yield_now();
                        inside.fetch_sub(1, Ordering::SeqCst);
                    }
                });
            }
        });
    }

    /// `thread` is relative to /proc.
    fn wait_until_asleep(thread: &Path) {
        let stat = Path::new("/proc").join(thread).join("stat");
        // "1234 (name) S ...", S for sleeping.
        while !std::fs::read_to_string(&stat).unwrap().rsplit(") ").next().unwrap().starts_with('S') {
            std::thread::yield_now();
        }
    }

    /// A mutex that is not fair fails this: parking_lot's plain one gives the device to the caller that asks again in a
    /// third of the rounds, before the other has woken up. A thread can sleep on its way into the queue, too, so that a few
    /// rounds prove nothing.
    #[test]
    fn waiting_caller_goes_before_one_that_asks_again() {
        const ROUNDS: usize = 200;
        let queue = &DeviceQueue::new(true);
        let in_order = (0..ROUNDS).filter(|_| {
            let order = &Mutex::new(Vec::new());
            let first = queue.acquire();
            std::thread::scope(|scope| {
                let (sender, receiver) = mpsc::channel::<PathBuf>();
                scope.spawn(move || {
                    sender.send(std::fs::read_link("/proc/thread-self").unwrap()).unwrap();
                    let _guard = queue.acquire();
                    order.lock().unwrap().push("waiting");
                });
                wait_until_asleep(&receiver.recv().unwrap());
                drop(first);
                let _again = queue.acquire();
                order.lock().unwrap().push("again");
            });
            *order.lock().unwrap() == ["waiting", "again"]
        });
        let in_order = in_order.count();
        assert!(in_order >= ROUNDS * 9 / 10, "{in_order} of {ROUNDS} rounds in the order of asking");
    }

    #[test]
    fn disabled_queue_does_not_block() {
        let queue = DeviceQueue::new(false);
        let _first = queue.acquire();
        let _second = queue.acquire();
    }
}
