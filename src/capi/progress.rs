//! Progress reports to the caller.

use super::cancel::lens_cancel_token;
use super::generated::lens_phase;
use lens_base::options::Choice;
use lens_base::{Cancel, Control, Update};
use std::ffi::c_void;

/// How far a long call is. Valid during the callback only.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct lens_progress {
    /// sizeof(lens_progress) of the library; fields beyond those of the header that the program was built with are to
    /// be ignored.
    pub struct_size: usize,
    /// What is being done (LENS_PHASE_...).
    pub phase: lens_phase,
    /// Epoch, from 1; 0 outside training.
    pub epoch: u32,
    /// Epochs in all; 0 outside training.
    pub epochs: u32,
    /// Items of this phase done so far.
    pub done: u64,
    /// Items of this phase in all.
    pub total: u64,
    /// Mean loss of the epoch so far; NaN where there is none.
    pub loss: f64,
    /// The best value so far of the metric that select_by names (accuracy or AUC in 0..1, or the validation loss); NaN before the first
    /// validation and outside training.
    pub metric: f64,
    /// Estimated seconds until the whole call is done; negative while unknown.
    pub seconds_left: f64,
}

/// Called by long calls on the thread that made the call, about once a batch.
///
/// It must not throw or longjmp through the library. It may call other lens_ functions. Where it forks, the call goes on in the
/// parent, and ends in the child with LENS_ERROR_UNSUPPORTED once the callback has returned.
///
/// @param progress How far the call is; valid during the callback only.
/// @param user_data The pointer given beside the callback.
/// @return 0 to go on; anything else stops the call with LENS_CANCELLED.
pub type lens_progress_fn = Option<unsafe extern "C" fn(progress: *const lens_progress, user_data: *mut c_void) -> i32>;

impl From<&Update> for lens_progress {
    fn from(update: &Update) -> Self {
        lens_progress {
            struct_size: size_of::<lens_progress>(),
            phase: update.phase.number(),
            epoch: update.epoch,
            epochs: update.epochs,
            done: update.done,
            total: update.total,
            loss: update.loss.unwrap_or(f64::NAN),
            metric: update.metric.unwrap_or(f64::NAN),
            seconds_left: update.seconds_left.unwrap_or(-1.0),
        }
    }
}

/// The core's view of a callback and a token.
///
/// # Safety
/// `cancel` is NULL or a live token; `callback` may be called with `user_data` until the returned value is dropped.
pub(super) unsafe fn control(
    callback: lens_progress_fn,
    user_data: *mut c_void,
    cancel: *const lens_cancel_token,
) -> Control<'static> {
    // SAFETY: NULL or live by the caller's promise.
    let cancel: Option<Cancel> = unsafe { cancel.as_ref() }.map(|token| token.0.clone());
    match callback {
        None => Control::new(None, cancel),
        Some(callback) => Control::new(
            Some(Box::new(move |update: &Update| {
                let progress = lens_progress::from(update);
                // SAFETY: the caller gave this function to be called with this pointer, on this thread, during this
                // call.
                unsafe { callback(&raw const progress, user_data) == 0 }
            })),
            cancel,
        ),
    }
}
