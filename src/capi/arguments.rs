//! From raw pointers to Rust references, with a message for each way that can fail.

use lens_base::options::Choice;
use lens_base::{Error, Result};
use std::ffi::{CStr, c_char};

/// An out parameter, set to NULL / zero at once, so that it is so on every failure.
///
/// # Safety
/// `pointer` is NULL or points to writable memory of a `T` that nothing else uses during the call. All zero bytes must
/// be a valid `T`.
pub(super) unsafe fn out<'a, T>(name: &str, pointer: *mut T) -> Result<&'a mut T> {
    if pointer.is_null() {
        return Err(Error::argument(format!("{name} is NULL; it must be the address that receives the result")));
    }
    // SAFETY: not NULL, writable and unshared by the caller's promise; zero bytes are a valid T by the same promise.
    unsafe {
        pointer.write_bytes(0, 1);
        Ok(&mut *pointer)
    }
}

/// What a handle or a view points to.
///
/// # Safety
/// `pointer` is NULL or points to a valid `T` that outlives `'a`.
pub(super) unsafe fn required<'a, T>(name: &str, pointer: *const T) -> Result<&'a T> {
    // SAFETY: valid or NULL by the caller's promise.
    unsafe { pointer.as_ref() }.ok_or_else(|| Error::argument(format!("{name} is NULL")))
}

/// A C array; NULL is fine where there is nothing in it.
///
/// # Safety
/// `pointer` is NULL or points to `count` valid `T` that outlive `'a`.
pub(super) unsafe fn array<'a, T>(name: &str, pointer: *const T, count: usize) -> Result<&'a [T]> {
    check_count::<T>(name, pointer, count)?;
    if count == 0 {
        return Ok(&[]);
    }
    // SAFETY: not NULL, `count` valid elements by the caller's promise, and the size fits in isize.
    Ok(unsafe { std::slice::from_raw_parts(pointer, count) })
}

/// An array that receives results, set to NULL / zero at once.
///
/// # Safety
/// As [`out`], for `count` elements.
pub(super) unsafe fn out_array<'a, T>(name: &str, pointer: *mut T, count: usize) -> Result<&'a mut [T]> {
    check_count::<T>(name, pointer, count)?;
    if count == 0 {
        return Ok(&mut []);
    }
    // SAFETY: not NULL, `count` writable elements by the caller's promise, and zero bytes are valid for T.
    unsafe {
        pointer.write_bytes(0, count);
        Ok(std::slice::from_raw_parts_mut(pointer, count))
    }
}

fn check_count<T>(name: &str, pointer: *const T, count: usize) -> Result<()> {
    if count > 0 && pointer.is_null() {
        return Err(Error::argument(format!("{name} is NULL, with count {count}")));
    }
    match count.checked_mul(size_of::<T>()) {
        Some(bytes) if isize::try_from(bytes).is_ok() => Ok(()),
        _ => Err(Error::argument(format!("{name}: count {count} is more than memory can hold"))),
    }
}

/// A path or other text, UTF-8.
///
/// # Safety
/// `pointer` is NULL or a NUL-terminated string that outlives `'a`.
pub(super) unsafe fn text<'a>(name: &str, pointer: *const c_char) -> Result<&'a str> {
    // SAFETY: as promised by the caller.
    unsafe { optional_text(name, pointer) }?.ok_or_else(|| Error::argument(format!("{name} is NULL")))
}

/// Text that may be left out as NULL.
///
/// # Safety
/// As [`text`].
pub(super) unsafe fn optional_text<'a>(name: &str, pointer: *const c_char) -> Result<Option<&'a str>> {
    if pointer.is_null() {
        return Ok(None);
    }
    // SAFETY: not NULL, and NUL-terminated by the caller's promise.
    let text = unsafe { CStr::from_ptr(pointer) };
    match text.to_str() {
        Ok("") => Err(Error::argument(format!("{name} is empty"))),
        Ok(text) => Ok(Some(text)),
        Err(_) => Err(Error::argument(format!("{name} is not UTF-8: \"{}\"", text.to_string_lossy()))),
    }
}

/// A C truth value.
pub(super) fn flag(name: &str, value: i32) -> Result<bool> {
    match value {
        0 => Ok(false),
        1 => Ok(true),
        other => Err(Error::argument(format!("{name} is {other}; it must be 0 or 1"))),
    }
}

/// One of the named numbers of a parameter.
pub(super) fn choice<C: Choice>(name: &str, number: i32) -> Result<C> {
    C::from_number(number).ok_or_else(|| C::DESCRIPTION.refuse(name, number))
}
