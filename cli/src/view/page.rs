//! The page's files, which are part of the program. They are built from viewer/ (`npm run build`) and committed.

use super::errors::Refusal;
use axum::extract::Path;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

/// Name, media type, content.
const FILES: [(&str, &str, &[u8]); 4] = [
    ("index.html", "text/html; charset=utf-8", include_bytes!("../../../viewer/dist/index.html")),
    ("app.js", "text/javascript; charset=utf-8", include_bytes!("../../../viewer/dist/app.js")),
    ("app.css", "text/css; charset=utf-8", include_bytes!("../../../viewer/dist/app.css")),
    ("icon.svg", "image/svg+xml", include_bytes!("../../../viewer/dist/icon.svg")),
];

/// The page.
pub async fn index() -> Result<Response, Refusal> {
    file(Path("index.html".into())).await
}

/// One of its files.
pub async fn file(Path(name): Path<String>) -> Result<Response, Refusal> {
    let (_, media_type, content) = FILES
        .into_iter()
        .find(|(known, ..)| *known == name)
        .ok_or_else(|| Refusal::not_found(format!("there is no '{name}' here")))?;
    Ok(([(CONTENT_TYPE, media_type)], content).into_response())
}
