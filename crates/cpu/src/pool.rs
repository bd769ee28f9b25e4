//! Threads of a context. A call's tasks are begun in order by its own thread and by those of the pool that are free; a
//! task may wait for earlier ones. Threads that have nothing to do sleep.

use parking_lot::{Condvar, Mutex, MutexGuard};
use std::any::Any;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;

/// Turns of a waiting thread's loop, each about 50 nanoseconds, before it lets others run.
const SPINS: usize = 300;
/// Times it lets others run before it sleeps.
const YIELDS: usize = 20;

/// Threads that concurrent calls share.
pub struct Pool {
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    /// Jobs that are not finished: a thread looks whether another job is worse off only when there is one.
    open: AtomicUsize,
    /// Threads that compute at once, of all calls together.
    capacity: usize,
    /// Of one call.
    threads: usize,
}

#[derive(Default)]
struct State {
    jobs: Vec<Arc<Job>>,
    computing: usize,
    /// Threads that sleep because enough others compute.
    held_back: usize,
    closing: bool,
}

/// Called with the number of the thread among the job's and the number of the task.
type Work<'a> = dyn Fn(usize, usize) + Sync + 'a;

struct Job {
    /// Its lifetime is `Pool::run`'s, which returns when no thread will call it any more.
    work: *const Work<'static>,
    /// Which tasks have to be done before each.
    needs: Vec<Range<usize>>,
    next: AtomicUsize,
    done: Vec<AtomicBool>,
    done_count: AtomicUsize,
    /// Threads that sleep until a task is done.
    sleepers: AtomicUsize,
    sleep: Mutex<()>,
    wake: Condvar,
    /// Numbers that no thread has.
    seats: Mutex<Vec<usize>>,
    panic: Mutex<Option<Box<dyn Any + Send>>>,
}

// SAFETY: `work` may be called from any thread (it is Sync) and is, as `Pool::run` sees to, not called after its end;
// everything else in a Job is Send and Sync by itself.
unsafe impl Send for Job {}
// SAFETY: as above.
unsafe impl Sync for Job {}

impl Pool {
    /// For calls of `threads` threads, its own included, of which `capacity` compute at once when several calls share it.
    pub fn new(threads: usize, capacity: usize) -> Self {
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            changed: Condvar::new(),
            open: AtomicUsize::new(0),
            capacity: capacity.max(threads),
            threads,
        });
        let workers = (1..threads)
            .filter_map(|index| {
                let shared = Arc::clone(&shared);
                // With fewer threads than asked for the work takes longer and is done all the same.
                std::thread::Builder::new().name(format!("lens-{index}")).spawn(move || shared.serve()).ok()
            })
            .collect();
        Pool { shared, workers }
    }

    /// Threads of a call.
    pub fn threads(&self) -> usize {
        self.shared.threads
    }

    /// Runs `work` for each task, with a number below `threads` that no other thread has at the time. `needs[task]` are
    /// tasks before it, which are done when it begins. A panic of `work` goes on here when all tasks are through.
    pub fn run(&self, needs: Vec<Range<usize>>, work: &Work<'_>) {
        let count = needs.len();
        debug_assert!(needs.iter().enumerate().all(|(task, needs)| needs.is_empty() || needs.end <= task));
        // SAFETY: only the lifetime changes; this function waits until all tasks are done, and no thread calls `work` but
        // for a task that it took and has not yet marked as done.
        let work = unsafe { std::mem::transmute::<*const Work<'_>, *const Work<'static>>(work) };
        let job = Arc::new(Job {
            work,
            needs,
            next: AtomicUsize::new(0),
            done: (0..count).map(|_| AtomicBool::new(false)).collect(),
            done_count: AtomicUsize::new(0),
            sleepers: AtomicUsize::new(0),
            sleep: Mutex::new(()),
            wake: Condvar::new(),
            seats: Mutex::new((0..self.shared.threads).rev().collect()),
            panic: Mutex::new(None),
        });
        self.shared.open.fetch_add(1, Ordering::Relaxed);
        let mut state = self.shared.state.lock();
        state.jobs.push(Arc::clone(&job));
        if count > 1 {
            self.shared.changed.notify_all();
        }
        // The call's own thread takes part as soon as fewer threads compute than may.
        while !job.is_taken() {
            if state.computing < self.shared.capacity
                && let Some(seat) = job.seat()
            {
                state.computing += 1;
                drop(state);
                while job.do_next(seat) {}
                state = self.shared.state.lock();
                self.shared.leave(&mut state, &job, seat);
            } else {
                self.shared.hold_back(&mut state);
            }
        }
        state.jobs.retain(|other| !Arc::ptr_eq(other, &job));
        drop(state);
        self.shared.open.fetch_sub(1, Ordering::Relaxed);
        job.wait_until(|| job.done_count.load(Ordering::Acquire) == count);
        if let Some(panic) = job.panic.lock().take() {
            resume_unwind(panic);
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.state.lock().closing = true;
        self.shared.changed.notify_all();
        for worker in self.workers.drain(..) {
            // Panics of tasks are caught, so the thread has none to report.
            let _ = worker.join();
        }
    }
}

impl Shared {
    fn serve(&self) {
        let mut state = self.state.lock();
        while !state.closing {
            // The job with the fewest threads comes first.
            let jobs = state.jobs.iter().filter(|job| !job.is_taken());
            let Some(job) = jobs.max_by_key(|job| job.seats.lock().len()).cloned() else {
                self.changed.wait(&mut state);
                continue;
            };
            let seat = if state.computing < self.capacity { job.seat() } else { None };
            let Some(seat) = seat else {
                self.hold_back(&mut state);
                continue;
            };
            state.computing += 1;
            drop(state);
            while job.do_next(seat) && self.open.load(Ordering::Relaxed) == 1 {}
            state = self.state.lock();
            self.leave(&mut state, &job, seat);
        }
    }

    fn hold_back(&self, state: &mut MutexGuard<State>) {
        state.held_back += 1;
        self.changed.wait(state);
        state.held_back -= 1;
    }

    fn leave(&self, state: &mut State, job: &Job, seat: usize) {
        job.seats.lock().push(seat);
        state.computing -= 1;
        if state.held_back > 0 {
            self.changed.notify_all();
        }
    }
}

impl Job {
    fn seat(&self) -> Option<usize> {
        self.seats.lock().pop()
    }

    /// Whether all tasks are begun.
    fn is_taken(&self) -> bool {
        self.next.load(Ordering::Relaxed) >= self.needs.len()
    }

    /// Does the next task, if there is one. Tasks are begun in order, so those that it waits for are being done.
    fn do_next(&self, seat: usize) -> bool {
        let task = self.next.fetch_add(1, Ordering::Relaxed);
        let Some(needs) = self.needs.get(task) else {
            return false;
        };
        for need in needs.clone() {
            self.wait_until(|| self.done[need].load(Ordering::SeqCst));
        }
        // SAFETY: this task is not marked as done, so `Pool::run` has not returned.
        let work = unsafe { &*self.work };
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| work(seat, task))) {
            self.panic.lock().get_or_insert(panic);
        }
        self.done[task].store(true, Ordering::SeqCst);
        self.done_count.fetch_add(1, Ordering::SeqCst);
        // A sleeper counts itself before it looks at the task for the last time: one of the two sees the other.
        if self.sleepers.load(Ordering::SeqCst) > 0 {
            drop(self.sleep.lock());
            self.wake.notify_all();
        }
        true
    }

    fn wait_until(&self, ready: impl Fn() -> bool) {
        for _ in 0..SPINS {
            if ready() {
                return;
            }
            std::hint::spin_loop();
        }
        for _ in 0..YIELDS {
            if ready() {
                return;
            }
            std::thread::yield_now();
        }
        let mut guard = self.sleep.lock();
        self.sleepers.fetch_add(1, Ordering::SeqCst);
        while !ready() {
            self.wake.wait(&mut guard);
        }
        self.sleepers.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_task_begins_when_those_it_needs_are_done() {
        for threads in [1, 2, 5] {
            let pool = Pool::new(threads, threads);
            let done: Vec<AtomicBool> = (0..200).map(|_| AtomicBool::new(false)).collect();
            let needs: Vec<Range<usize>> = (0..200usize).map(|task| task.saturating_sub(7)..task / 2).collect();
            pool.run(needs.clone(), &|seat, task| {
                assert!(seat < threads);
                assert!(needs[task].clone().all(|need| done[need].load(Ordering::Relaxed)), "{task}");
                if task % 13 == 0 {
                    // Long enough that waiting threads go to sleep.
                    std::thread::sleep(Duration::from_millis(2));
                }
                assert!(!done[task].swap(true, Ordering::Relaxed), "{task} twice");
            });
            assert!(done.iter().all(|done| done.load(Ordering::Relaxed)));
        }
    }

    #[test]
    fn no_seat_is_taken_twice_and_no_more_threads_compute_than_may() {
        let (threads, capacity) = (3, 4);
        let pool = Pool::new(threads, capacity);
        let computing = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..6 {
                scope.spawn(|| {
                    let seats: Vec<AtomicBool> = (0..threads).map(|_| AtomicBool::new(false)).collect();
                    let through = AtomicUsize::new(0);
                    pool.run(vec![0..0; 40], &|seat, _| {
                        assert!(!seats[seat].swap(true, Ordering::SeqCst));
                        assert!(computing.fetch_add(1, Ordering::SeqCst) < capacity);
                        std::thread::sleep(Duration::from_micros(200));
                        computing.fetch_sub(1, Ordering::SeqCst);
                        seats[seat].store(false, Ordering::SeqCst);
                        through.fetch_add(1, Ordering::SeqCst);
                    });
                    assert_eq!(through.into_inner(), 40);
                });
            }
        });
    }

    #[test]
    fn a_panic_reaches_the_caller_after_the_other_tasks_and_the_pool_goes_on() {
        let pool = Pool::new(2, 2);
        let through = AtomicUsize::new(0);
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            pool.run(vec![0..0; 20], &|_, task| {
                assert!(task != 3, "task three");
                through.fetch_add(1, Ordering::SeqCst);
            });
        }));
        assert_eq!(outcome.unwrap_err().downcast_ref::<&str>(), Some(&"task three"));
        assert_eq!(through.load(Ordering::SeqCst), 19);
        pool.run(vec![0..0; 5], &|_, _| {
            through.fetch_add(1, Ordering::SeqCst);
        });
        assert_eq!(through.into_inner(), 24);
    }

    #[test]
    fn nothing_to_do_is_done_at_once() {
        Pool::new(2, 2).run(Vec::new(), &|_, _| unreachable!());
    }
}
