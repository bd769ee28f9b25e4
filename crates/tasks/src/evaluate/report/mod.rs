//! The directory that an evaluation leaves: tables, heatmaps, charts and a page.

mod charts;
mod npy;
mod output;
mod page;
mod pictures;
mod sheet;
mod writer;

pub use writer::{ReportOptions, Writer};
