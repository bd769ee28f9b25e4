//! The one wrapper of every function of the table, and the message of the last error of each thread.

use crate::error::{Result, catch};
use lens_engine::torch_table::RawText;
use std::cell::{Cell, RefCell};
use std::sync::Once;

thread_local! {
    static LAST_ERROR: RefCell<String> = const { RefCell::new(String::new()) };
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// Runs the body of a function: no panic leaves it. Returns 0, or the code of the error's kind with its message kept.
pub(super) fn guard(body: impl FnOnce() -> Result<()>) -> i32 {
    silence_panics();
    let was_inside = INSIDE.try_with(|inside| inside.replace(true)).unwrap_or(true);
    let outcome = catch(body);
    let _ = INSIDE.try_with(|inside| inside.set(was_inside));
    match outcome {
        Ok(()) => 0,
        Err(error) => {
            // During thread exit the place may be gone; there is nobody left to ask for the message then.
            let _ = LAST_ERROR.try_with(|place| place.replace(error.message().to_string()));
            error.kind().code()
        }
    }
}

/// Why this thread's last call failed.
pub(super) extern "C" fn last_error() -> RawText {
    const NONE: &str = "";
    LAST_ERROR.try_with(|place| RawText::of(place.borrow().as_str())).unwrap_or(RawText::of(NONE))
}

/// Rust's default hook prints panics to standard error; a library in somebody's process must not print those that come
/// back as errors. The hook belongs to the copy of the standard library inside this library, so no other Rust code of the
/// process is affected.
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
    fn a_panic_becomes_an_internal_error_with_its_message() {
        assert_eq!(guard(|| panic!("shape [3] is not [4]")), ErrorKind::Internal.code());
        assert_eq!(message(), "shape [3] is not [4]");
    }

    #[test]
    fn a_failed_allocation_of_libtorch_is_told_from_a_defect() {
        let code = guard(|| panic!("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"));
        assert_eq!(code, ErrorKind::OutOfMemory.code());
    }

    #[test]
    fn each_thread_has_its_own_message_which_success_leaves_alone() {
        assert_eq!(guard(|| Err(Error::argument("mine"))), ErrorKind::Argument.code());
        std::thread::spawn(|| assert_eq!(message(), "")).join().unwrap();
        assert_eq!(guard(|| Ok(())), 0);
        assert_eq!(message(), "mine");
    }
}
