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

/// In the order of their codes, from 1.
const KINDS: [ErrorKind; 10] = [
    ErrorKind::Argument,
    ErrorKind::Io,
    ErrorKind::Format,
    ErrorKind::Device,
    ErrorKind::OutOfMemory,
    ErrorKind::Data,
    ErrorKind::Version,
    ErrorKind::Unsupported,
    ErrorKind::Internal,
    ErrorKind::Cancelled,
];

impl ErrorKind {
    /// A number for it between the library and the one that holds libtorch, at least 1.
    pub fn code(self) -> i32 {
        KINDS.iter().position(|kind| *kind == self).map_or(0, |index| index as i32 + 1)
    }

    /// The kind of a number; unknown ones are internal errors.
    pub fn from_code(code: i32) -> Self {
        let index = usize::try_from(code - 1).ok();
        index.and_then(|index| KINDS.get(index)).copied().unwrap_or(ErrorKind::Internal)
    }
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

    /// In the child of a fork that came within the work: the threads that help with it are not there.
    pub fn forked() -> Self {
        let message = "the process was forked within this call: the call goes on in the parent, not in the child";
        Error::new(ErrorKind::Unsupported, message)
    }

    /// The caller stopped the work.
    pub fn cancelled() -> Self {
        Error::new(ErrorKind::Cancelled, "cancelled by the caller")
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

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

/// Runs work whose panics come back as errors with their messages.
pub fn catch<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    match std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)) {
        Ok(result) => result,
        Err(panic) => Err(Error::internal(panic_message(&*panic))),
    }
}

/// What a panic said.
pub fn panic_message(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("a panic without a message")
}
