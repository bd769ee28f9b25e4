//! Errors of this library, including libtorch's.

use lens_base::{ErrorKind, panic_message};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The workspace's error, to which libtorch's errors are converted.
#[derive(Debug)]
pub struct Error(lens_base::Error);

/// The crate's result.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An error of this kind.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Error(lens_base::Error::new(kind, message))
    }

    /// An invalid argument.
    pub fn argument(message: impl Into<String>) -> Self {
        Error::new(ErrorKind::Argument, message)
    }

    /// An internal error.
    pub fn internal(message: impl Into<String>) -> Self {
        Error::new(ErrorKind::Internal, message)
    }

    /// An error of libtorch, classified by its message: its C API has no codes.
    pub fn from_torch(message: &str) -> Self {
        const OUT_OF_MEMORY: [&str; 4] =
            ["can't allocate memory", "out of memory", "OutOfMemoryError", "std::bad_alloc"];
        let kind = if OUT_OF_MEMORY.iter().any(|sign| message.contains(sign)) {
            ErrorKind::OutOfMemory
        } else {
            ErrorKind::Internal
        };
        let message = without_noise(message);
        Error::new(kind, message.trim_end())
    }

    /// The kind.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind()
    }

    /// The message.
    pub fn message(&self) -> &str {
        self.0.message()
    }
}

/// Removes what tch and its panics add to a message, C++ stack traces, and advice for Python programs.
fn without_noise(message: &str) -> String {
    const PANIC: &str = "called `Result::unwrap()` on an `Err` value: Torch(\"";
    // A panic shows the message as a Rust literal.
    let message = match message.strip_prefix(PANIC) {
        Some(literal) => literal
            .strip_suffix("\")")
            .unwrap_or(literal)
            .replace("\\n", "\n")
            .replace("\\\"", "\"")
            .replace("\\'", "'"),
        None => message.strip_prefix("Internal torch error: ").unwrap_or(message).to_string(),
    };
    let end = ["\nException raised from", " If reserved but unallocated memory is large"];
    end.iter().fold(message.as_str(), |message, end| message.split(end).next().unwrap_or(message)).to_string()
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl std::error::Error for Error {}

impl From<tch::TchError> for Error {
    fn from(error: tch::TchError) -> Self {
        Error::from_torch(&error.to_string())
    }
}

impl From<lens_base::Error> for Error {
    fn from(error: lens_base::Error) -> Self {
        Error(error)
    }
}

impl From<Error> for lens_base::Error {
    fn from(error: Error) -> Self {
        error.0
    }
}

/// Runs work and converts panics to errors; most methods of tch turn libtorch's exceptions into panics.
pub fn catch<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| Err(Error::from_torch(panic_message(&*panic))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::AssertUnwindSafe;

    #[test]
    fn noise_around_messages_is_removed() {
        let trace =
            "\nException raised from check at /pytorch/a.cpp:84 (most recent call first):\nframe #0: c10::Error";
        let says = "Expected \"input\" to have 3 channels,\nbut got 1";
        let shown = tch::TchError::Torch(format!("{says}{trace}"));
        for message in [format!("{says}{trace}"), shown.to_string(), panicked(shown)] {
            let error = Error::from_torch(&message);
            assert_eq!((error.kind(), error.message()), (ErrorKind::Internal, says), "{message}");
        }
        assert_eq!(Error::from_torch("a panic of ours").message(), "a panic of ours");
    }

    #[test]
    fn gpu_out_of_memory_without_python_advice() {
        // A message of libtorch 2.13 on an H200.
        let message = "CUDA out of memory. Tried to allocate 28.00 MiB. GPU 0 has a total capacity of 139.80 GiB of which \
                       19.12 MiB is free. Of the allocated memory 138.89 GiB is allocated by PyTorch, and 54.02 MiB is \
                       reserved by PyTorch but unallocated. If reserved but unallocated memory is large try setting \
                       PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True to avoid fragmentation.  See documentation";
        for message in [format!("Internal torch error: {message}"), panicked(tch::TchError::Torch(message.into()))] {
            let error = Error::from_torch(&message);
            assert_eq!(error.kind(), ErrorKind::OutOfMemory);
            assert!(error.message().starts_with("CUDA out of memory. Tried"), "{error}");
            assert!(error.message().ends_with("by PyTorch but unallocated."), "{error}");
        }
    }

    fn failing(error: tch::TchError) -> std::result::Result<(), tch::TchError> {
        Err(error)
    }

    fn panicked(error: tch::TchError) -> String {
        let panic = std::panic::catch_unwind(AssertUnwindSafe(|| failing(error).unwrap())).unwrap_err();
        panic.downcast_ref::<String>().unwrap().clone()
    }
}
