//! The thread pool of a context. A call's tasks are started in order by the calling thread and by idle threads of the
//! pool; a task may depend on earlier ones. Idle threads sleep. Each process has threads of its own, also after a fork.

use lens_system::fork::{PerProcess, Threads, lock, wait};
use once_cell::race::OnceBox;
use std::any::Any;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

/// Iterations of a waiting thread's spin loop, each about 50 nanoseconds, before it yields.
const SPINS: usize = 300;
/// Times a waiting thread yields before it sleeps.
const YIELDS: usize = 20;

/// Threads that concurrent calls share.
pub struct Pool {
    threads: usize,
    capacity: usize,
    /// Started at the first call.
    workers: PerProcess<OnceBox<Workers>>,
}

/// The threads of a pool in one process.
struct Workers {
    shared: Arc<PoolShared>,
    running: Threads,
}

struct PoolShared {
    state: Mutex<PoolState>,
    changed: Condvar,
    /// While there is only one, threads do not look for another that has fewer threads.
    unfinished_jobs: AtomicUsize,
    /// Threads that compute at the same time, of all calls together.
    capacity: usize,
}

#[derive(Default)]
struct PoolState {
    jobs: Vec<Arc<Job>>,
    computing: usize,
    /// Threads that sleep because `capacity` threads compute.
    waiting_for_capacity: usize,
    shutting_down: bool,
}

/// Called with a worker slot of the job and the number of the task.
type Work<'a> = dyn Fn(usize, usize) + Sync + 'a;

struct Job {
    /// Its lifetime is that of the call of `Pool::run`, which returns after the last call of it.
    work: *const Work<'static>,
    /// Which tasks must be finished before each.
    dependencies: Vec<Range<usize>>,
    next: AtomicUsize,
    done: Vec<AtomicBool>,
    done_count: AtomicUsize,
    /// Threads that sleep until a task is finished.
    sleepers: AtomicUsize,
    sleep: Mutex<()>,
    wake: Condvar,
    /// Worker slots, 0 to the number of threads, that no thread holds.
    free_slots: Mutex<Vec<usize>>,
    panic: Mutex<Option<Box<dyn Any + Send>>>,
}

// SAFETY: `work` may be called from any thread (it is Sync) and is, as `Pool::run` sees to, not called after its end;
// everything else in a Job is Send and Sync by itself.
unsafe impl Send for Job {}
// SAFETY: as above.
unsafe impl Sync for Job {}

impl Pool {
    /// For calls of `threads` threads, the calling one included, of which `capacity` compute at the same time if
    /// several calls share the pool.
    pub fn new(threads: usize, capacity: usize) -> Self {
        let capacity = capacity.max(threads);
        Pool { threads, capacity, workers: PerProcess::new(OnceBox::new()) }
    }

    /// Its threads in this process.
    fn shared(&self) -> &PoolShared {
        let workers = self.workers.get(|_| OnceBox::new());
        &workers.get_or_init(|| Box::new(Workers::start(self.threads, self.capacity))).shared
    }

    /// Threads of a call.
    pub fn threads(&self) -> usize {
        self.threads
    }

    /// Runs `work` for each task, with a worker slot below `threads` that no other thread of this call holds.
    /// `dependencies[task]` are earlier tasks, which are finished when it starts. A panic of `work` is resumed here
    /// after all tasks have run.
    pub fn run(&self, dependencies: Vec<Range<usize>>, work: &Work<'_>) {
        let count = dependencies.len();
        let shared = self.shared();
        debug_assert!(
            dependencies
                .iter()
                .enumerate()
                .all(|(task, dependencies)| dependencies.is_empty() || dependencies.end <= task)
        );
        // SAFETY: only the lifetime changes; this function waits until all tasks are done, and no thread calls `work` but
        // for a task that it took and has not yet marked as done.
        let work = unsafe { std::mem::transmute::<*const Work<'_>, *const Work<'static>>(work) };
        let job = Arc::new(Job {
            work,
            dependencies,
            next: AtomicUsize::new(0),
            done: (0..count).map(|_| AtomicBool::new(false)).collect(),
            done_count: AtomicUsize::new(0),
            sleepers: AtomicUsize::new(0),
            sleep: Mutex::new(()),
            wake: Condvar::new(),
            free_slots: Mutex::new((0..self.threads).rev().collect()),
            panic: Mutex::new(None),
        });
        shared.unfinished_jobs.fetch_add(1, Ordering::Relaxed);
        let mut state = lock(&shared.state);
        state.jobs.push(Arc::clone(&job));
        if count > 1 {
            shared.changed.notify_all();
        }
        // The calling thread takes part as soon as fewer than `capacity` threads compute.
        while !job.all_started() {
            if state.computing < shared.capacity
                && let Some(slot) = job.take_slot()
            {
                state.computing += 1;
                drop(state);
                while job.run_next(slot) {}
                state = lock(&shared.state);
                shared.release_slot(&mut state, &job, slot);
            } else {
                state = shared.wait_for_capacity(state);
            }
        }
        state.jobs.retain(|other| !Arc::ptr_eq(other, &job));
        drop(state);
        shared.unfinished_jobs.fetch_sub(1, Ordering::Relaxed);
        job.wait_until(|| job.done_count.load(Ordering::Acquire) == count);
        if let Some(panic) = lock(&job.panic).take() {
            resume_unwind(panic);
        }
    }
}

impl Workers {
    fn start(threads: usize, capacity: usize) -> Self {
        let shared = Arc::new(PoolShared {
            state: Mutex::default(),
            changed: Condvar::new(),
            unfinished_jobs: AtomicUsize::new(0),
            capacity,
        });
        let mut running = Threads::default();
        for index in 1..threads {
            let shared = Arc::clone(&shared);
            // If a thread cannot be started, the others do its work.
            running.start(format!("lens-{index}"), move || shared.worker_loop());
        }
        Workers { shared, running }
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        lock(&self.shared.state).shutting_down = true;
        self.shared.changed.notify_all();
        self.running.join();
    }
}

impl PoolShared {
    fn worker_loop(&self) {
        let mut state = lock(&self.state);
        while !state.shutting_down {
            // The job with the fewest threads first.
            let jobs = state.jobs.iter().filter(|job| !job.all_started());
            let Some(job) = jobs.max_by_key(|job| lock(&job.free_slots).len()).cloned() else {
                state = wait(&self.changed, state);
                continue;
            };
            let slot = if state.computing < self.capacity { job.take_slot() } else { None };
            let Some(slot) = slot else {
                state = self.wait_for_capacity(state);
                continue;
            };
            state.computing += 1;
            drop(state);
            while job.run_next(slot) && self.unfinished_jobs.load(Ordering::Relaxed) == 1 {}
            state = lock(&self.state);
            self.release_slot(&mut state, &job, slot);
        }
    }

    fn wait_for_capacity<'a>(&self, mut state: MutexGuard<'a, PoolState>) -> MutexGuard<'a, PoolState> {
        state.waiting_for_capacity += 1;
        state = wait(&self.changed, state);
        state.waiting_for_capacity -= 1;
        state
    }

    fn release_slot(&self, state: &mut PoolState, job: &Job, slot: usize) {
        lock(&job.free_slots).push(slot);
        state.computing -= 1;
        if state.waiting_for_capacity > 0 {
            self.changed.notify_all();
        }
    }
}

impl Job {
    fn take_slot(&self) -> Option<usize> {
        lock(&self.free_slots).pop()
    }

    /// Whether all tasks were started.
    fn all_started(&self) -> bool {
        self.next.load(Ordering::Relaxed) >= self.dependencies.len()
    }

    /// Runs the next task, if any. Tasks are started in order, so its dependencies are finished or running.
    fn run_next(&self, slot: usize) -> bool {
        let task = self.next.fetch_add(1, Ordering::Relaxed);
        let Some(dependencies) = self.dependencies.get(task) else {
            return false;
        };
        for dependency in dependencies.clone() {
            self.wait_until(|| self.done[dependency].load(Ordering::SeqCst));
        }
        // SAFETY: this task is not marked as done, so `Pool::run` has not returned.
        let work = unsafe { &*self.work };
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| work(slot, task))) {
            lock(&self.panic).get_or_insert(panic);
        }
        self.done[task].store(true, Ordering::SeqCst);
        self.done_count.fetch_add(1, Ordering::SeqCst);
        // SeqCst on both sides: a sleeper is counted before its last check of `done`, so no wake-up is lost.
        if self.sleepers.load(Ordering::SeqCst) > 0 {
            drop(lock(&self.sleep));
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
        let mut guard = lock(&self.sleep);
        self.sleepers.fetch_add(1, Ordering::SeqCst);
        while !ready() {
            guard = wait(&self.wake, guard);
        }
        self.sleepers.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn tasks_start_after_their_dependencies() {
        for threads in [1, 2, 5] {
            let pool = Pool::new(threads, threads);
            let done: Vec<AtomicBool> = (0..200).map(|_| AtomicBool::new(false)).collect();
            let dependencies: Vec<Range<usize>> = (0..200usize).map(|task| task.saturating_sub(7)..task / 2).collect();
            pool.run(dependencies.clone(), &|slot, task| {
                assert!(slot < threads);
                assert!(
                    dependencies[task].clone().all(|dependency| done[dependency].load(Ordering::Relaxed)),
                    "{task}"
                );
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
    fn worker_slots_are_exclusive_and_capacity_is_respected() {
        let (threads, capacity) = (3, 4);
        let pool = Pool::new(threads, capacity);
        let computing = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..6 {
                scope.spawn(|| {
                    let free_slots: Vec<AtomicBool> = (0..threads).map(|_| AtomicBool::new(false)).collect();
                    let finished = AtomicUsize::new(0);
                    pool.run(vec![0..0; 40], &|slot, _| {
                        assert!(!free_slots[slot].swap(true, Ordering::SeqCst));
                        assert!(computing.fetch_add(1, Ordering::SeqCst) < capacity);
                        std::thread::sleep(Duration::from_micros(200));
                        computing.fetch_sub(1, Ordering::SeqCst);
                        free_slots[slot].store(false, Ordering::SeqCst);
                        finished.fetch_add(1, Ordering::SeqCst);
                    });
                    assert_eq!(finished.into_inner(), 40);
                });
            }
        });
    }

    #[test]
    fn panic_is_resumed_after_all_tasks_and_pool_stays_usable() {
        let pool = Pool::new(2, 2);
        let finished = AtomicUsize::new(0);
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            pool.run(vec![0..0; 20], &|_, task| {
                assert!(task != 3, "task three");
                finished.fetch_add(1, Ordering::SeqCst);
            });
        }));
        assert_eq!(outcome.unwrap_err().downcast_ref::<&str>(), Some(&"task three"));
        assert_eq!(finished.load(Ordering::SeqCst), 19);
        pool.run(vec![0..0; 5], &|_, _| {
            finished.fetch_add(1, Ordering::SeqCst);
        });
        assert_eq!(finished.into_inner(), 24);
    }

    #[test]
    fn empty_run_returns() {
        Pool::new(2, 2).run(Vec::new(), &|_, _| unreachable!());
    }
}
