//! `lens_cancel_token`.

use super::arguments::{out, required};
use super::guard::{guard, release};
use super::status::lens_status;
use lens_base::Cancel;

/// Stops long calls from another thread: put it into the options of a call, and trigger it at any time. One token may
/// serve several calls. All its functions may be called from any thread at any time, except free.
pub struct lens_cancel_token(pub(super) Cancel);

/// Makes a token that is not triggered.
///
/// @param[out] token Receives the token; free it with lens_cancel_token_free().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lens_cancel_token_new(token: *mut *mut lens_cancel_token) -> lens_status {
    guard(|| {
        // SAFETY: NULL or writable by the contract of every out parameter.
        let token = unsafe { out("token", token) }?;
        *token = Box::into_raw(Box::new(lens_cancel_token(Cancel::default())));
        Ok(())
    })
}

/// Asks every call that carries the token to stop: each ends within one batch with LENS_CANCELLED. Not
/// async-signal-safe: call it from a thread (sigwait, a pipe), never from a signal handler.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lens_cancel_token_trigger(token: *const lens_cancel_token) -> lens_status {
    guard(|| {
        // SAFETY: NULL or a live token by contract.
        unsafe { required("token", token) }?.0.trigger();
        Ok(())
    })
}

/// Makes a triggered token usable again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lens_cancel_token_reset(token: *const lens_cancel_token) -> lens_status {
    guard(|| {
        // SAFETY: NULL or a live token by contract.
        unsafe { required("token", token) }?.0.reset();
        Ok(())
    })
}

/// Frees the token; NULL is a no-op. A running call that carries it keeps what it needs of it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lens_cancel_token_free(token: *mut lens_cancel_token) {
    release(|| {
        if !token.is_null() {
            // SAFETY: from lens_cancel_token_new and freed once, by contract.
            drop(unsafe { Box::from_raw(token) });
        }
    });
}
