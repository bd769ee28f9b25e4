//! Table functions for training.
//!
//! They are unsafe only by the table's contract.

use super::arguments::{
    borrow, borrow_mut, free, images, json, parameters, return_handle, slice, slice_mut, write_out,
};
use super::engine::engine_of;
use super::guard::guard;
use crate::error::{Error, Result};
use crate::learner::TorchLearner;
use lens_engine::torch_table::{RawImages, RawParameters, RawText};
use lens_engine::{ScalerState, Slot, Weights};
use std::ffi::c_void;

pub(super) unsafe extern "C" fn learner_new(
    engine: *const c_void,
    settings: RawText,
    values: RawParameters,
    statistics: RawParameters,
    learner: *mut *mut c_void,
) -> i32 {
    guard(|| {
        // SAFETY: the table's contract.
        unsafe {
            let (engine, settings) = (engine_of(engine)?, json(settings)?);
            return_handle(TorchLearner::new(engine, &settings, parameters(values)?, parameters(statistics)?)?, learner)
        }
    })
}

pub(super) unsafe extern "C" fn learner_free(learner: *mut c_void) {
    guard(|| {
        // SAFETY: the table's contract.
        unsafe { free::<TorchLearner>(learner) };
        Ok(())
    });
}

/// # Safety
/// `handle` is null or a learner that nobody else uses while `'a` lasts.
unsafe fn learner_of<'a>(handle: *mut c_void) -> Result<&'a mut TorchLearner> {
    // SAFETY: by the function's contract.
    unsafe { borrow_mut(handle) }
}

pub(super) unsafe extern "C" fn learner_begin(learner: *mut c_void, head_only: i32) -> i32 {
    guard(|| {
        // SAFETY: the table's contract.
        unsafe { learner_of(learner) }?.begin(head_only != 0)
    })
}

pub(super) unsafe extern "C" fn learner_accumulate(
    learner: *mut c_void,
    raw_images: *const RawImages,
    targets: *const f32,
    pos_weight: f64,
    share: f64,
    loss: *mut f64,
) -> i32 {
    guard(|| {
        // SAFETY: the table's contract: one target for each image.
        unsafe {
            let images = images(raw_images)?;
            let targets = slice(targets, images.len())?;
            write_out(learner_of(learner)?.accumulate(&images, targets, pos_weight, share)?, loss)
        }
    })
}

pub(super) unsafe extern "C" fn learner_abandon(learner: *mut c_void) -> i32 {
    guard(|| {
        // SAFETY: the table's contract.
        unsafe { learner_of(learner) }?.abandon()
    })
}

pub(super) unsafe extern "C" fn learner_update(learner: *mut c_void, step: RawText, applied: *mut i32) -> i32 {
    guard(|| {
        // SAFETY: the table's contract.
        unsafe { write_out(learner_of(learner)?.update(&json(step)?)?.into(), applied) }
    })
}

pub(super) unsafe extern "C" fn learner_update_average(learner: *mut c_void, share: f64) -> i32 {
    guard(|| {
        // SAFETY: the table's contract.
        unsafe { learner_of(learner) }?.update_average(share)
    })
}

pub(super) unsafe extern "C" fn learner_logits(
    learner: *mut c_void,
    raw_images: *const RawImages,
    average: i32,
    logits: *mut f32,
) -> i32 {
    guard(|| {
        let weights = if average != 0 { Weights::Average } else { Weights::Current };
        // SAFETY: the table's contract: room for one number for each image.
        unsafe {
            let images = images(raw_images)?;
            learner_of(learner)?.logits(&images, weights, slice_mut(logits, images.len())?)
        }
    })
}

fn slot_of(number: u32) -> Result<Slot> {
    let slot = Slot::ALL.into_iter().find(|slot| *slot as u32 == number);
    let last = Slot::ALL.len() - 1;
    slot.ok_or_else(|| Error::argument(format!("a learner has no buffer {number}; there are 0 to {last}")))
}

pub(super) unsafe extern "C" fn learner_read(learner: *const c_void, slot: u32, values: *mut f32, count: usize) -> i32 {
    guard(|| {
        // SAFETY: the table's contract: `count` writable floats.
        unsafe { borrow::<TorchLearner>(learner)?.read(slot_of(slot)?, slice_mut(values, count)?) }
    })
}

pub(super) unsafe extern "C" fn learner_write(
    learner: *mut c_void,
    slot: u32,
    values: *const f32,
    count: usize,
) -> i32 {
    guard(|| {
        // SAFETY: the table's contract: `count` readable floats.
        unsafe { learner_of(learner)?.write(slot_of(slot)?, slice(values, count)?) }
    })
}

pub(super) unsafe extern "C" fn learner_scaler(
    learner: *const c_void,
    present: *mut i32,
    scale: *mut f64,
    good_steps: *mut u32,
) -> i32 {
    guard(|| {
        // SAFETY: the table's contract.
        unsafe {
            let state = borrow::<TorchLearner>(learner)?.scaler();
            write_out(state.is_some().into(), present)?;
            if let Some(state) = state {
                write_out(state.scale, scale)?;
                write_out(state.good_steps, good_steps)?;
            }
            Ok(())
        }
    })
}

pub(super) unsafe extern "C" fn learner_set_scaler(learner: *mut c_void, scale: f64, good_steps: u32) -> i32 {
    guard(|| {
        // SAFETY: the table's contract.
        unsafe { learner_of(learner) }?.set_scaler(ScalerState { scale, good_steps })
    })
}

pub(super) unsafe extern "C" fn learner_is_finite(learner: *const c_void, finite: *mut i32) -> i32 {
    guard(|| {
        // SAFETY: the table's contract.
        unsafe { write_out(borrow::<TorchLearner>(learner)?.is_finite()?.into(), finite) }
    })
}
