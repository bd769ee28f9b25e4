//! What outlives a call, in processes that fork: the child of a fork has the memory of its parent, but of its threads only the
//! one that forked, so that what other threads held stays held, and threads that did something are not there to do it.
//!
//! Nothing here waits for a thread of another process. Forks that pass the C library by (`_Fork`, the system call) are not
//! noticed.

use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, Ordering};
use std::sync::{Condvar, MutexGuard, PoisonError, TryLockError};
use std::thread::{Builder, JoinHandle};

/// Forks between the process that loaded this library and this one, and 1.
static GENERATION: AtomicU32 = AtomicU32::new(1);

/// A number that the child of a fork has other than its parent.
pub fn generation() -> u32 {
    GENERATION.load(Ordering::Relaxed)
}

/// Sees to it that forks are counted.
fn watch() {
    static WATCHED: AtomicBool = AtomicBool::new(false);
    extern "C" fn forked() {
        GENERATION.fetch_add(1, Ordering::Relaxed);
    }
    if !WATCHED.load(Ordering::Acquire) {
        // SAFETY: the function stores a number. It is taken back when this library is unloaded. Threads that come here at the
        // same time have it called twice, which does no harm, and none waits for another, which a fork could leave waiting.
        unsafe { libc::pthread_atfork(None, None, Some(forked)) };
        WATCHED.store(true, Ordering::Release);
    }
}

/// A value that each process has for itself. What a child inherited stays where it is: others may still use it.
pub struct PerProcess<T> {
    made: AtomicPtr<Made<T>>,
}

struct Made<T> {
    generation: u32,
    value: T,
}

// SAFETY: a value in a box, like any other.
unsafe impl<T: Send> Send for PerProcess<T> {}
// SAFETY: references to it are shared, and it is dropped by whichever thread drops this.
unsafe impl<T: Send + Sync> Sync for PerProcess<T> {}

impl<T> PerProcess<T> {
    /// With the value of this process.
    pub fn new(value: T) -> Self {
        watch();
        PerProcess { made: AtomicPtr::new(Made::boxed(value)) }
    }

    /// This process's value; in a child, made at its first use from what was inherited, by one thread.
    pub fn get(&self, remake: impl FnOnce(&T) -> T) -> &T {
        // SAFETY: from a box that is freed when this is dropped, or never.
        let made = unsafe { &*self.made.load(Ordering::Acquire) };
        if made.generation == generation() { &made.value } else { self.remade(remake) }
    }

    #[cold]
    fn remade(&self, remake: impl FnOnce(&T) -> T) -> &T {
        let _alone = Remaking::begin();
        // SAFETY: as above.
        let inherited = unsafe { &*self.made.load(Ordering::Acquire) };
        if inherited.generation == generation() {
            return &inherited.value;
        }
        let made = Made::boxed(remake(&inherited.value));
        self.made.store(made, Ordering::Release);
        // SAFETY: as above.
        unsafe { &(*made).value }
    }
}

impl<T> Made<T> {
    fn boxed(value: T) -> *mut Self {
        Box::into_raw(Box::new(Made { generation: generation(), value }))
    }
}

impl<T> Drop for PerProcess<T> {
    fn drop(&mut self) {
        let made = *self.made.get_mut();
        // SAFETY: from a box that nobody else frees. What was inherited is left alone.
        unsafe {
            if (*made).generation == generation() {
                drop(Box::from_raw(made));
            }
        }
    }
}

/// Held while a value is made for a child. Held by a thread of the parent it counts as free.
struct Remaking;

/// Generation of the holder.
static REMAKING: AtomicU32 = AtomicU32::new(0);

impl Remaking {
    fn begin() -> Self {
        let own = generation();
        loop {
            let holder = REMAKING.load(Ordering::Relaxed);
            let is_free = holder != own;
            if is_free && REMAKING.compare_exchange_weak(holder, own, Ordering::Acquire, Ordering::Relaxed).is_ok() {
                return Remaking;
            }
            std::thread::yield_now();
        }
    }
}

impl Drop for Remaking {
    fn drop(&mut self) {
        REMAKING.store(0, Ordering::Release);
    }
}

/// A lock over a value that outlives calls. In a child, a value that another thread was changing when the process forked is
/// lost, and the default is in its place.
pub struct Mutex<T: Default>(PerProcess<std::sync::Mutex<T>>);

impl<T: Default> Mutex<T> {
    /// Unlocked.
    pub fn new(value: T) -> Self {
        Mutex(PerProcess::new(std::sync::Mutex::new(value)))
    }

    /// Waits for other threads of this process.
    pub fn lock(&self) -> MutexGuard<'_, T> {
        lock(self.of_this_process())
    }

    fn of_this_process(&self) -> &std::sync::Mutex<T> {
        self.0.get(|inherited| {
            std::sync::Mutex::new(match inherited.try_lock() {
                Ok(mut value) => std::mem::take(&mut value),
                Err(TryLockError::Poisoned(value)) => std::mem::take(&mut value.into_inner()),
                Err(TryLockError::WouldBlock) => T::default(),
            })
        })
    }
}

impl<T: Default> Default for Mutex<T> {
    fn default() -> Self {
        Mutex::new(T::default())
    }
}

impl<T: Default> Drop for Mutex<T> {
    fn drop(&mut self) {
        // So that what was inherited is dropped where it can be.
        self.of_this_process();
    }
}

impl<T: Default + std::fmt::Debug> std::fmt::Debug for Mutex<T> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("Mutex").field(&*self.lock()).finish()
    }
}

/// Locks what a call or a process has for itself. A panic is passed on by the thread that panicked, not by its locks.
pub fn lock<T: ?Sized>(mutex: &std::sync::Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits until it is woken.
pub fn wait<'a, T>(condition: &Condvar, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
    condition.wait(guard).unwrap_or_else(PoisonError::into_inner)
}

/// Threads that end before the value is dropped. In a child, which does not have them, nothing is waited for.
pub struct Threads {
    generation: u32,
    running: Vec<JoinHandle<()>>,
}

impl Default for Threads {
    fn default() -> Self {
        watch();
        Threads { generation: generation(), running: Vec::new() }
    }
}

impl Threads {
    /// Starts one; false if the system has none left.
    pub fn start(&mut self, name: String, work: impl FnOnce() + Send + 'static) -> bool {
        let thread = Builder::new().name(name).spawn(work).ok();
        let is_started = thread.is_some();
        self.running.extend(thread);
        is_started
    }

    /// Waits until all have ended.
    pub fn join(&mut self) {
        for thread in self.running.drain(..) {
            if self.generation == generation() {
                // A panic was reported where it happened.
                let _ = thread.join();
            } else {
                // The thread is not there to be detached either.
                std::mem::forget(thread);
            }
        }
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.join();
    }
}

/// Runs `body` while each of `works` runs on a thread of its own; all have ended when it returns. In a child that was forked by
/// `body`, nothing is waited for, since only the thread that forked is there. Works for which there is no thread are left out.
pub fn beside<T>(works: Vec<impl FnOnce() + Send>, body: impl FnOnce() -> T) -> T {
    let mut threads = Threads::default();
    for work in works {
        // SAFETY: `threads` waits for it, also when `body` panics, before what it borrows ends; in a child there is no thread
        // that could use it.
        let thread = unsafe { Builder::new().spawn_unchecked(work) };
        threads.running.extend(thread);
    }
    body()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;
    use std::time::Duration;

    /// What a child did in the time that it had; none if it hung or crashed.
    fn forked(body: impl FnOnce() -> i32) -> Option<i32> {
        // SAFETY: the child runs `body` and ends without returning; an alarm ends it if it hangs.
        unsafe {
            match libc::fork() {
                0 => {
                    libc::alarm(20);
                    libc::_exit(std::panic::catch_unwind(std::panic::AssertUnwindSafe(body)).unwrap_or(99));
                }
                child => {
                    let mut status = 0;
                    assert_eq!(libc::waitpid(child, &raw mut status, 0), child);
                    libc::WIFEXITED(status).then(|| libc::WEXITSTATUS(status))
                }
            }
        }
    }

    /// Forks while another thread is in `hold`, which is given what to call when it holds what it holds.
    fn forked_while(hold: impl FnOnce(&dyn Fn()) + Send, body: impl FnOnce() -> i32) -> Option<i32> {
        let (holding, held) = channel();
        let (release, released) = channel::<()>();
        std::thread::scope(|scope| {
            scope.spawn(move || {
                hold(&|| {
                    holding.send(()).unwrap();
                    released.recv_timeout(Duration::from_secs(60)).unwrap();
                });
            });
            held.recv().unwrap();
            let code = forked(body);
            release.send(()).unwrap();
            code
        })
    }

    #[test]
    fn values_are_made_once_in_each_process() {
        let value = PerProcess::new(1);
        let next = || *value.get(|inherited| inherited + 1);
        assert_eq!(next(), 1);
        let child = forked(|| {
            let grandchild = forked(|| next() * 10 + next()).unwrap();
            let all = std::thread::scope(|scope| {
                let threads: Vec<_> = (0..8).map(|_| scope.spawn(next)).collect();
                threads.into_iter().all(|thread| thread.join().unwrap() == 2)
            });
            grandchild + i32::from(all) * 100
        });
        assert_eq!((child, next()), (Some(122), 1));
    }

    #[test]
    fn free_locks_keep_their_values_in_a_child() {
        let value = Mutex::new(vec![7]);
        assert_eq!(forked(|| value.lock()[0]), Some(7));
        assert_eq!(*value.lock(), [7]);
    }

    #[test]
    fn held_locks_are_free_in_a_child_and_empty() {
        let value = Mutex::new(vec![7]);
        let hold = |held: &dyn Fn()| {
            let mut value = value.lock();
            held();
            value.push(8);
        };
        let child = || {
            value.lock().push(1);
            let length = value.lock().len();
            // SAFETY: this process ends without dropping it again.
            drop(unsafe { std::ptr::read(&raw const value) });
            length as i32
        };
        assert_eq!(forked_while(hold, child), Some(1));
        assert_eq!(*value.lock(), [7, 8]);
    }

    #[test]
    fn inherited_threads_are_not_waited_for() {
        let (end, ended) = channel::<()>();
        let mut threads = Threads::default();
        assert!(threads.start("sleeper".into(), move || assert!(ended.recv().is_err())));
        let child = forked(|| {
            // SAFETY: this process ends without dropping them again.
            drop(unsafe { std::ptr::read(&raw const threads) });
            3
        });
        drop(end);
        assert_eq!(child, Some(3));
    }

    #[test]
    fn work_beside_is_waited_for_but_in_a_child() {
        let done = AtomicU32::new(0);
        let work = || {
            std::thread::sleep(Duration::from_millis(50));
            done.fetch_add(1, Ordering::SeqCst);
        };
        // SAFETY: the child ends below.
        let child = beside(vec![work; 3], || unsafe { libc::fork() });
        if child == 0 {
            // SAFETY: ends the child.
            unsafe { libc::_exit(5) };
        }
        assert_eq!(done.load(Ordering::SeqCst), 3);
        let mut status = 0;
        // SAFETY: the child of above, and room for its status.
        unsafe { libc::waitpid(child, &raw mut status, 0) };
        assert_eq!(libc::WEXITSTATUS(status), 5);
    }
}
