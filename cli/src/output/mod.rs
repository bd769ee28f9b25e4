//! What commands print, and the tables that they write.

pub mod csv;
pub mod json;
pub mod text;
