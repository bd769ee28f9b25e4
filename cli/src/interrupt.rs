//! Ctrl-C: the first one asks the work to stop, the second one ends the program.

use crate::program::Failure;
use lens_base::Cancel;
use signal_hook::consts::SIGINT;
use signal_hook::flag;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

static REQUESTED: OnceLock<Arc<AtomicBool>> = OnceLock::new();

fn flag() -> &'static Arc<AtomicBool> {
    REQUESTED.get_or_init(Arc::default)
}

/// Also where SIGINT is ignored: a shell script's background job must be stoppable with kill -INT.
pub fn install() -> Result<(), Failure> {
    // In this order, so that the first one finds the flag down.
    flag::register_conditional_default(SIGINT, Arc::clone(flag()))
        .and_then(|_| flag::register(SIGINT, Arc::clone(flag())))
        .map(drop)
        .map_err(|error| Failure::Failed(format!("cannot be told of Ctrl-C: {error}")))
}

/// Raised by Ctrl-C.
pub fn cancel() -> Cancel {
    Cancel::from(Arc::clone(flag()))
}

/// Fails when Ctrl-C was pressed.
pub fn check() -> Result<(), Failure> {
    if flag().load(Ordering::Acquire) { Err(Failure::Cancelled) } else { Ok(()) }
}
