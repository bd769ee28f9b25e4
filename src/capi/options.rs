//! Options structs: sized by their first field, so that programs built with an older header go on working.
//!
//! `lens_<x>_options_init` writes the struct as this ABI version defines it. When a struct grows after ABI 0, the
//! interface before the first release, the new header maps that name to a new symbol (`#define`), and the old symbol goes
//! on writing the old size: a program never has more written than its own header made room for.

use super::arguments::flag;
use super::version::LENS_ABI_VERSION;
use lens_base::options::Value;
use lens_base::{Error, ErrorKind, Result};

/// A `#[repr(C)]` options struct whose first field is `struct_size: usize`.
///
/// # Safety
/// The implementor is `#[repr(C)]`, begins with `usize` `struct_size`, and every bit pattern is valid for each field.
pub(super) unsafe trait StructOptions: Copy {
    /// The C name, for messages.
    const NAME: &'static str;
    /// Size in the first released header: what every caller has at least.
    const FIRST_SIZE: usize;
    /// Where each field begins, and how many bytes it has.
    const FIELDS: &'static [(usize, usize)];
    /// All fields at their documented defaults, `struct_size` included.
    fn defaults() -> Self;
}

/// The options with defaults for what the caller's header does not have; all defaults for NULL.
///
/// # Safety
/// `pointer` is NULL or points to as many readable bytes as its `struct_size` says.
pub(super) unsafe fn read<T: StructOptions>(pointer: *const T) -> Result<T> {
    let mut options = T::defaults();
    if pointer.is_null() {
        return Ok(options);
    }
    // SAFETY: the first field is a usize by the trait's promise; read_unaligned asks for nothing more.
    let size = unsafe { pointer.cast::<usize>().read_unaligned() };
    if size > size_of::<T>() {
        return Err(Error::new(
            ErrorKind::Version,
            format!(
                "{}: struct_size is {size}, but version {} of the library (ABI {LENS_ABI_VERSION}) knows {} bytes: \
                 the program was built with a newer header, install the newer library",
                T::NAME,
                env!("CARGO_PKG_VERSION"),
                size_of::<T>()
            ),
        ));
    }
    if size < T::FIRST_SIZE {
        return Err(Error::argument(format!(
            "{0}: struct_size is {size}, less than the {1} bytes of the first version: call {0}_init before setting fields",
            T::NAME,
            T::FIRST_SIZE
        )));
    }
    if T::FIELDS.iter().any(|(begin, bytes)| (begin + 1..begin + bytes).contains(&size)) {
        return Err(Error::argument(format!(
            "{0}: struct_size is {size}, which ends within a field; it must be the size of the struct in a version of \
             the library, {1} in this one: {0}_init sets it",
            T::NAME,
            size_of::<T>()
        )));
    }
    // SAFETY: `size` bytes are readable by the caller's promise and fit into T; any bytes are valid for its fields.
    unsafe { std::ptr::copy_nonoverlapping(pointer.cast::<u8>(), (&raw mut options).cast::<u8>(), size) };
    Ok(options)
}

/// Writes the defaults; a NULL pointer is left alone (there is no status to refuse it with).
///
/// # Safety
/// `pointer` is NULL or points to writable memory of a `T`.
pub(super) unsafe fn init<T: StructOptions>(pointer: *mut T) {
    if !pointer.is_null() {
        // SAFETY: not NULL and writable by the caller's promise.
        unsafe { pointer.write_unaligned(T::defaults()) };
    }
}

/// A field of an options struct by its name, on its way to a value of the library's option.
pub(super) struct Raw(pub &'static str);

impl Raw {
    /// A C truth value.
    pub fn flag(self, number: i32) -> Result<Value> {
        flag(self.0, number).map(Value::Bool)
    }

    /// A truth value that -1 leaves to the library.
    pub fn automatic(self, number: i32) -> Result<Value> {
        match number {
            -1 => Ok(Value::Automatic(None)),
            0 | 1 => Ok(Value::Automatic(Some(number == 1))),
            other => Err(Error::argument(format!("{} is {other}; it must be -1 (automatic), 0 or 1", self.0))),
        }
    }

    pub fn integer(self, number: impl Into<i128>) -> Result<Value> {
        Ok(Value::Integer(number.into()))
    }

    pub fn float(self, number: impl Into<f64>) -> Result<Value> {
        Ok(Value::Float(number.into()))
    }

    pub fn rgb(self, numbers: [f32; 3]) -> Result<Value> {
        Ok(Value::Rgb(numbers))
    }

    /// Which numbers there are the option itself knows.
    pub fn choice(self, number: i32) -> Result<Value> {
        Ok(Value::Choice(number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[repr(C)]
    #[derive(Clone, Copy)]
    struct Sample {
        struct_size: usize,
        old: u64,
        new: u32,
        newest: u64,
    }

    // SAFETY: repr(C), struct_size first, integers only.
    unsafe impl StructOptions for Sample {
        const NAME: &'static str = "lens_sample_options";
        const FIRST_SIZE: usize = 16;
        const FIELDS: &'static [(usize, usize)] = &[(0, 8), (8, 8), (16, 4), (24, 8)];
        fn defaults() -> Self {
            Sample { struct_size: size_of::<Sample>(), old: 1, new: 2, newest: 3 }
        }
    }

    #[test]
    fn an_older_smaller_struct_gets_defaults_for_what_it_lacks() {
        let older: [u64; 2] = [16, 7];
        // SAFETY: 16 readable bytes, as its first field says.
        let read = unsafe { read(older.as_ptr().cast::<Sample>()) }.unwrap();
        assert_eq!((read.old, read.new), (7, 2));
    }

    #[test]
    fn a_struct_that_ends_within_a_field_is_refused() {
        let sample = |struct_size| Sample { struct_size, old: 7, new: 8, newest: 9 };
        // 20 to 24: behind `new`, and what pads it.
        for (size, newest) in [(16, 3), (20, 3), (22, 3), (24, 3), (32, 9)] {
            // SAFETY: more readable bytes than its first field says.
            let read = unsafe { read(&sample(size)) }.unwrap();
            assert_eq!((read.old, read.new, read.newest), (7, if size == 16 { 2 } else { 8 }, newest), "{size}");
        }
        for size in [17, 19, 25, 31] {
            // SAFETY: as above.
            let error = unsafe { read(&sample(size)) }.err().unwrap();
            let message = error.message();
            assert!(message.contains(&format!("struct_size is {size}")) && message.contains("32 in this"), "{message}");
        }
    }

    #[test]
    fn a_newer_larger_struct_is_refused_with_both_sizes() {
        let newer = Sample { struct_size: 4096, old: 0, new: 0, newest: 0 };
        // SAFETY: refused before anything past the first field is read.
        let error = unsafe { read(&newer) }.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Version);
        assert!(error.message().contains("4096") && error.message().contains("32 bytes"), "{error}");
    }

    #[test]
    fn a_struct_that_was_never_initialised_is_refused() {
        let zeroed = Sample { struct_size: 0, old: 0, new: 0, newest: 0 };
        // SAFETY: as above.
        let error = unsafe { read(&zeroed) }.err().unwrap();
        assert!(error.message().contains("lens_sample_options_init"), "{error}");
    }
}
