//! Work done ahead of time on other threads, handed over in order.

use lens_base::{Error, Result};
use lens_system::fork::{beside, generation};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

/// How many finished results each worker may have waiting.
const AHEAD: usize = 2;

/// Calls `produce(0)`, ..., `produce(count - 1)` on `workers` threads, and `consume` with each result on this thread, in
/// order, with the time that was spent waiting for it. Worker k makes every `workers`-th result, so memory is bounded
/// by the few results that are ahead. Ends early when `consume` fails.
pub fn ordered<T: Send>(
    count: usize,
    workers: usize,
    produce: impl Fn(usize) -> T + Sync,
    mut consume: impl FnMut(usize, T, Duration) -> Result<()>,
) -> Result<()> {
    let workers = workers.clamp(1, count.max(1));
    let produce = &produce;
    let (works, results): (Vec<_>, Vec<Receiver<T>>) = (0..workers)
        .map(|worker| {
            let (sender, receiver) = sync_channel(AHEAD);
            let work = move || {
                for index in (worker..count).step_by(workers) {
                    // The receiver is dropped when consuming failed; the rest is not needed.
                    if sender.send(produce(index)).is_err() {
                        break;
                    }
                }
            };
            (work, receiver)
        })
        .unzip();
    let process = generation();
    beside(works, move || {
        for index in 0..count {
            // There is nobody to wait for in a child that `consume` forked.
            if generation() != process {
                return Err(Error::forked());
            }
            let start = Instant::now();
            let result = results[index % workers]
                .recv()
                .map_err(|_| Error::internal("a thread that prepares images stopped unexpectedly"))?;
            consume(index, result, start.elapsed())?;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn result_order() {
        let mut seen = Vec::new();
        ordered(
            100,
            7,
            |index| index * index,
            |index, square, _| {
                assert_eq!(square, index * index);
                seen.push(index);
                Ok(())
            },
        )
        .unwrap();
        assert_eq!(seen, (0..100).collect::<Vec<_>>());
        ordered(0, 4, |_| (), |_, (), _| Ok(())).unwrap();
    }

    #[test]
    fn failing_consumer() {
        let made = AtomicUsize::new(0);
        let result = ordered(
            1_000_000,
            3,
            |_| made.fetch_add(1, Ordering::Relaxed),
            |index, _, _| if index == 5 { Err(Error::cancelled()) } else { Ok(()) },
        );
        assert!(result.is_err());
        assert!(made.load(Ordering::Relaxed) < 100);
    }
}
