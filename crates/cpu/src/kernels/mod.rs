//! Arithmetic on the CPU for several instruction sets, chosen at run time.

#[allow(clippy::needless_range_loop)]
pub mod multiply;
#[allow(clippy::needless_range_loop)]
pub mod product;
pub mod vector;
