//! Table functions for libtorch, GPUs, engines and networks.
//!
//! They are unsafe only by the table's contract.

use super::arguments::{borrow, free, images, json, parameters, return_handle, slice_mut, text, write_json};
use super::guard::guard;
use crate::backend::Backend;
use crate::engine::TorchEngine;
use crate::error::{Error, Result};
use crate::network::TorchNetwork;
use crate::torch::c_string;
use lens_base::ErrorKind;
use lens_engine::torch_table::{RawImages, RawParameters, RawSink, RawText};
use lens_system::probe::Vendor;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::ffi::c_void;
use std::path::PathBuf;
use std::sync::Arc;

/// The directory of the last call: GPU libraries are searched there, too.
static EXPECTED: Mutex<Option<PathBuf>> = Mutex::new(None);

pub(super) unsafe extern "C" fn information(expected: RawText, sink: RawSink) -> i32 {
    guard(|| {
        // SAFETY: the table's contract.
        let expected = unsafe { text(expected) }?;
        let expected = (!expected.is_empty()).then(|| PathBuf::from(expected));
        let backend = Backend::find(expected.as_deref())?;
        if expected.is_some() {
            *EXPECTED.lock() = expected;
        }
        // SAFETY: the table's contract.
        unsafe { write_json(sink, &backend.information()) }
    })
}

pub(super) unsafe extern "C" fn set_environment(variables: RawText) -> i32 {
    guard(|| {
        // SAFETY: the table's contract.
        let variables: BTreeMap<String, String> = unsafe { json(variables) }?;
        for (name, value) in &variables {
            // That other threads may read the environment meanwhile is documented at lens_init.
            lens_system::set_variable(&c_string(name)?, &c_string(value)?)
                .map_err(|error| Error::argument(format!("cannot set the environment variable {name}: {error}")))?;
        }
        Ok(())
    })
}

pub(super) unsafe extern "C" fn open_gpu(vendor: u32, index: i32, sink: RawSink) -> i32 {
    guard(|| {
        let vendor = *Vendor::ALL
            .get(vendor as usize)
            .ok_or_else(|| Error::argument(format!("vendor {vendor} is neither 0, NVIDIA, nor 1, AMD")))?;
        let expected = EXPECTED.lock().clone();
        let reported = Backend::find(expected.as_deref())?.open(vendor, index);
        let reported = reported.map_err(|reason| Error::new(ErrorKind::Device, reason))?;
        // SAFETY: the table's contract.
        unsafe { write_json(sink, &reported) }
    })
}

pub(super) unsafe extern "C" fn engine_new(settings: RawText, engine: *mut *mut c_void) -> i32 {
    guard(|| {
        // SAFETY: the table's contract.
        unsafe { return_handle(Arc::new(TorchEngine::new(json(settings)?)?), engine) }
    })
}

pub(super) unsafe extern "C" fn engine_free(engine: *mut c_void) {
    guard(|| {
        // SAFETY: the table's contract.
        unsafe { free::<Arc<TorchEngine>>(engine) };
        Ok(())
    });
}

/// # Safety
/// `handle` is null or an engine, which is not freed while `'a` lasts.
pub(super) unsafe fn engine_of<'a>(handle: *const c_void) -> Result<&'a Arc<TorchEngine>> {
    // SAFETY: by the function's contract.
    unsafe { borrow(handle) }
}

pub(super) unsafe extern "C" fn engine_empty_cache(engine: *const c_void) -> i32 {
    guard(|| {
        // SAFETY: the table's contract.
        unsafe { engine_of(engine) }?.empty_cache()
    })
}

pub(super) unsafe extern "C" fn engine_gpu_memory(engine: *const c_void, bytes: *mut u64) -> i32 {
    guard(|| {
        // SAFETY: the table's contract: room for four numbers.
        let (engine, bytes) = unsafe { (engine_of(engine)?, slice_mut(bytes, 4)?) };
        let memory = engine.gpu_memory()?;
        bytes.copy_from_slice(&[memory.allocated, memory.allocated_peak, memory.reserved, memory.reserved_peak]);
        Ok(())
    })
}

pub(super) unsafe extern "C" fn network_new(
    engine: *const c_void,
    values: RawParameters,
    network: *mut *mut c_void,
) -> i32 {
    guard(|| {
        // SAFETY: the table's contract.
        unsafe { return_handle(TorchNetwork::new(engine_of(engine)?, parameters(values)?)?, network) }
    })
}

pub(super) unsafe extern "C" fn network_free(network: *mut c_void) {
    guard(|| {
        // SAFETY: the table's contract.
        unsafe { free::<TorchNetwork>(network) };
        Ok(())
    });
}

pub(super) unsafe extern "C" fn network_logits(
    network: *const c_void,
    raw_images: *const RawImages,
    logits: *mut f32,
) -> i32 {
    guard(|| {
        // SAFETY: the table's contract: room for one number for each image.
        unsafe {
            let images = images(raw_images)?;
            borrow::<TorchNetwork>(network)?.logits(&images, slice_mut(logits, images.len())?)
        }
    })
}

pub(super) unsafe extern "C" fn network_features(
    network: *const c_void,
    raw_images: *const RawImages,
    features: *mut f32,
    count: usize,
) -> i32 {
    guard(|| {
        // SAFETY: the table's contract: `count` writable floats.
        unsafe { borrow::<TorchNetwork>(network)?.features(&images(raw_images)?, slice_mut(features, count)?) }
    })
}

pub(super) unsafe extern "C" fn network_observe(
    network: *const c_void,
    raw_images: *const RawImages,
    maxima: *mut f32,
    count: usize,
) -> i32 {
    guard(|| {
        // SAFETY: the table's contract: `count` readable floats.
        unsafe { borrow::<TorchNetwork>(network)?.observe(&images(raw_images)?, slice_mut(maxima, count)?) }
    })
}
