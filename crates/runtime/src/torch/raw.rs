//! Conversion of arguments and results of the table.

use lens_base::{Error, ErrorKind, Result};
use lens_engine::torch_table::{RawImage, RawImages, RawParameters, RawSink, TorchTable};
use lens_images::Images;
use std::ffi::c_void;

/// The result for a function's return code.
pub fn checked(table: &TorchTable, code: i32) -> Result<()> {
    if code == 0 {
        return Ok(());
    }
    // SAFETY: a function of the table, which returns text that is valid until this thread's next failing call.
    let message = unsafe {
        let text = (table.last_error)();
        match text.data.is_null() {
            true => String::new(),
            false => String::from_utf8_lossy(std::slice::from_raw_parts(text.data, text.length)).into_owned(),
        }
    };
    Err(Error::new(ErrorKind::from_code(code), message))
}

/// Values as the table takes them; they must outlive the call.
pub fn raw_parameters(values: &[f32]) -> RawParameters {
    RawParameters { values: values.as_ptr(), count: values.len() }
}

/// Settings as JSON.
pub fn json(value: &impl serde::Serialize) -> Result<Vec<u8>> {
    serde_json::to_vec(value).map_err(|error| Error::internal(format!("settings cannot be written: {error}")))
}

/// Calls `call` with a sink, and returns the bytes that it received.
pub fn collected(call: impl FnOnce(RawSink) -> Result<()>) -> Result<Vec<u8>> {
    let mut bytes: Vec<u8> = Vec::new();
    call(RawSink { context: (&raw mut bytes).cast(), write: keep })?;
    Ok(bytes)
}

/// # Safety
/// `context` is a `Vec<u8>` that nobody else uses, and `data` points to as many readable bytes as the count says.
unsafe extern "C" fn keep(context: *mut c_void, data: *const u8, length: usize) {
    if length > 0 {
        // SAFETY: by the function's contract.
        unsafe { (*context.cast::<Vec<u8>>()).extend_from_slice(std::slice::from_raw_parts(data, length)) };
    }
}

/// Calls `call` with images as the table takes them.
pub fn with_images<T>(images: &Images, call: impl FnOnce(*const RawImages) -> T) -> T {
    let raw: Vec<RawImage> = images
        .views
        .iter()
        .map(|view| RawImage {
            memory: view.memory.as_ptr(),
            memory_length: view.memory.len(),
            offset: view.offset,
            row_step: view.row_step,
            channels: view.channels,
        })
        .collect();
    let images = RawImages { width: images.width, height: images.height, count: raw.len(), images: raw.as_ptr() };
    call(&raw const images)
}

/// One logit for each image, from a function of the table.
pub fn logits_of(
    table: &TorchTable,
    images: &Images,
    compute: impl FnOnce(*const RawImages, *mut f32) -> i32,
) -> Result<Vec<f32>> {
    let mut logits = vec![0.0; images.len()];
    with_images(images, |raw| checked(table, compute(raw, logits.as_mut_ptr())))?;
    Ok(logits)
}
