//! The server of `lesionlens view`: a page on loopback, and the interface of docs/viewer-api.md between the two.

mod address;
mod browser;
mod catalogue;
mod descriptions;
mod errors;
mod frames;
mod guard;
mod jobs;
mod json;
mod maps;
mod marks;
mod models;
mod npy;
mod page;
mod results;
mod routes;
mod same;
mod server;
mod state;
mod table;
mod uploads;
mod viewer;

use crate::program::Failure;
use lens_runtime::Context;
use std::path::PathBuf;
use std::sync::Arc;

/// What is to be shown, and how.
pub struct Request {
    /// Computes for all models.
    pub context: Arc<Context>,
    pub models: Vec<PathBuf>,
    pub files: Vec<PathBuf>,
    /// Where marks are saved.
    pub marks: PathBuf,
    /// 0: any free one.
    pub port: u16,
    /// Whether the browser is opened.
    pub open: bool,
    /// Whether the address is printed as JSON.
    pub json: bool,
    /// Whether nothing but the address is told.
    pub quiet: bool,
}

/// Serves until Ctrl-C or the page ends it.
pub fn run(request: Request) -> Result<(), Failure> {
    server::run(request)
}
