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
        // libtorch appends a C++ stack trace that says nothing to a user.
        let message = message.split("\nException raised from").next().unwrap_or(message);
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
