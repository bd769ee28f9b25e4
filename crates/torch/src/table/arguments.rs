//! Conversion of the table's arguments and results.
//!
//! All functions here rely on the table's contract: pointers are valid as its documentation says, for as long as the
//! call lasts. Null pointers are errors.

use crate::error::{Error, Result};
use lens_engine::torch_table::{RawImage, RawImages, RawParameters, RawSink, RawText};
use lens_images::{ImageView, Images};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::ffi::c_void;

/// # Safety
/// `data` is null or points to `count` values, which nobody changes during `'a`.
pub(super) unsafe fn slice<'a, T>(data: *const T, count: usize) -> Result<&'a [T]> {
    match (data.is_null(), count) {
        (_, 0) => Ok(&[]),
        (true, _) => Err(null()),
        // SAFETY: by the function's contract.
        (false, _) => Ok(unsafe { std::slice::from_raw_parts(data, count) }),
    }
}

/// # Safety
/// `data` is null or points to `count` values, which nobody else uses during `'a`.
pub(super) unsafe fn slice_mut<'a, T>(data: *mut T, count: usize) -> Result<&'a mut [T]> {
    match (data.is_null(), count) {
        (_, 0) => Ok(&mut []),
        (true, _) => Err(null()),
        // SAFETY: by the function's contract.
        (false, _) => Ok(unsafe { std::slice::from_raw_parts_mut(data, count) }),
    }
}

/// # Safety
/// The text is valid during `'a`.
pub(super) unsafe fn text<'a>(text: RawText) -> Result<&'a str> {
    // SAFETY: by the function's contract.
    let bytes = unsafe { slice(text.data, text.length) }?;
    std::str::from_utf8(bytes).map_err(|error| Error::argument(format!("a text is not UTF-8: {error}")))
}

/// # Safety
/// The text is valid during the call.
pub(super) unsafe fn json<T: DeserializeOwned>(raw: RawText) -> Result<T> {
    // SAFETY: by the function's contract.
    let text = unsafe { text(raw) }?;
    serde_json::from_str(text).map_err(|error| Error::argument(format!("settings cannot be read: {error}: {text}")))
}

/// # Safety
/// The sink's function may be called with its context.
pub(super) unsafe fn write(sink: RawSink, bytes: &[u8]) {
    // SAFETY: by the function's contract; the slice is readable.
    unsafe { (sink.write)(sink.context, bytes.as_ptr(), bytes.len()) };
}

/// # Safety
/// The sink's function may be called with its context.
pub(super) unsafe fn write_json(sink: RawSink, value: &impl Serialize) -> Result<()> {
    let text = serde_json::to_vec(value).map_err(|error| Error::internal(format!("cannot write JSON: {error}")))?;
    // SAFETY: by the function's contract.
    unsafe { write(sink, &text) };
    Ok(())
}

/// # Safety
/// The values are valid during `'a`.
pub(super) unsafe fn parameters<'a>(parameters: RawParameters) -> Result<&'a [f32]> {
    // SAFETY: by the function's contract.
    unsafe { slice(parameters.values, parameters.count) }
}

/// # Safety
/// `images` is null or points to images whose memory is valid during `'a`.
pub(super) unsafe fn images<'a>(images: *const RawImages) -> Result<Images<'a>> {
    // SAFETY: by the function's contract.
    let images = unsafe { images.as_ref() }.ok_or_else(null)?;
    let view = |image: &RawImage| {
        Ok(ImageView {
            // SAFETY: by the function's contract.
            memory: unsafe { slice(image.memory, image.memory_length) }?,
            offset: image.offset,
            row_step: image.row_step,
            channels: image.channels,
        })
    };
    // SAFETY: by the function's contract.
    let views = unsafe { slice(images.images, images.count) }?.iter().map(view).collect::<Result<_>>()?;
    Ok(Images { width: images.width, height: images.height, views })
}

/// Returns a new handle.
///
/// # Safety
/// `out` is null or has room for a pointer.
pub(super) unsafe fn return_handle<T>(value: T, out: *mut *mut c_void) -> Result<()> {
    // SAFETY: by the function's contract.
    *unsafe { out.as_mut() }.ok_or_else(null)? = Box::into_raw(Box::new(value)).cast();
    Ok(())
}

/// # Safety
/// `handle` is null or a handle of a `T`, and is not freed during `'a`.
pub(super) unsafe fn borrow<'a, T>(handle: *const c_void) -> Result<&'a T> {
    // SAFETY: by the function's contract.
    unsafe { handle.cast::<T>().as_ref() }.ok_or_else(null)
}

/// # Safety
/// `handle` is null or a handle of a `T`, and nobody else uses it during `'a`.
pub(super) unsafe fn borrow_mut<'a, T>(handle: *mut c_void) -> Result<&'a mut T> {
    // SAFETY: by the function's contract.
    unsafe { handle.cast::<T>().as_mut() }.ok_or_else(null)
}

/// # Safety
/// `handle` is null or a handle of a `T`, and nobody uses it any more.
pub(super) unsafe fn free<T>(handle: *mut c_void) {
    if !handle.is_null() {
        // SAFETY: by the function's contract.
        drop(unsafe { Box::from_raw(handle.cast::<T>()) });
    }
}

/// # Safety
/// `out` is null or has room for a value.
pub(super) unsafe fn write_out<T>(value: T, out: *mut T) -> Result<()> {
    if out.is_null() {
        return Err(null());
    }
    // SAFETY: by the function's contract.
    unsafe { out.write(value) };
    Ok(())
}

fn null() -> Error {
    Error::argument("a pointer is null that must not be")
}
