//! The directory that an evaluation leaves: tables, heatmaps, charts and a page.

mod charts;
mod npy;
mod output;
mod page;
mod sheet;
mod thumbnails;
mod writer;

pub use output::REPORT_NAMES;
pub use writer::{ReportOptions, Writer};
