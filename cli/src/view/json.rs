//! JSON documents that come and go.

use super::errors::Refusal;
use axum::body::Bytes;
use axum::http::header::{CONTENT_TYPE, HeaderValue};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Write;

/// A document as an answer.
pub fn answer(document: &impl Serialize) -> Response {
    match serde_json::to_vec(document) {
        Ok(bytes) => ([(CONTENT_TYPE, HeaderValue::from_static("application/json"))], bytes).into_response(),
        // Documents have text for keys and nothing else that could fail.
        Err(error) => Refusal::from(lens_base::Error::internal(error.to_string())).into_response(),
    }
}

/// The document of a request.
pub fn read<T: DeserializeOwned>(body: &Bytes) -> Result<T, Refusal> {
    serde_json::from_slice(body)
        .map_err(|error| Refusal::argument(format!("the body is not the document that is expected: {error}")))
}

/// A number as short as it is told apart from others of its precision: 0.1 is not 0.10000000149011612.
pub fn number(value: f32) -> f64 {
    value.to_string().parse().unwrap_or(f64::NAN)
}

/// A document for a header, which takes ASCII only.
pub fn ascii(document: &impl Serialize) -> String {
    let text = serde_json::to_string(document).unwrap_or_default();
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        if (' '..='~').contains(&letter) {
            escaped.push(letter);
        } else {
            for unit in letter.encode_utf16(&mut [0; 2]) {
                // Writing to a string does not fail.
                let _ = write!(escaped, "\\u{unit:04x}");
            }
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_ascii_and_read_back() {
        let document = serde_json::json!({ "name": "Gefäß\u{1f600}\u{7f}", "window": [0.5, null] });
        let text = ascii(&document);
        assert!(text.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{text}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), document);
    }
}
