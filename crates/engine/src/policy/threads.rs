//! Numbers of threads, and queueing of calls.

use super::decision::{Decision, DecisionInputs};

pub(super) fn threads(inputs: &DecisionInputs) -> Decision<usize> {
    if inputs.request.threads > 0 {
        return Decision::new(inputs.request.threads as usize, "as asked for");
    }
    let allowed = inputs.probe.cpu.threads;
    match (allowed, inputs.probe.cpu.container_limit) {
        (Some(allowed), Some(limit)) if limit < allowed as f64 => Decision::new(
            // Rounded up: with a thread more than the quota there is a little throttling, with one less unused time.
            (limit.ceil() as usize).max(1),
            format!("the container is limited to {limit} of {allowed} processors"),
        ),
        (Some(allowed), _) => Decision::new(allowed, format!("the process may run on {allowed} processors")),
        (None, _) => Decision::new(1, "the number of processors is unknown"),
    }
}

/// More threads than the process may use would only wait for each other.
pub(super) fn concurrent_threads(inputs: &DecisionInputs) -> Decision<usize> {
    let cpu = &inputs.probe.cpu;
    let limit = cpu.container_limit.map_or(usize::MAX, |limit| (limit.ceil() as usize).max(1));
    let free = cpu.threads.map_or(1, |allowed| allowed.min(limit));
    let threads = threads(inputs).value;
    if free < threads {
        return Decision::new(threads, "as many as one call has, by request");
    }
    Decision::new(free, "as many as the process may use")
}

pub(super) fn take_turns(inputs: &DecisionInputs) -> Decision<bool> {
    Decision::asked_or(inputs.request.take_turns, || match inputs.vendor {
        Some(_) => {
            Decision::new(true, "so that no caller starves another, and one batch at a time fills the GPU's memory")
        }
        None => Decision::new(false, "processors are shared by the operating system"),
    })
}
