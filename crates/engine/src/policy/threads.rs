//! Threads, and how calls share a device.

use super::choice::{Choice, Deciding};

pub(super) fn threads(deciding: &Deciding) -> Choice<usize> {
    if deciding.request.threads > 0 {
        return Choice::new(deciding.request.threads as usize, "as asked for");
    }
    let allowed = deciding.probe.cpu.threads;
    match (allowed, deciding.probe.cpu.container_limit) {
        (Some(allowed), Some(limit)) if limit < allowed as f64 => Choice::new(
            // Rounded up: a thread more than the quota is throttled a little, a thread less leaves time unused.
            (limit.ceil() as usize).max(1),
            format!("the container is limited to {limit} of {allowed} processors"),
        ),
        (Some(allowed), _) => Choice::new(allowed, format!("the process may run on {allowed} processors")),
        (None, _) => Choice::new(1, "the number of processors is unknown"),
    }
}

/// Beyond what is free to the process, more threads at once would only wait for each other.
pub(super) fn concurrent_threads(deciding: &Deciding) -> Choice<usize> {
    let cpu = &deciding.probe.cpu;
    let limit = cpu.container_limit.map_or(usize::MAX, |limit| (limit.ceil() as usize).max(1));
    let free = cpu.threads.map_or(1, |allowed| allowed.min(limit));
    let threads = threads(deciding).value;
    if free < threads {
        return Choice::new(threads, "as many as one call has, by request");
    }
    Choice::new(free, "as many as the process may use")
}

pub(super) fn take_turns(deciding: &Deciding) -> Choice<bool> {
    Choice::asked_or(deciding.request.take_turns, || match deciding.vendor {
        Some(_) => {
            Choice::new(true, "so that no caller starves another, and one batch at a time fills the GPU's memory")
        }
        None => Choice::new(false, "processors are shared by the operating system"),
    })
}
