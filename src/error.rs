//! The crate's error: a kind to act on and a message to read.

use std::fmt;

/// What went wrong, for a program to act on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// An argument is wrong; nothing was changed.
    Argument,
    /// A file or directory cannot be read or written.
    Io,
    /// A file was read but is not what it should be.
    Format,
    /// The asked-for device cannot be used.
    Device,
    /// Memory ran out.
    OutOfMemory,
    /// The data set cannot serve the purpose.
    Data,
    /// Header, library or libtorch do not belong together.
    Version,
    /// This version cannot do that.
    Unsupported,
    /// A defect in the library or in libtorch.
    Internal,
    /// The caller stopped the work.
    Cancelled,
}

/// An error with a message that says what was wrong, with which value, and what would be right.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    message: String,
}

/// The crate's result.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An error of any kind.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Error { kind, message: message.into() }
    }

    /// A wrong argument.
    pub fn argument(message: impl Into<String>) -> Self {
        Error::new(ErrorKind::Argument, message)
    }

    /// A file with the wrong content.
    pub fn format(message: impl Into<String>) -> Self {
        Error::new(ErrorKind::Format, message)
    }

    /// A data set that cannot serve.
    pub fn data(message: impl Into<String>) -> Self {
        Error::new(ErrorKind::Data, message)
    }

    /// A defect.
    pub fn internal(message: impl Into<String>) -> Self {
        Error::new(ErrorKind::Internal, message)
    }

    /// A failed file operation: "cannot read labels.csv: No such file or directory".
    pub fn io(action: &str, path: &std::path::Path, error: &std::io::Error) -> Self {
        Error::new(ErrorKind::Io, format!("cannot {action} {}: {error}", path.display()))
    }

    /// The caller stopped the work.
    pub fn cancelled() -> Self {
        Error::new(ErrorKind::Cancelled, "cancelled by the caller")
    }

    /// An error of libtorch, told apart by its message: its C API carries no codes.
    pub fn from_torch(message: &str) -> Self {
        const OUT_OF_MEMORY: [&str; 4] =
            ["can't allocate memory", "out of memory", "OutOfMemoryError", "std::bad_alloc"];
        let kind = if OUT_OF_MEMORY.iter().any(|sign| message.contains(sign)) {
            ErrorKind::OutOfMemory
        } else {
            ErrorKind::Internal
        };
        let message = plain_words(message);
        Error::new(kind, message.trim_end())
    }

    /// The same error with the thing it is about before its message.
    pub fn prefixed(self, subject: &str) -> Self {
        Error { message: format!("{subject}: {}", self.message), ..self }
    }

    /// What to act on.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// What to read.
    pub fn message(&self) -> &str {
        &self.message
    }
}

/// Without what says nothing to a user: what tch and its panics put around a message, C++ stack traces, and advice to
/// Python programs.
fn plain_words(message: &str) -> String {
    const PANIC: &str = "called `Result::unwrap()` on an `Err` value: Torch(\"";
    // A panic shows the message as a literal of Rust.
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
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

impl From<tch::TchError> for Error {
    fn from(error: tch::TchError) -> Self {
        Error::from_torch(&error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::AssertUnwindSafe;

    #[test]
    fn what_libtorch_says_is_left_without_what_surrounds_it() {
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
    fn a_shortage_of_a_gpus_memory_is_told_without_advice_to_python() {
        // As libtorch 2.13 said it on an H200.
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
