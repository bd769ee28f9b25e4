//! Which path is served by what.

use super::errors::Refusal;
use super::viewer::Viewer;
use super::{frames, jobs, maps, marks, models, page, server, state, table, uploads};
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{delete, get, post, put};
use std::sync::Arc;

/// Bytes of a document that is sent here.
const DOCUMENT_BYTES: usize = 16 << 20;

/// All paths, below the token's.
pub fn routes(viewer: Arc<Viewer>) -> Router {
    const FRAME: &str = "/api/series/{series}/frames/{frame}";
    Router::new()
        .route("/", get(page::index))
        .route("/{file}", get(page::file))
        .route("/api/state", get(state::state))
        .route("/api/models", post(models::load_offered))
        .route("/api/files", post(uploads::receive))
        .route(FRAME, get(frames::description))
        .route(&format!("{FRAME}/pixels"), get(frames::pixels))
        .route(&format!("{FRAME}/thumbnail"), get(frames::thumbnail))
        .route(&format!("{FRAME}/mark"), put(marks::put))
        .route("/api/jobs", post(jobs::start))
        .route("/api/jobs/{job}", delete(jobs::cancel))
        .route("/api/jobs/{job}/events", get(jobs::events))
        .route("/api/predictions", get(maps::all))
        .route("/api/maps/{map}", get(maps::description))
        .route("/api/maps/{map}/values", get(maps::values))
        .route("/api/maps/{map}/overlay", get(maps::overlay))
        .route("/api/results.csv", get(table::results))
        .route("/api/marks", get(marks::all))
        .route("/api/marks/save", post(marks::save))
        .route("/api/stop", post(server::stop))
        .fallback(async || Refusal::not_found("there is no such path"))
        .method_not_allowed_fallback(async || Refusal::method())
        .layer(DefaultBodyLimit::max(DOCUMENT_BYTES))
        .with_state(viewer)
}
