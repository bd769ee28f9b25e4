//! `lesionlens view` as a page sees it: docs/viewer-api.md, asked over HTTP.

mod access;
mod data;
mod ending;
mod files;
mod http;
mod images;
mod jobs;
#[allow(dead_code)]
#[path = "../../../crates/images/tests/dicom/maker.rs"]
mod maker;
mod maps;
mod marks;
mod server;
