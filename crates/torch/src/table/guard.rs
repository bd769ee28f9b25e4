//! The wrapper of every function of the table, and the last error message of each thread.

use crate::error::{Result, catch};
use lens_engine::torch_table::RawText;
use std::cell::{Cell, RefCell};
use std::sync::Once;

thread_local! {
    static LAST_ERROR: RefCell<String> = const { RefCell::new(String::new()) };
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// Runs the body of a function and catches panics. Returns 0, or the code of the error's kind, and stores its message.
pub(super) fn guard(body: impl FnOnce() -> Result<()>) -> i32 {
    silence_panics();
    let was_inside = INSIDE.try_with(|inside| inside.replace(true)).unwrap_or(true);
    let outcome = catch(body);
    let _ = INSIDE.try_with(|inside| inside.set(was_inside));
    match outcome {
        Ok(()) => 0,
        Err(error) => {
            // During thread exit the thread-local may be destroyed; nobody can ask for the message then.
            let _ = LAST_ERROR.try_with(|slot| slot.replace(error.message().to_string()));
            error.kind().code()
        }
    }
}

/// The message of this thread's last error.
pub(super) extern "C" fn last_error() -> RawText {
    const NONE: &str = "";
    LAST_ERROR.try_with(|slot| RawText::of(slot.borrow().as_str())).unwrap_or(RawText::of(NONE))
}

/// Rust's default hook prints panics to standard error; panics that are returned as errors must not be printed in a
/// embedding program's process. The hook belongs to the standard library inside this library, so no other Rust code of
/// the process is affected.
fn silence_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !INSIDE.try_with(Cell::get).unwrap_or(false) {
                before(panic);
            }
        }));
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;
    use lens_base::ErrorKind;

    fn message() -> String {
        let text = last_error();
        // SAFETY: this thread's own message, which nothing replaces in between.
        String::from_utf8(unsafe { std::slice::from_raw_parts(text.data, text.length) }.to_vec()).unwrap()
    }

    #[test]
    fn panic_becomes_internal_error() {
        assert_eq!(guard(|| panic!("shape [3] is not [4]")), ErrorKind::Internal.code());
        assert_eq!(message(), "shape [3] is not [4]");
    }

    #[test]
    fn failed_allocation_is_out_of_memory() {
        let code = guard(|| panic!("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"));
        assert_eq!(code, ErrorKind::OutOfMemory.code());
    }

    #[test]
    fn messages_are_per_thread_and_kept_by_success() {
        assert_eq!(guard(|| Err(Error::argument("mine"))), ErrorKind::Argument.code());
        std::thread::spawn(|| assert_eq!(message(), "")).join().unwrap();
        assert_eq!(guard(|| Ok(())), 0);
        assert_eq!(message(), "mine");
    }
}
