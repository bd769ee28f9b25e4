//! What is answered when a request cannot be served.

use axum::extract::rejection::BytesRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use lens_base::{Error, ErrorKind};
use serde_json::json;
use std::fmt;

/// An answer that says what was wrong.
#[derive(Debug)]
pub struct Refusal {
    code: StatusCode,
    /// The library's status without its prefix, or what HTTP calls it.
    status: &'static str,
    message: String,
}

impl Refusal {
    fn new(code: StatusCode, status: &'static str, message: impl Into<String>) -> Self {
        Refusal { code, status, message: message.into() }
    }

    /// The request is wrong.
    pub fn argument(message: impl Into<String>) -> Self {
        Refusal::new(StatusCode::BAD_REQUEST, "ARGUMENT", message)
    }

    /// Token, host or origin are not those of the page.
    pub fn forbidden(message: impl Into<String>) -> Self {
        Refusal::new(StatusCode::FORBIDDEN, "FORBIDDEN", message)
    }

    /// There is no such thing.
    pub fn not_found(message: impl Into<String>) -> Self {
        Refusal::new(StatusCode::NOT_FOUND, "NOT_FOUND", message)
    }

    /// The path has other methods.
    pub fn method() -> Self {
        let message = "this path does not have this method; docs/viewer-api.md lists them";
        Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", message)
    }

    /// More bytes than are taken.
    pub fn too_large(message: impl Into<String>) -> Self {
        Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "TOO_LARGE", message)
    }

    /// More jobs than are taken.
    pub fn too_many(message: impl Into<String>) -> Self {
        Refusal::new(StatusCode::TOO_MANY_REQUESTS, "TOO_MANY_JOBS", message)
    }
}

/// The library's name of a kind of error, without prefix.
pub fn status_of(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Argument => "ARGUMENT",
        ErrorKind::Io => "IO",
        ErrorKind::Format => "FORMAT",
        ErrorKind::Device => "DEVICE",
        ErrorKind::OutOfMemory => "OUT_OF_MEMORY",
        ErrorKind::Data => "DATA",
        ErrorKind::Version => "VERSION",
        ErrorKind::Unsupported => "UNSUPPORTED",
        ErrorKind::Internal => "INTERNAL",
        ErrorKind::Cancelled => "CANCELLED",
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        let code = match error.kind() {
            ErrorKind::Argument => StatusCode::BAD_REQUEST,
            ErrorKind::Io | ErrorKind::Format | ErrorKind::Data | ErrorKind::Version | ErrorKind::Unsupported => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
            ErrorKind::Device | ErrorKind::OutOfMemory | ErrorKind::Internal | ErrorKind::Cancelled => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
        };
        Refusal::new(code, status_of(error.kind()), error.message())
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let document = json!({ "error": { "status": self.status, "message": self.message } });
        (self.code, super::json::answer(&document)).into_response()
    }
}

impl From<BytesRejection> for Refusal {
    fn from(rejection: BytesRejection) -> Self {
        match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Refusal::too_large("the document is longer than 16 MiB"),
            _ => Refusal::argument(format!("the body cannot be read: {}", rejection.body_text())),
        }
    }
}
