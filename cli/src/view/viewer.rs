//! All that the server has.

use super::catalogue::Catalogue;
use super::errors::Refusal;
use super::jobs::Jobs;
use super::marks::Marks;
use super::models::Models;
use super::results::Results;
use super::uploads::Uploads;
use lens_base::{Error, catch};
use lens_runtime::Context;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::Notify;

/// Shared by all requests and jobs.
pub struct Viewer {
    pub context: Arc<Context>,
    pub models: Models,
    pub catalogue: Arc<Catalogue>,
    pub results: Results,
    pub jobs: Jobs,
    pub marks: Marks,
    pub uploads: Uploads,
    /// Told when the page asks for the end.
    pub stop: Notify,
}

impl Viewer {
    pub fn new(context: Arc<Context>, models: Models, catalogue: Arc<Catalogue>, marks: PathBuf) -> Self {
        Viewer {
            context,
            models,
            catalogue,
            results: Results::default(),
            jobs: Jobs::default(),
            marks: Marks::new(marks),
            uploads: Uploads::default(),
            stop: Notify::new(),
        }
    }
}

/// Work that reads files or computes, on a thread where it holds up no other request.
pub async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    let done = tokio::task::spawn_blocking(move || catch(|| Ok(work()))).await;
    done.map_err(|error| Refusal::from(Error::internal(error.to_string())))??
}
