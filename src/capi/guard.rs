//! The one boundary wrapper, and the message of the last error of each thread.

use super::status::{LENS_OK, lens_status, status_of};
use lens_base::{Result, catch};
use std::cell::RefCell;
use std::ffi::{CString, c_char};
use std::sync::atomic::{AtomicBool, Ordering};

thread_local! {
    static LAST_ERROR: RefCell<CString> = RefCell::new(CString::default());
}

/// Runs the body of one exported function: no error or panic leaves it, and the thread's last error is its message, or empty
/// after success.
pub(super) fn guard(body: impl FnOnce() -> Result<()>) -> lens_status {
    silence_panics();
    let error = match catch(body) {
        Ok(()) => {
            set_last_error("");
            return LENS_OK;
        }
        Err(error) => error,
    };
    set_last_error(error.message());
    status_of(error.kind())
}

/// For the `_free` functions: a panic in a destructor must not reach the caller either.
pub(super) fn release(body: impl FnOnce()) {
    silence_panics();
    // There is no status to carry it, and the object is gone either way.
    let _ = catch(|| {
        body();
        Ok(())
    });
}

fn set_last_error(message: &str) {
    // A NUL inside a message would cut it short in C.
    let text = CString::new(message.replace('\0', "\\0")).unwrap_or_default();
    // During thread exit the slot may be gone; there is nobody left to ask for the message then.
    let _ = LAST_ERROR.try_with(|slot| slot.replace(text));
}

/// Rust's default hook prints panics to standard error; a library in somebody's process must not. The hook belongs to
/// the copy of the standard library inside this cdylib, so no other Rust code of the process is affected.
fn silence_panics() {
    // No thread waits for another here, which would not be there in the child of a fork; twice is as good as once.
    static SILENT: AtomicBool = AtomicBool::new(false);
    if cfg!(not(test)) && !SILENT.load(Ordering::Acquire) {
        std::panic::set_hook(Box::new(|_| {}));
        SILENT.store(true, Ordering::Release);
    }
}

/// This thread's message about its last failed call: what was wrong, with which value, and what would be right.
///
/// UTF-8; empty after a call that succeeded. The text stays valid until this thread's next call of a function that
/// returns a lens_status; the _free functions leave it alone, so cleaning up before reporting is fine.
///
/// @return Never NULL; do not free it.
#[unsafe(no_mangle)]
pub extern "C" fn lens_last_error() -> *const c_char {
    LAST_ERROR.try_with(|slot| slot.borrow().as_ptr()).unwrap_or(c"".as_ptr())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capi::status::{LENS_ERROR_ARGUMENT, LENS_ERROR_INTERNAL};
    use lens_base::Error;
    use std::ffi::CStr;

    fn last_error() -> String {
        // SAFETY: the pointer is this thread's own message and nothing replaces it in between.
        unsafe { CStr::from_ptr(lens_last_error()) }.to_string_lossy().into_owned()
    }

    #[test]
    fn a_panic_becomes_an_internal_error_with_its_message() {
        assert_eq!(guard(|| panic!("shape [3] is not [4]")), LENS_ERROR_INTERNAL);
        assert!(last_error().contains("shape [3] is not [4]"));
    }

    #[test]
    fn success_clears_the_message_of_the_failure_before_it() {
        assert_eq!(guard(|| Err(Error::argument("width 0 must be at least 1"))), LENS_ERROR_ARGUMENT);
        assert_eq!(last_error(), "width 0 must be at least 1");
        assert_eq!(guard(|| Ok(())), LENS_OK);
        assert_eq!(last_error(), "");
    }

    #[test]
    fn each_thread_has_its_own_message() {
        guard(|| Err(Error::argument("mine")));
        std::thread::spawn(|| assert_eq!(last_error(), "")).join().unwrap();
        assert_eq!(last_error(), "mine");
    }
}
